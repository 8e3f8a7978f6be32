"""Operators exchange the keys that sign, in time or at once, and what a withdrawn key has signed opens nothing."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from tenon.auth.v1 import signing_key_service_pb2 as pb
from tenon.auth.v1 import signing_key_service_pb2_grpc, user_service_pb2

from services.auth.storage.signing_keys import RSA_ALGORITHM
from services.chassis.tokens import ALGORITHM, TokenRevoked
from tests.integration.auth.people.conftest import bearer, started
from tests.integration.auth.test_auth_service import environ, reason_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.auth.people.conftest import Tenants

__all__ = ["environ"]

STAGED, SIGNING = pb.SIGNING_KEY_STATE_STAGED, pb.SIGNING_KEY_STATE_SIGNING


@pytest.fixture
async def tenants(environ: dict[str, str]) -> AsyncIterator[Tenants]:
    async with started(environ) as running:
        yield running


def keys_of(tenants: Tenants) -> Any:
    return signing_key_service_pb2_grpc.SigningKeyServiceStub(tenants.cli)


async def states(tenants: Tenants) -> list[tuple[str, int]]:
    found = await keys_of(tenants).DescribeSigningKeys(pb.DescribeSigningKeysRequest())
    return sorted((key.algorithm, key.state) for key in found.signing_keys)


async def names(tenants: Tenants, state: int) -> list[str]:
    found = await keys_of(tenants).DescribeSigningKeys(pb.DescribeSigningKeysRequest())
    return [key.name for key in found.signing_keys if key.state == state]


def key_of(token: str) -> str:
    head = token.split(".", maxsplit=1)[0]
    return str(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])


def known(tenants: Tenants) -> Any:
    """Return the keys as a verifier has them, who reads them once in five minutes, and for an unknown key."""
    return tenants.verifier._keys  # noqa: SLF001 - they are nobody else's matter


async def users(tenants: Tenants, token: str) -> Any:
    return await tenants.users.ListUsers(user_service_pb2.ListUsersRequest(), **bearer(token))


async def test_a_rotation_publishes_the_next_keys_now_and_changes_nothing_else(tenants: Tenants) -> None:
    before = (await tenants.sign_in()).access_token
    assert await states(tenants) == [(ALGORITHM, SIGNING), (RSA_ALGORITHM, SIGNING)]
    first = await keys_of(tenants).RotateSigningKeys(pb.RotateSigningKeysRequest())
    both = [(ALGORITHM, STAGED), (ALGORITHM, SIGNING), (RSA_ALGORITHM, STAGED), (RSA_ALGORITHM, SIGNING)]
    assert await states(tenants) == sorted(both)
    staged = [key for key in first.signing_keys if key.state == STAGED]
    [signing] = [key for key in first.signing_keys if key.state == SIGNING and key.algorithm == ALGORITHM]
    assert all(key.activate_time.seconds - signing.activate_time.seconds >= 15 * 60 for key in staged)
    assert key_of((await tenants.sign_in()).access_token) == key_of(before)
    assert await tenants.is_good(before)
    again = await keys_of(tenants).RotateSigningKeys(pb.RotateSigningKeysRequest())
    assert list(again.signing_keys) == list(first.signing_keys)


async def test_what_a_withdrawn_key_has_signed_opens_nothing_and_a_new_key_signs(tenants: Tenants) -> None:
    opened = await tenants.sign_in()
    await users(tenants, opened.access_token)
    await keys_of(tenants).RevokeSigningKeys(pb.RevokeSigningKeysRequest(names=await names(tenants, SIGNING)))
    assert not await tenants.is_good(opened.access_token)
    assert await reason_of(users(tenants, opened.access_token)) == "UNAUTHENTICATED TOKEN_REVOKED"
    renewed = (await tenants.sign_in()).access_token
    # Otherwise a verifier looks for an unknown key once in five seconds.
    known(tenants).spacing = 0.0
    assert key_of(renewed) != key_of(opened.access_token)
    assert await tenants.is_good(renewed)
    assert await states(tenants) == [(ALGORITHM, SIGNING), (RSA_ALGORITHM, SIGNING)]


async def test_a_staged_key_that_everybody_knows_takes_over_from_a_withdrawn_one(tenants: Tenants) -> None:
    await keys_of(tenants).RotateSigningKeys(pb.RotateSigningKeysRequest())
    staged = await names(tenants, STAGED)
    await keys_of(tenants).RevokeSigningKeys(pb.RevokeSigningKeysRequest(names=await names(tenants, SIGNING)))
    assert await names(tenants, SIGNING) == staged
    assert f"signingKeys/{key_of((await tenants.sign_in()).access_token)}" in staged


async def test_a_key_that_is_not_there_withdraws_none(tenants: Tenants) -> None:
    both = [*await names(tenants, SIGNING), "signingKeys/nothing"]
    answer = keys_of(tenants).RevokeSigningKeys(pb.RevokeSigningKeysRequest(names=both))
    assert await reason_of(answer) == "NOT_FOUND SIGNING_KEY_UNKNOWN"
    assert await names(tenants, SIGNING) == both[:-1]


async def test_both_are_written_down(tenants: Tenants) -> None:
    await keys_of(tenants).RotateSigningKeys(pb.RotateSigningKeysRequest())
    staged = await names(tenants, STAGED)
    await keys_of(tenants).RevokeSigningKeys(pb.RevokeSigningKeysRequest(names=staged[:1]))
    rows = await tenants.database.fetch(
        "SELECT kind, actor, subject FROM auth.audit_events WHERE starts_with(kind, 'signing_key') ORDER BY time, kind"
    )
    told = {(row["kind"], row["actor"], row["subject"]) for row in rows}
    assert told == {
        *(("signing_key.staged", "workloads/cli", name) for name in staged),
        ("signing_key.revoked", "workloads/cli", staged[0]),
    }


async def test_no_administrator_of_an_organization_exchanges_the_keys_of_all(tenants: Tenants) -> None:
    stub: Any = signing_key_service_pb2_grpc.SigningKeyServiceStub(tenants.edge)
    answer = stub.RotateSigningKeys(pb.RotateSigningKeysRequest(), **await tenants.admin())
    assert (await reason_of(answer)).startswith("PERMISSION_DENIED")


async def test_a_verifier_that_still_has_the_key_refuses_it_too(tenants: Tenants) -> None:
    token = (await tenants.sign_in()).access_token
    await tenants.verifier.verify(token)
    await keys_of(tenants).RevokeSigningKeys(pb.RevokeSigningKeysRequest(names=await names(tenants, SIGNING)))
    assert known(tenants).find(key_of(token)) is not None
    await tenants.verifier._revoked.look()  # type: ignore[attr-defined]  # noqa: SLF001 - is read each second
    with pytest.raises(TokenRevoked):
        await tenants.verifier.verify(token)
