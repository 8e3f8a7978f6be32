"""Whoever is deleted is named nowhere in auth's tables any more, but by a name that says nothing of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from tenon.auth.v1 import (
    access_model_service_pb2,
    access_model_service_pb2_grpc,
    api_key_pb2,
    api_key_service_pb2,
    api_key_service_pb2_grpc,
    group_pb2,
    group_service_pb2,
    relation_service_pb2,
    relation_service_pb2_grpc,
    service_account_pb2,
    service_account_service_pb2,
    service_account_service_pb2_grpc,
    user_service_pb2,
)
from tenon.auth.v1 import profile_service_pb2 as pb
from tenon.auth.v1.invitation_service_pb2 import JoinOrganizationRequest

from services.auth.storage.personal_data import LEFT
from tests.integration.auth.people.conftest import bearer
from tests.integration.auth.people.test_invitations import invite
from tests.integration.auth.people.test_profiles import add_person

if TYPE_CHECKING:
    from tests.integration.auth.people.conftest import Tenants

ADDRESS = "cid@default.test"
MODEL = {
    "types": [
        {"name": "users", "relations": [{"name": "friend", "subjects": ["users"]}]},
        {"name": "documents", "relations": [{"name": "viewer", "subjects": ["users"]}]},
    ]
}
NAMED = {
    **dict.fromkeys(("audit_events", "outbox", "request_ids"), "what happened, kept for its time"),
    **dict.fromkeys(LEFT, "others are told that a session has ended"),
    "revocations": "tokens that are out are good no more",
}
"""The tables that may still have a person's name, a UUID that nobody gets again, and why."""


@pytest.fixture
async def cid(tenants: Tenants) -> Any:
    """Somebody who has left a trace in every table that can have one; their sign-in."""
    ann, admin = await tenants.found("acme", "ann@acme.test"), await tenants.admin()
    opened = await add_person(tenants, ADDRESS, "roles/administrator")
    name, own = opened.user, bearer(opened.access_token)
    await invite(tenants, ann, ADDRESS)
    await tenants.invitations.JoinOrganization(JoinOrganizationRequest(secret=await tenants.secret(ADDRESS)), **own)
    for caller in (admin, ann):
        group = group_pb2.Group(display_name="Clerks", members=[name])
        await tenants.groups.CreateGroup(group_service_pb2.CreateGroupRequest(group=group), **caller)
        await relate(tenants, caller, name)
    await add_key(tenants, own, name)
    await add_key(tenants, own, await add_robot(tenants, admin))
    await invite(tenants, own, "pending@x.test")
    await invite(tenants, own, "accepted@x.test")
    await tenants.accept("accepted@x.test")
    for statement in (
        "INSERT INTO auth.consents VALUES ('acme', $1, 'clients/x', '{openid}', now(), now())",
        "INSERT INTO auth.consents VALUES ('beta', $1, 'clients/x', '{openid}', now(), now())",
        "INSERT INTO auth.linked_identities VALUES ('l', 'default', $1, 'p', 's', 'cid@default.test', now(), null)",
        "INSERT INTO auth.recovery_codes VALUES ('default', $1, '\\x00', null)",
        "INSERT INTO auth.authorization_requests VALUES ('f', '\\x00', now(), now() + interval '1 hour', $1)",
    ):
        await tenants.database.fetch(statement, [name])
    await tenants.found("beta", "bob@beta.test")
    return opened


async def relate(tenants: Tenants, caller: dict[str, Any], name: str) -> None:
    """Make them a subject and an object of relations."""
    edge: Any = tenants.edge
    model = ParseDict({"access_model": MODEL}, access_model_service_pb2.UpdateAccessModelRequest())
    await access_model_service_pb2_grpc.AccessModelServiceStub(edge).UpdateAccessModel(model, **caller)
    said = [("documents/a", "viewer", name), (name, "friend", "users/other"), ("documents/a", "viewer", "users/other")]
    writes = [dict(zip(("resource", "relation", "subject"), one, strict=True)) for one in said]
    request = ParseDict({"writes": writes}, relation_service_pb2.WriteRelationsRequest())
    await relation_service_pb2_grpc.RelationServiceStub(edge).WriteRelations(request, **caller)


async def add_key(tenants: Tenants, caller: dict[str, Any], owner: str) -> None:
    key = api_key_pb2.ApiKey(owner=owner, scopes=["auth.users.get"], display_name="nightly")
    stub = api_key_service_pb2_grpc.ApiKeyServiceStub(tenants.edge)
    await stub.CreateApiKey(api_key_service_pb2.CreateApiKeyRequest(api_key=key), **caller)


async def add_robot(tenants: Tenants, caller: dict[str, Any]) -> str:
    account = service_account_pb2.ServiceAccount(display_name="Robot", roles=["roles/administrator"])
    request = service_account_service_pb2.CreateServiceAccountRequest(service_account=account)
    stub = service_account_service_pb2_grpc.ServiceAccountServiceStub(tenants.edge)
    return str((await stub.CreateServiceAccount(request, **caller)).name)


async def naming(tenants: Tenants, text: str) -> set[str]:
    """Return the tables of auth with a row that has a text in it, as text or within bytes."""
    tables = await tenants.database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'auth'", [])
    found = set()
    for row in tables:
        table = row["tablename"]
        statement = f"SELECT 1 FROM auth.{table} t WHERE t::text LIKE '%' || $1 || '%' OR t::text LIKE '%' || $2 || '%'"
        if await tenants.database.fetch(f"{statement} LIMIT 1", [text, text.encode().hex()]):
            found.add(table)
    return found


@pytest.mark.parametrize("themselves", [True, False])
async def test_nothing_names_whoever_is_deleted(tenants: Tenants, cid: Any, themselves: bool) -> None:
    """Auth statement 50: erased with all that is kept, in every organization."""
    identifier = cid.user.removeprefix("users/")
    before = await naming(tenants, identifier)
    assert before >= {"users", "relations", "api_keys", "groups", "memberships", "consents", "linked_identities"}
    assert before >= {"sessions", "credentials", "invitations", "recovery_codes", "authorization_requests"}
    if themselves:
        await tenants.profiles.DeleteMe(pb.DeleteMeRequest(), **bearer(cid.access_token))
    else:
        request = user_service_pb2.DeleteUserRequest(name=cid.user)
        await tenants.users.DeleteUser(request, **await tenants.admin())
    assert await naming(tenants, identifier) <= NAMED.keys()
    assert await naming(tenants, ADDRESS) <= {"outbox", "request_ids"}


async def test_what_is_anothers_stays(tenants: Tenants, cid: Any) -> None:
    """The erasure of one person takes nothing from others, and decisions see it at once."""
    states = await revisions(tenants)
    await tenants.profiles.DeleteMe(pb.DeleteMeRequest(), **bearer(cid.access_token))
    rows = await tenants.database.fetch("SELECT organization, subject_id FROM auth.relations ORDER BY 1", [])
    assert [tuple(row) for row in rows] == [("acme", "other"), ("default", "other")]
    assert await revisions(tenants) == {name: revision + 1 for name, revision in states.items()}
    (robots,) = await tenants.database.fetch("SELECT owner, creator FROM auth.api_keys", [])
    assert (robots["owner"].startswith("serviceAccounts/"), robots["creator"]) == (True, "")
    rows = await tenants.database.fetch(
        "SELECT email, inviter FROM auth.invitations WHERE organization = 'default'", []
    )
    assert ("accepted@x.test", "") in {(row["email"], row["inviter"]) for row in rows}
    assert "pending@x.test" not in {row["email"] for row in rows}
    secrets = await tenants.database.fetch("SELECT invitation FROM auth.invitation_secrets", [])
    assert secrets == []


async def revisions(tenants: Tenants) -> dict[str, int]:
    rows = await tenants.database.fetch("SELECT organization, revision FROM auth.access_states", [])
    return {row["organization"]: row["revision"] for row in rows}


@pytest.mark.parametrize("themselves", [True, False])
async def test_an_export_has_keys_relations_and_consents(tenants: Tenants, cid: Any, themselves: bool) -> None:
    """Auth statement 50: what is taken along is what is kept; no secret is."""
    if themselves:
        answer = await tenants.profiles.ExportMe(pb.ExportMeRequest(), **bearer(cid.access_token))
    else:
        request = user_service_pb2.ExportUserDataRequest(name=cid.user)
        answer = await tenants.users.ExportUserData(request, **await tenants.admin())
    found = MessageToDict(answer.data)
    (key,) = found["api_keys"]
    assert (key["owner"], key["display_name"], key["scopes"]) == (cid.user, "nightly", ["auth.users.get"])
    assert "digest" not in key
    related = {(row["organization"], row["resource_type"], row["relation"]) for row in found["relations"]}
    assert related == {
        (o, *what) for o in ("acme", "default") for what in (("documents", "viewer"), ("users", "friend"))
    }
    assert {row["organization"] for row in found["consents"]} == {"acme", "beta"}
    assert found["linked_identities"][0]["email"] == ADDRESS
