"""Which clients may be registered, by whom, and how their secrets are exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from tenon.auth.v1 import client_pb2, client_service_pb2, session_service_pb2, user_service_pb2

from tests.fakes.auth_provider import Registered, claims_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.fakes.auth_provider import Authority

MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "redirect_uris": []}


async def reason_of(answer: Awaitable[Any]) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await answer
    details = dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"]
    info = ErrorInfo()
    assert Status.FromString(details).details[0].Unpack(info)
    return str(info.reason)


async def as_user(authority: Authority, email: str, *permissions: str) -> dict[str, Any]:
    user = await authority.add_user(email, *permissions)
    reset = user_service_pb2.ResetPasswordRequest(name=user)
    password = (await authority.users.ResetPassword(reset, **await authority.admin())).password
    signed_in = await authority.passwords.SignIn(session_service_pb2.SignInRequest(email=email, password=password))
    return {"metadata": [("authorization", f"Bearer {signed_in.access_token}")]}


async def test_a_redirect_uri_that_could_leak_is_not_registered(authority: Authority) -> None:
    """Auth statement 2: no fragment; nor plain http elsewhere, a wildcard, or a scheme that anybody has."""
    for uri in (
        *("https://app.test/cb#part", "https://app.test/cb#", "http://app.test/cb", "https://*.app.test/cb"),
        *("javascript:alert(1)", "data:text/html,x", "myapp:/cb", "https://user@app.test/cb", "https:///cb", "/cb"),
        *("https://app.test/c b", "https://app.test/\u00e4", "https://app.test:x/"),
    ):
        assert await reason_of(authority.register(redirect_uris=[uri])) == "CLIENT_INVALID", uri
    for uri in ("https://app.test/cb?x=1", "http://localhost:3000/cb", "http://[::1]/cb", "com.example.app:/cb"):
        await authority.register(redirect_uris=[uri])
    assert await reason_of(authority.register(redirect_uris=[])) == "CLIENT_INVALID"
    assert await reason_of(authority.register(scopes=["nonsense!"])) == "CLIENT_INVALID"
    assert await reason_of(authority.register(scopes=["tenon"])) == "CLIENT_INVALID", "it is not first-party"
    public = {**MACHINE, "token_endpoint_auth_method": "none"}
    assert await reason_of(authority.register(**public)) == "CLIENT_INVALID"


async def test_a_change_is_judged_as_a_registration_is(authority: Authority) -> None:
    client = await authority.register()
    changed = client_pb2.Client(name=f"clients/{client.id}", redirect_uris=["http://evil.test/"])
    request = client_service_pb2.UpdateClientRequest(client=changed, update_mask=FieldMask(paths=["redirect_uris"]))
    assert await reason_of(authority.clients.UpdateClient(request, **await authority.admin())) == "CLIENT_INVALID"
    getting = client_service_pb2.GetClientRequest(name=changed.name)
    kept = await authority.clients.GetClient(getting, **await authority.admin())
    assert list(kept.redirect_uris) == ["https://app.test/callback"]


async def test_nobody_climbs_by_a_client(authority: Authority) -> None:
    """Auth statement 46: whoever says where a trusted client's answers go is whoever uses it."""
    trusted = await authority.register(first_party=True)
    keeper = await as_user(authority, "keeper@x.test", "auth.clients.*")
    fields: dict[str, Any] = {"grant_types": ["authorization_code"], "redirect_uris": ["https://evil.test/"]}
    for wanted in ("first_party", "any_organization"):
        request = client_service_pb2.CreateClientRequest(client=client_pb2.Client(**{**fields, wanted: True}))
        assert await reason_of(authority.clients.CreateClient(request, **keeper)) == "GRANT_EXCEEDS_OWN"
    mighty = await authority.add_service_account("commerce.*")
    borrowed = client_pb2.Client(grant_types=["client_credentials"], service_account=mighty)
    request = client_service_pb2.CreateClientRequest(client=borrowed)
    assert await reason_of(authority.clients.CreateClient(request, **keeper)) == "GRANT_EXCEEDS_OWN"
    own = client_service_pb2.CreateClientRequest(client=client_pb2.Client(**fields))
    made = await authority.clients.CreateClient(own, **keeper)
    changes = [
        client_pb2.Client(name=f"clients/{trusted.id}", redirect_uris=["https://evil.test/"]),
        client_pb2.Client(name=made.name, redirect_uris=["https://evil.test/"], first_party=True),
        client_pb2.Client(name=made.name, service_account=mighty),
    ]
    for changed in changes:
        update = client_service_pb2.UpdateClientRequest(client=changed)
        assert await reason_of(authority.clients.UpdateClient(update, **keeper)) == "GRANT_EXCEEDS_OWN"
    adding = client_service_pb2.AddClientSecretRequest(name=f"clients/{trusted.id}")
    assert await reason_of(authority.clients.AddClientSecret(adding, **keeper)) == "GRANT_EXCEEDS_OWN"
    deleting = client_service_pb2.DeleteClientRequest(name=f"clients/{trusted.id}")
    assert await reason_of(authority.clients.DeleteClient(deleting, **keeper)) == "GRANT_EXCEEDS_OWN"


async def test_secrets_are_exchanged_one_for_another_and_kept_as_hashes(authority: Authority) -> None:
    client = await authority.register(**MACHINE)
    name, admin = f"clients/{client.id}", await authority.admin()
    added = await authority.clients.AddClientSecret(client_service_pb2.AddClientSecretRequest(name=name), **admin)
    second = Registered(id=client.id, secret=added.client_secret)
    await authority.pool.fetch("SELECT pg_sleep(1.1)")  # what is remembered of a client is forgotten by then
    for who in (client, second):
        assert (await authority.token(who, grant_type="client_credentials")).status_code == 200
    rows = await authority.pool.fetch("SELECT s::text AS row FROM auth.client_secrets s")
    assert len(rows) == 2
    assert not any(second.secret in row["row"] or second.secret.encode().hex() in row["row"] for row in rows)
    described = client_service_pb2.DescribeClientSecretsRequest(name=name)
    known = (await authority.clients.DescribeClientSecrets(described, **admin)).secrets
    assert [secret.id for secret in known][1] == added.secret.id
    removing = client_service_pb2.RemoveClientSecretRequest(name=name, secret=known[0].id)
    await authority.clients.RemoveClientSecret(removing, **admin)
    assert await reason_of(authority.clients.RemoveClientSecret(removing, **admin)) == "CLIENT_UNKNOWN"
    await authority.pool.fetch("SELECT pg_sleep(1.1)")
    assert (await authority.token(client, grant_type="client_credentials")).status_code == 401
    assert (await authority.token(second, grant_type="client_credentials")).status_code == 200
    for _ in range(4):
        await authority.clients.AddClientSecret(client_service_pb2.AddClientSecretRequest(name=name), **admin)
    adding = client_service_pb2.AddClientSecretRequest(name=name)
    assert await reason_of(authority.clients.AddClientSecret(adding, **admin)) == "TOO_MANY_SECRETS"
    public = await authority.register(token_endpoint_auth_method="none")
    adding = client_service_pb2.AddClientSecretRequest(name=f"clients/{public.id}")
    assert await reason_of(authority.clients.AddClientSecret(adding, **admin)) == "CLIENT_HAS_NO_SECRETS"
    kinds = await authority.pool.fetch("SELECT DISTINCT kind FROM auth.audit_events WHERE kind LIKE 'client.%'")
    assert {row["kind"] for row in kinds} >= {"client.secret_added", "client.secret_removed"}


async def test_a_client_that_is_gone_takes_its_secrets_and_tokens_with_it(authority: Authority) -> None:
    client = await authority.register(**MACHINE)
    token = (await authority.token(client, grant_type="client_credentials")).json()["access_token"]
    deleting = client_service_pb2.DeleteClientRequest(name=f"clients/{client.id}")
    await authority.clients.DeleteClient(deleting, **await authority.admin())
    rows = await authority.pool.fetch("SELECT before FROM auth.revocations WHERE key = $1", [f"client:{client.id}"])
    assert rows[0]["before"] > claims_of(token)["iat"]
    assert await authority.pool.fetch("SELECT 1 FROM auth.client_secrets") == []
    await authority.pool.fetch("SELECT pg_sleep(1.1)")
    assert (await authority.token(client, grant_type="client_credentials")).status_code == 401


async def test_what_a_client_may_ask_for_no_more_is_not_renewed(authority: Authority) -> None:
    """A registration that is narrowed holds for what was granted before."""
    client = await authority.register()
    tokens = await authority.tokens(client, scope="openid offline_access commerce.*")
    less = client_pb2.Client(name=f"clients/{client.id}", scopes=["openid", "offline_access"])
    request = client_service_pb2.UpdateClientRequest(client=less, update_mask=FieldMask(paths=["scopes"]))
    await authority.clients.UpdateClient(request, **await authority.admin())
    await authority.pool.fetch("SELECT pg_sleep(1.1)")
    renewal = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    renewed = (await authority.token(client, **renewal)).json()
    assert (renewed["scope"], claims_of(renewed["access_token"])["permissions"]) == ("openid offline_access", [])
