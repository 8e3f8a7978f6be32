"""`tenon auth`: what each command asks auth for, and what it shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp
from tenon.auth.v1 import (
    api_key_pb2,
    api_key_service_pb2,
    audit_event_pb2,
    audit_service_pb2,
    client_pb2,
    client_service_pb2,
    invitation_pb2,
    organization_pb2,
    permission_pb2,
    permission_service_pb2,
    role_pb2,
    role_service_pb2,
    service_account_pb2,
    session_pb2,
    session_service_pb2,
    signing_key_service_pb2,
    user_pb2,
    user_service_pb2,
)

from services.cli.commands.auth.entry import COMMANDS, GROUPS, make_parser
from services.cli.errors import CommandError
from tests.fakes.auth_channel import FakeChannel, refusal, type_in

if TYPE_CHECKING:
    from pathlib import Path

    from services.cli.commands.auth.command import Command

ADA = user_pb2.User(name="users/1", email="ada@example.com", display_name="Ada", roles=["roles/clerk"], etag="e")
FOUND = user_service_pb2.ListUsersResponse(users=[ADA])


def test_every_command_has_help_that_a_newcomer_reads(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit) as caught:
            make_parser().parse_args([*command.words.split(), "--help"])
        assert caught.value.code == 0
        shown = capsys.readouterr().out
        assert f"tenon auth {command.words}" in shown
        assert command.help.capitalize().split()[0] in shown
    assert set(GROUPS) == {" ".join(c.words.split()[:-1]) for c in COMMANDS if " " in c.words}


def test_a_user_is_made_with_a_password_that_is_shown_once() -> None:
    channel = FakeChannel().add("CreateUser", ADA)
    channel.add("ResetPassword", user_service_pb2.ResetPasswordResponse(password="s3cret"))
    typed = type_in(channel, "user", "create", "ada@example.com", "--name", "Ada", "--role", "clerk", "--password")
    assert typed.code == 0
    assert "s3cret" in typed.shown
    assert "shown this once" in typed.shown
    made = channel.request("CreateUser").user
    assert (made.email, made.display_name, list(made.roles)) == ("ada@example.com", "Ada", ["roles/clerk"])
    assert channel.request("ResetPassword").name == "users/1"


def test_a_user_without_a_password_is_told_how_to_get_one() -> None:
    channel = FakeChannel().add("CreateUser", ADA)
    assert "/account/reset" in type_in(channel, "user", "create", "ada@example.com").shown


def test_lists_are_read_page_by_page() -> None:
    pages = [
        user_service_pb2.ListUsersResponse(users=[ADA], next_page_token="2"),
        user_service_pb2.ListUsersResponse(
            users=[user_pb2.User(name="users/2", email="bob@example.com", disabled=True)]
        ),
    ]
    channel = FakeChannel().add("ListUsers", *pages)
    typed = type_in(channel, "user", "list", "--filter", "disabled = true", "--organization", "acme")
    lines = typed.shown.splitlines()
    assert lines[0].split() == ["NAME", "EMAIL", "SHOWN", "AS", "ROLES", "STATE"]
    assert "active" in lines[1]
    assert "disabled" in lines[2]
    assert channel.request("ListUsers").page_token == "2"
    assert channel.request("ListUsers").filter == "disabled = true"
    assert typed.organizations == ["acme"]
    assert channel.tokens == ["Bearer token"] * 2


def test_nothing_is_a_sentence_to_people_and_an_empty_list_to_programs() -> None:
    channel = FakeChannel().add("ListUsers", *[user_service_pb2.ListUsersResponse()] * 2)
    assert type_in(channel, "user", "list").shown == "There are no such users.\n"
    assert json.loads(type_in(channel, "user", "list", "--json").shown) == []


def test_json_is_the_message_as_rest_has_it() -> None:
    channel = FakeChannel().add("ListUsers", FOUND)
    [user] = json.loads(type_in(channel, "user", "list", "--json").shown)
    assert (user["displayName"], user["emailVerified"]) == ("Ada", False)


def test_a_user_is_found_by_the_address_on_whatever_page_and_in_whatever_case() -> None:
    bob = user_service_pb2.ListUsersResponse(users=[user_pb2.User(email="bob@example.com")], next_page_token="2")
    channel = FakeChannel().add("ListUsers", bob, FOUND, bob, FOUND)
    assert "users/1" in type_in(channel, "user", "show", "Ada@example.com").shown
    assert [request.page_token for _, request in channel.calls] == ["", "2"]
    with pytest.raises(CommandError, match="No user has the address"):
        type_in(channel, "user", "show", "carol@example.com")


def test_what_people_call_themselves_cannot_move_the_cursor() -> None:
    evil = user_pb2.User(name="users/1", email="e@example.com", display_name="\x1b[2Jme")
    channel = FakeChannel().add("GetUser", evil)
    assert "\x1b" not in type_in(channel, "user", "show", "users/1").shown


@pytest.mark.parametrize(("word", "disabled"), [("disable", True), ("enable", False)])
def test_users_are_disabled_and_enabled(word: str, disabled: bool) -> None:
    channel = FakeChannel().add("GetUser", ADA).add("UpdateUser", ADA)
    assert type_in(channel, "user", word, "users/1").code == 0
    request = channel.request("UpdateUser")
    assert (request.user.disabled, list(request.update_mask.paths)) == (disabled, ["disabled"])


DESTRUCTIVE = [c for c in COMMANDS if c.asks and c.words != "keys rotate"]


@pytest.mark.parametrize("command", DESTRUCTIVE, ids=lambda command: command.words)
def test_what_cannot_be_undone_is_asked_about_first(command: Command) -> None:
    words = [*command.words.split(), "users/1"]
    if "secret" in words:
        words.append("s1")
    channel = FakeChannel()
    typed = type_in(channel, *words, says="n")
    assert (typed.code, typed.shown, len(typed.asked)) == (1, "Nothing was done.\n", 1)
    with pytest.raises(CommandError, match="--yes"):
        type_in(channel, *words)
    assert channel.calls == []


def test_those_are_all_commands_that_take_something_away() -> None:
    taking = ("delete", "remove", "revoke", "reset-password", "end-sessions")
    assert {c.words for c in COMMANDS if c.words.endswith(taking)} - {c.words for c in DESTRUCTIVE} == {"role revoke"}


def test_a_deletion_that_is_agreed_to_is_done() -> None:
    for says, yes in (("y", []), (None, ["--yes"])):
        channel = FakeChannel().add("GetUser", ADA).add("DeleteUser", Empty())
        assert "Deleted users/1" in type_in(channel, "user", "delete", "users/1", *yes, says=says).shown
        assert channel.request("DeleteUser") == user_service_pb2.DeleteUserRequest(name="users/1", etag="e")


def test_sessions_are_listed_and_ended() -> None:
    session = session_pb2.Session(name="sessions/1", address="192.0.2.1", acr="aal2", amr=["pwd", "otp"])
    channel = FakeChannel().add("GetUser", ADA, ADA)
    channel.add("ListUserSessions", session_service_pb2.ListUserSessionsResponse(sessions=[session]))
    channel.add("EndUserSessions", session_service_pb2.EndUserSessionsResponse(ended=1))
    assert "192.0.2.1" in type_in(channel, "user", "sessions", "users/1").shown
    assert "Ended 1 sessions" in type_in(channel, "user", "end-sessions", "users/1", "--yes").shown


def test_roles_are_made_listed_and_deleted() -> None:
    role = role_pb2.Role(name="roles/clerk", permissions=["commerce.*"])
    channel = FakeChannel().add("CreateRole", role).add("DeleteRole", Empty())
    channel.add("ListRoles", role_service_pb2.ListRolesResponse(roles=[role]))
    typed = type_in(channel, "role", "create", "roles/clerk", "--permission", "commerce.*", "--name", "Clerk")
    assert "grants commerce.*" in typed.shown
    assert channel.request("CreateRole").role_id == "clerk"
    assert "commerce.*" in type_in(channel, "role", "list").shown
    assert "Deleted roles/clerk" in type_in(channel, "role", "delete", "clerk", "--yes").shown


@pytest.mark.parametrize(
    ("word", "given", "left"), [("grant", "buyer", ["roles/clerk", "roles/buyer"]), ("revoke", "clerk", [])]
)
def test_roles_are_given_and_taken_under_the_etag_that_was_read(word: str, given: str, left: list[str]) -> None:
    channel = FakeChannel().add("ListUsers", FOUND).add("UpdateUser", ADA)
    type_in(channel, "role", word, "ada@example.com", given)
    request = channel.request("UpdateUser")
    assert (list(request.user.roles), request.user.etag, list(request.update_mask.paths)) == (left, "e", ["roles"])


def test_roles_are_given_to_service_accounts_too() -> None:
    account = service_account_pb2.ServiceAccount(name="serviceAccounts/1", etag="e")
    channel = FakeChannel().add("GetServiceAccount", account).add("UpdateServiceAccount", account)
    type_in(channel, "role", "grant", "serviceAccounts/1", "clerk")
    assert list(channel.request("UpdateServiceAccount").service_account.roles) == ["roles/clerk"]


def test_a_client_that_signs_people_in_gets_an_id_and_a_secret_once() -> None:
    channel = FakeChannel().add("CreateClient", client_pb2.Client(name="clients/c1"))
    channel.add(
        "AddClientSecret",
        client_service_pb2.AddClientSecretResponse(client_secret="s3cret", secret=client_pb2.ClientSecret(id="k1")),
    )
    typed = type_in(channel, "client", "create", "Shop", "--redirect-uri", "https://shop.example/cb", "--json")
    assert json.loads(typed.shown) == {
        "name": "clients/c1",
        "client_id": "c1",
        "secret_id": "k1",
        "client_secret": "s3cret",
    }
    client = channel.request("CreateClient").client
    assert list(client.grant_types) == ["authorization_code", "refresh_token"]
    assert list(client.scopes) == ["openid", "profile", "email", "offline_access"]
    assert list(client.redirect_uris) == ["https://shop.example/cb"]


def test_a_public_client_has_no_secret_and_a_machine_acts_as_its_account() -> None:
    channel = FakeChannel().add("CreateClient", *[client_pb2.Client(name="clients/c1")] * 2)
    assert "no secret" in type_in(channel, "client", "create", "App", "--public", "--first-party").shown
    public = channel.request("CreateClient").client
    assert (public.token_endpoint_auth_method, public.first_party) == ("none", True)
    channel.add("AddClientSecret", client_service_pb2.AddClientSecretResponse(client_secret="s"))
    type_in(channel, "client", "create", "Job", "--service-account", "1", "--scope", "commerce.*")
    machine = channel.request("CreateClient").client
    assert list(machine.grant_types) == ["client_credentials"]
    assert (machine.service_account, list(machine.scopes)) == ("serviceAccounts/1", ["commerce.*"])


def test_clients_and_their_secrets_are_listed_and_removed() -> None:
    channel = FakeChannel().add("DeleteClient", Empty()).add("RemoveClientSecret", Empty())
    client = client_pb2.Client(name="clients/c1", grant_types=["authorization_code"])
    channel.add("ListClients", client_service_pb2.ListClientsResponse(clients=[client]))
    secrets = [client_pb2.ClientSecret(id="k1")]
    channel.add("DescribeClientSecrets", client_service_pb2.DescribeClientSecretsResponse(secrets=secrets))
    channel.add("AddClientSecret", client_service_pb2.AddClientSecretResponse(client_secret="s3cret"))
    assert " code " in type_in(channel, "client", "list").shown
    assert "k1" in type_in(channel, "client", "secret", "list", "c1").shown
    assert "s3cret" in type_in(channel, "client", "secret", "add", "c1", "--days", "30").shown
    assert channel.request("AddClientSecret").HasField("expire_time")
    type_in(channel, "client", "secret", "remove", "clients/c1", "k1", "--yes")
    assert channel.request("RemoveClientSecret").secret == "k1"
    type_in(channel, "client", "delete", "c1", "--yes")
    assert channel.request("DeleteClient").name == "clients/c1"


def test_machines_get_keys_that_are_shown_once() -> None:
    account = service_account_pb2.ServiceAccount(name="serviceAccounts/1", display_name="job")
    key = api_key_pb2.ApiKey(name="apiKeys/k1", owner=account.name, scopes=["*"], text="tnk_k1_secret_crc")
    channel = FakeChannel().add("CreateServiceAccount", account).add("CreateApiKey", key)
    assert "serviceAccounts/1" in type_in(channel, "service-account", "create", "job", "--role", "clerk").shown
    assert "tnk_k1_secret_crc" in type_in(channel, "key", "create", "1", "--scope", "commerce.*").shown
    assert list(channel.request("CreateApiKey").api_key.scopes) == ["commerce.*"]
    key.ClearField("text")
    key.revoke_time.CopyFrom(Timestamp(seconds=1))
    channel.add("ListApiKeys", api_key_service_pb2.ListApiKeysResponse(api_keys=[key]))
    assert "revoked" in type_in(channel, "key", "list", "--owner", "1").shown
    assert channel.request("ListApiKeys").owner == "serviceAccounts/1"
    channel.add("RevokeApiKey", api_key_service_pb2.RevokeApiKeyResponse(api_key=key))
    assert "Revoked apiKeys/k1" in type_in(channel, "key", "revoke", "k1", "--yes").shown


def test_a_key_opens_what_the_roles_of_its_account_grant_where_nothing_else_is_said() -> None:
    account = service_account_pb2.ServiceAccount(name="serviceAccounts/1", roles=["roles/a", "roles/b"])
    channel = FakeChannel().add("GetServiceAccount", account, service_account_pb2.ServiceAccount())
    channel.add("GetRole", role_pb2.Role(permissions=["a.*", "b.*"]), role_pb2.Role(permissions=["b.*", "c.d.e"]))
    channel.add("CreateApiKey", api_key_pb2.ApiKey(name="apiKeys/k1"))
    type_in(channel, "key", "create", "1")
    assert list(channel.request("CreateApiKey").api_key.scopes) == ["a.*", "b.*", "c.d.e"]
    with pytest.raises(CommandError, match="role grant"):
        type_in(channel, "key", "create", "2")


def test_organizations_and_invitations_are_made() -> None:
    channel = FakeChannel().add("CreateOrganization", organization_pb2.Organization(name="organizations/acme"))
    typed = type_in(channel, "organization", "create", "acme", "--administrator", "ada@example.com")
    assert "ada@example.com is invited" in typed.shown
    assert channel.request("CreateOrganization").organization_id == "acme"
    channel.add("CreateInvitation", invitation_pb2.Invitation(name="invitations/1", email="bob@example.com"))
    type_in(channel, "invitation", "create", "bob@example.com", "--role", "clerk", "--organization", "acme")
    assert list(channel.request("CreateInvitation").invitation.roles) == ["roles/clerk"]


def test_the_matrix_says_by_which_pattern_a_role_grants_a_permission() -> None:
    method = permission_pb2.MethodAccess(
        path="/s/Get", kind=permission_pb2.METHOD_ACCESS_KIND_PERMISSION, detail="commerce.products.get"
    )
    internal = permission_pb2.MethodAccess(kind=permission_pb2.METHOD_ACCESS_KIND_INTERNAL, detail="cli")
    roles = [
        permission_service_pb2.RoleGrants(role="roles/clerk", grants={"commerce.products.get": "commerce.*"}),
        permission_service_pb2.RoleGrants(role="roles/guest"),
    ]
    answer = permission_service_pb2.GetRoleMatrixResponse(methods=[method, internal], roles=roles)
    channel = FakeChannel().add("GetRoleMatrix", answer)
    lines = type_in(channel, "matrix", "--service", "commerce", "--role", "clerk").shown.splitlines()
    assert [line.split() for line in lines] == [
        ["PERMISSION", "clerk", "guest"],
        ["commerce.products.get", "commerce.*", "-"],
    ]
    assert list(channel.request("GetRoleMatrix").roles) == ["roles/clerk"]


def test_permissions_are_listed_with_what_they_open() -> None:
    methods = [permission_pb2.MethodAccess(path="/tenon.commerce.v1.ProductService/GetProduct")]
    found = permission_pb2.Permission(name="commerce.products.get", methods=methods)
    channel = FakeChannel().add("ListPermissions", permission_service_pb2.ListPermissionsResponse(permissions=[found]))
    assert "ProductService/GetProduct" in type_in(channel, "permissions").shown


def test_the_audit_trail_is_listed_and_judged_and_a_broken_one_is_an_error() -> None:
    event = audit_event_pb2.AuditEvent(name="auditEvents/1", kind="sign_in.failed", outcome="failure")
    channel = FakeChannel().add("ListAuditEvents", audit_service_pb2.ListAuditEventsResponse(audit_events=[event]))
    channel.add(
        "VerifyAuditTrail",
        audit_service_pb2.VerifyAuditTrailResponse(intact=True, events=3, head="ab"),
        audit_service_pb2.VerifyAuditTrailResponse(broken_at="auditEvents/2"),
    )
    assert "sign_in.failed" in type_in(channel, "audit", "list", "--kind", "sign_in", "--limit", "5").shown
    assert channel.request("ListAuditEvents").page_size == 5
    assert type_in(channel, "audit", "verify").code == 0
    broken = type_in(channel, "audit", "verify")
    assert (broken.code, "auditEvents/2" in broken.shown) == (1, True)


def test_the_audit_trail_is_exported_to_a_file_of_ones_own(tmp_path: Path) -> None:
    pieces = [HttpBody(data=b'{"a":1}\n'), HttpBody(data=b'{"a":2}\n')]
    channel = FakeChannel().add("ExportAuditEvents", pieces, refusal(grpc.StatusCode.PERMISSION_DENIED, "No."))
    path = tmp_path / "audit.jsonl"
    assert "Wrote 2 events" in type_in(channel, "audit", "export", "--into", str(path)).shown
    assert path.read_bytes() == b'{"a":1}\n{"a":2}\n'
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="No"):
        type_in(channel, "audit", "export", "--into", str(path))
    assert path.read_bytes() == b'{"a":1}\n{"a":2}\n'


KEYS = [
    signing_key_service_pb2.SigningKey(name="signingKeys/old", state=signing_key_service_pb2.SIGNING_KEY_STATE_RETIRED),
    signing_key_service_pb2.SigningKey(name="signingKeys/now", state=signing_key_service_pb2.SIGNING_KEY_STATE_SIGNING),
    signing_key_service_pb2.SigningKey(name="signingKeys/new", state=signing_key_service_pb2.SIGNING_KEY_STATE_STAGED),
]


def test_signing_keys_are_listed_and_rotated_without_a_token() -> None:
    channel = FakeChannel().add(
        "DescribeSigningKeys", signing_key_service_pb2.DescribeSigningKeysResponse(signing_keys=KEYS)
    )
    channel.add("RotateSigningKeys", signing_key_service_pb2.RotateSigningKeysResponse(signing_keys=KEYS))
    assert "retired" in type_in(channel, "keys", "list").shown
    typed = type_in(channel, "keys", "rotate")
    assert "staged" in typed.shown
    assert channel.tokens == ["", ""]
    assert typed.organizations == []


def test_an_emergency_withdraws_what_signs_and_says_what_that_costs() -> None:
    listed = signing_key_service_pb2.DescribeSigningKeysResponse(signing_keys=KEYS)
    channel = FakeChannel().add("DescribeSigningKeys", listed)
    channel.add("RevokeSigningKeys", *[signing_key_service_pb2.RevokeSigningKeysResponse(signing_keys=KEYS[2:])] * 2)
    typed = type_in(channel, "keys", "rotate", "--emergency", says="yes")
    assert "five minutes" in typed.asked[0]
    assert list(channel.request("RevokeSigningKeys").names) == ["signingKeys/old", "signingKeys/now"]
    type_in(channel, "keys", "rotate", "--emergency", "--key", "now", "--yes")
    assert list(channel.request("RevokeSigningKeys").names) == ["signingKeys/now"]


def test_what_auth_refuses_is_said_in_its_own_words() -> None:
    channel = FakeChannel().add("GetUser", refusal(grpc.StatusCode.NOT_FOUND, "There is no users/1."))
    with pytest.raises(CommandError) as caught:
        type_in(channel, "user", "show", "users/1")
    assert str(caught.value) == "There is no users/1."


def test_an_auth_that_does_not_answer_is_said_with_the_mend() -> None:
    channel = FakeChannel().add("GetUser", refusal(grpc.StatusCode.UNAVAILABLE, "down"))
    with pytest.raises(CommandError, match="tenon logs auth"):
        type_in(channel, "user", "show", "users/1")
