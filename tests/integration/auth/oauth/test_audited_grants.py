"""Every token that is given is written down: what changes something with the change, the rest a moment later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.auth_provider import Authority, Registered

_FIND = "SELECT * FROM auth.audit_events WHERE client = $1 AND kind LIKE 'token.%' ORDER BY time, id"


async def written(authority: Authority, client: Registered) -> list[Any]:
    """Return what is written down of a client's tokens."""
    assert await authority.frame.audit.flush()
    return list(await authority.pool.fetch(_FIND, [client.id]))


async def test_each_renewal_is_written_down_with_who_and_by_what(authority: Authority) -> None:
    client = await authority.register(first_party=True)
    tokens = await authority.tokens(client, scope="openid offline_access")
    answer = await authority.token(client, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert answer.status_code == 200, answer.text
    granted, renewed = await written(authority, client)
    assert (granted["kind"], renewed["kind"]) == ("token.granted", "token.renewed")
    assert renewed["outcome"] == "success"
    assert renewed["subject"] == await authority.administrator()
    assert renewed["actor"] == f"clients/{client.id}"
    assert renewed["session"]
    assert tokens["refresh_token"] not in str(dict(renewed))


async def test_each_token_of_a_client_that_acts_by_itself_is_written_down(authority: Authority) -> None:
    machine = await authority.add_service_account("commerce.*")
    client = await authority.register(grant_types=["client_credentials"], service_account=machine)
    answers = [await authority.token(client, grant_type="client_credentials") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    events = await written(authority, client)
    assert [(event["kind"], event["subject"]) for event in events] == [("token.granted", machine)] * 3


async def test_a_grant_does_not_wait_for_the_trail(authority: Authority) -> None:
    machine = await authority.add_service_account("commerce.*")
    client = await authority.register(grant_types=["client_credentials"], service_account=machine)
    async with authority.pool.begin() as blocking:
        await blocking.fetch("LOCK TABLE auth.audit_events IN EXCLUSIVE MODE")
        answer = await authority.token(client, grant_type="client_credentials")
    assert answer.status_code == 200
    assert len(await written(authority, client)) == 1
