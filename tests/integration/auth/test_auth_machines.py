"""Service accounts, API keys, workloads and bound tokens, against the whole service with Postgres and Valkey."""

from __future__ import annotations

import asyncio
import contextlib
import re
import statistics
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from starlette.applications import Starlette
from tenon.auth.v1 import (
    api_key_pb2,
    api_key_service_pb2,
    api_key_service_pb2_grpc,
    role_pb2,
    role_service_pb2,
    service_account_pb2,
    service_account_service_pb2,
    service_account_service_pb2_grpc,
    session_service_pb2,
    token_service_pb2,
    token_service_pb2_grpc,
    user_service_pb2,
)

from services.auth.__main__ import wire
from services.auth.domain.api_keys import make_key, read_key
from services.chassis.audit import AuditTrail
from services.chassis.frame import Frame
from services.chassis.interceptors import standard_chain
from services.chassis.jwks import JWKS_PATH
from services.chassis.settings import Settings
from services.meshgen.envoy.http_pages import HTTP_PAGES, HttpPage
from tests.fakes.chassis_channel import MemoryChannel
from tests.fakes.chassis_frame import fake_telemetry
from tests.integration.auth.test_auth_service import (  # noqa: F401 - a fixture among them
    Service,
    claims_of,
    environ,
    own_contract,
    reason_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

ISSUER = "https://tenon.test"
LOOK = "/internal/exchange/library.v1.LibraryService/GetBook"
SECONDS = 5.0
"""Within which whatever was revoked opens nothing any more."""


@dataclass
class Machines:
    """Auth as machines and their administrators see it."""

    service: Service
    http: httpx.AsyncClient
    verify: Callable[[str], Awaitable[Any]]
    pages: tuple[Any, ...]

    def __post_init__(self) -> None:
        edge: Any = self.service.channel("edge")
        self.accounts: Any = service_account_service_pb2_grpc.ServiceAccountServiceStub(edge)
        self.keys: Any = api_key_service_pb2_grpc.ApiKeyServiceStub(edge)

    async def add_account(self, *permissions: str, **fields: Any) -> Any:
        """Make a service account with a role of these permissions."""
        admin = await self.service.bearer()
        wanted = role_service_pb2.CreateRoleRequest(role=role_pb2.Role(permissions=permissions))
        role = await self.service.roles.CreateRole(wanted, **admin)
        account = service_account_pb2.ServiceAccount(display_name="Robot", roles=[role.name], **fields)
        request = service_account_service_pb2.CreateServiceAccountRequest(service_account=account)
        return await self.accounts.CreateServiceAccount(request, **admin)

    async def add_key(self, owner: str, *scopes: str, **fields: Any) -> Any:
        """Make a key as the administrator."""
        request = api_key_service_pb2.CreateApiKeyRequest(
            api_key=api_key_pb2.ApiKey(owner=owner, scopes=scopes, display_name="nightly", **fields)
        )
        return await self.keys.CreateApiKey(request, **await self.service.bearer())

    async def exchange(self, key: str) -> httpx.Response:
        """Ask as the edge does."""
        return await self.http.post(LOOK, headers={"x-api-key": key})

    async def token(self, key: str) -> str:
        """Return the token that a key is exchanged for."""
        answer = await self.exchange(key)
        assert answer.status_code == 200, answer.text
        return answer.headers["authorization"].removeprefix("Bearer ")


@asynccontextmanager
async def running(environ: Mapping[str, str]) -> AsyncIterator[Machines]:  # noqa: F811
    """Start auth with its HTTP side and its loops."""
    clients: Any = None
    frame = Frame(
        name="auth",
        settings=Settings.from_environ(environ),
        environ=environ,
        contract=own_contract(),
        clients=clients,
        telemetry=fake_telemetry(),
        publish=lambda _contract, _handlers: None,
        audit=AuditTrail(None),
    )
    async with wire(frame) as wiring:
        assert wiring.verifier is not None
        chain = standard_chain(
            telemetry=frame.telemetry, verifier=wiring.verifier, audit=frame.audit, trust_domain="tenon.local"
        )
        service = Service(
            channel=lambda name: MemoryChannel(
                wiring.handlers, chain.bind, peer=f"spiffe://tenon.local/ns/tenon/sa/{name}" if name else ""
            ),
            frame=frame,
        )
        loops = [asyncio.create_task(task()) for task in wiring.tasks]
        transport = httpx.ASGITransport(app=Starlette(routes=list(wiring.http)))
        async with httpx.AsyncClient(transport=transport, base_url="http://auth") as http:
            yield Machines(service=service, http=http, verify=wiring.verifier.verify, pages=tuple(wiring.http))
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


@pytest.fixture
async def machines(environ: dict[str, str]) -> AsyncIterator[Machines]:  # noqa: F811
    async with running(environ) as started:
        yield started


async def until_refused(machines: Machines, key: str) -> float:
    """Return the seconds after which a key is refused."""
    start = time.monotonic()
    while (await machines.exchange(key)).status_code == 200:
        assert time.monotonic() - start < SECONDS
        await asyncio.sleep(0.05)
    return time.monotonic() - start


async def test_the_edge_leads_to_every_page_of_auth_and_to_nothing_that_is_inside(machines: Machines) -> None:
    """Auth statement 46."""

    def leads(path: str, method: str) -> bool:
        page = next((page for page in HTTP_PAGES if fits(page, path)), None)
        return page is not None and method in {*page.methods, "HEAD"}

    def fits(page: HttpPage, path: str) -> bool:
        if "{}" in page.path:
            return re.fullmatch(page.path.replace("{}", "[^/]+"), path) is not None
        return path.startswith(page.path) if page.path.endswith("/") else path == page.path

    pages = {(re.sub(r"{[^}]*}", "x", page.path), method) for page in machines.pages for method in page.methods}
    inside = {(path, method) for path, method in pages if path.startswith("/internal/")}
    assert inside
    assert {one for one in inside if leads(*one)} == set()
    assert {one for one in pages - inside if not leads(*one) and one[0] != JWKS_PATH} == set()


async def test_a_key_is_shown_once_and_only_its_digest_is_kept(machines: Machines) -> None:
    """Auth statement 45."""
    account = await machines.add_account("library.*")
    made = await machines.add_key(account.name, "library.books.*")
    text = read_key(made.text)
    assert text is not None
    assert made.name == f"apiKeys/{text.id}"
    admin = await machines.service.bearer()
    found = await machines.keys.GetApiKey(api_key_service_pb2.GetApiKeyRequest(name=made.name), **admin)
    assert (found.text, list(found.scopes), found.owner) == ("", ["library.books.*"], account.name)
    listed = await machines.keys.ListApiKeys(api_key_service_pb2.ListApiKeysRequest(owner=account.name), **admin)
    assert [key.name for key in listed.api_keys] == [made.name]
    assert text.secret not in str(listed)


async def test_a_key_is_exchanged_for_a_token_of_its_owner_within_its_scopes(machines: Machines) -> None:
    """Auth statement 45."""
    account = await machines.add_account("library.*", "shop.orders.get")
    made = await machines.add_key(account.name, "library.books.*")
    token = await machines.token(made.text)
    claims = claims_of(token)
    assert (claims["sub"], claims["org"], claims["permissions"]) == (account.name, "default", ["library.books.*"])
    assert (claims["client_id"], claims["grant"]) == (made.name, made.name)
    assert not {"sid", "acr", "auth_time", "amr"} & claims.keys()
    assert claims["exp"] - claims["iat"] <= 300
    assert await machines.token(made.text) == token, "it is remembered"
    assert (await machines.verify(token)).subject == account.name


async def test_the_edge_may_bring_a_key_in_either_header_and_not_in_both(machines: Machines) -> None:
    made = await machines.add_key((await machines.add_account("library.*")).name, "library.*")
    for name, value in (("x-api-key", made.text), ("authorization", f"Bearer {made.text}")):
        answer = await machines.http.post(LOOK, headers={name: value})
        assert answer.status_code == 200
        assert set(answer.headers["x-envoy-auth-headers-to-remove"].split(",")) == {"x-api-key", "dpop"}
    both = {"x-api-key": made.text, "authorization": f"Bearer {made.text}"}
    assert (await machines.http.post(LOOK, headers=both)).status_code == 401
    assert (await machines.http.post(LOOK)).status_code == 401


async def test_every_bad_key_gets_the_same_answer(machines: Machines) -> None:
    """Auth statement 45."""
    made = await machines.add_key((await machines.add_account("library.*")).name, "library.*")
    good = read_key(made.text)
    assert good is not None
    forged = type(good)(id=good.id, secret=make_key().secret)
    bad = [str(forged), str(make_key()), made.text[:-1], f"{made.text}x", made.text.swapcase(), "tnk_", "", "\udcff"]
    answers = set()
    for text in bad:
        with contextlib.suppress(UnicodeEncodeError):
            answer = await machines.exchange(text)
            answers.add((answer.status_code, answer.text, answer.headers["www-authenticate"]))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 401


async def test_an_unknown_id_and_a_wrong_secret_take_the_same_time(machines: Machines) -> None:
    """Auth statement 45."""
    made = await machines.add_key((await machines.add_account("library.*")).name, "library.*")
    good = read_key(made.text)
    assert good is not None

    async def measure(make: Callable[[], Any]) -> float:
        start = time.perf_counter()
        await machines.exchange(str(make()))
        return time.perf_counter() - start

    kinds: dict[str, Callable[[], Any]] = {
        "unknown": make_key,
        "wrong": lambda: type(good)(id=good.id, secret=make_key().secret),
    }
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(150):
        for kind, make in kinds.items():
            times[kind].append(await measure(make))
    unknown, wrong = (statistics.median(times[kind]) for kind in ("unknown", "wrong"))
    spread = statistics.median([abs(one - unknown) for one in times["unknown"]])
    assert abs(unknown - wrong) < max(3 * spread, 0.0005)


async def test_a_revoked_key_and_its_tokens_open_nothing_within_five_seconds(machines: Machines) -> None:
    """Auth statement 45."""
    made = await machines.add_key((await machines.add_account("library.*")).name, "library.*")
    token = await machines.token(made.text)
    admin = await machines.service.bearer()
    request = api_key_service_pb2.RevokeApiKeyRequest(name=made.name)
    revoked = await machines.keys.RevokeApiKey(request, **admin)
    assert revoked.api_key.HasField("revoke_time")
    await until_refused(machines, made.text)
    with pytest.raises(Exception, match=r"revoked|taken back"):
        await machines.verify(token)
    again = await machines.keys.RevokeApiKey(request, **admin)
    assert again.api_key.revoke_time == revoked.api_key.revoke_time


async def test_a_deleted_key_is_forgotten_and_opens_nothing(machines: Machines) -> None:
    made = await machines.add_key((await machines.add_account("library.*")).name, "library.*")
    await machines.token(made.text)
    admin = await machines.service.bearer()
    await machines.keys.DeleteApiKey(api_key_service_pb2.DeleteApiKeyRequest(name=made.name), **admin)
    await until_refused(machines, made.text)
    get = machines.keys.GetApiKey(api_key_service_pb2.GetApiKeyRequest(name=made.name), **admin)
    assert await reason_of(get) == "NOT_FOUND API_KEY_UNKNOWN"


@pytest.mark.parametrize("how", ["disabled", "deleted"])
async def test_the_keys_of_an_account_end_with_it(machines: Machines, how: str) -> None:
    account = await machines.add_account("library.*")
    made = await machines.add_key(account.name, "library.*")
    await machines.token(made.text)
    admin = await machines.service.bearer()
    if how == "disabled":
        account.disabled = True
        update = service_account_service_pb2.UpdateServiceAccountRequest(
            service_account=account, update_mask=FieldMask(paths=["disabled"])
        )
        await machines.accounts.UpdateServiceAccount(update, **admin)
    else:
        delete = service_account_service_pb2.DeleteServiceAccountRequest(name=account.name)
        await machines.accounts.DeleteServiceAccount(delete, **admin)
    await until_refused(machines, made.text)


async def test_a_key_loses_what_its_owner_loses_within_five_seconds(machines: Machines) -> None:
    account = await machines.add_account("library.*")
    made = await machines.add_key(account.name, "library.books.*")
    await machines.token(made.text)
    admin = await machines.service.bearer()
    role = role_pb2.Role(name=account.roles[0], permissions=["library.books.get"])
    update = role_service_pb2.UpdateRoleRequest(role=role, update_mask=FieldMask(paths=["permissions"]))
    await machines.service.roles.UpdateRole(update, **admin)
    end = time.monotonic() + SECONDS
    while claims_of(await machines.token(made.text))["permissions"] != ["library.books.get"]:
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
    assert (await machines.verify(await machines.token(made.text))).permissions == {"library.books.get"}


async def test_an_expired_key_opens_nothing_and_its_tokens_do_not_outlive_it(machines: Machines) -> None:
    account = await machines.add_account("library.*")
    soon = datetime.now(UTC) + timedelta(seconds=2)
    wanted = api_key_pb2.ApiKey(owner=account.name, scopes=["library.*"])
    wanted.expire_time.FromDatetime(soon)
    request = api_key_service_pb2.CreateApiKeyRequest(api_key=wanted)
    made = await machines.keys.CreateApiKey(request, **await machines.service.bearer())
    assert claims_of(await machines.token(made.text))["exp"] <= soon.timestamp()
    await until_refused(machines, made.text)
    wanted.expire_time.FromDatetime(datetime.now(UTC) - timedelta(seconds=1))
    late = machines.keys.CreateApiKey(request, **await machines.service.bearer())
    assert await reason_of(late) == "INVALID_ARGUMENT API_KEY_EXPIRY_INVALID"


async def test_nobody_makes_a_key_that_opens_more_than_they_or_its_owner_hold(machines: Machines) -> None:
    account = await machines.add_account("library.*")
    _, clerk = await machines.service.add_user("clerk@tenon.local", "auth.apiKeys.*", "library.books.get")

    async def create(scope: str, owner: str, caller: dict[str, Any]) -> str:
        key = api_key_pb2.ApiKey(owner=owner, scopes=[scope])
        request = api_key_service_pb2.CreateApiKeyRequest(api_key=key)
        return await reason_of(machines.keys.CreateApiKey(request, **caller))

    assert await create("library.books.*", account.name, clerk) == "PERMISSION_DENIED GRANT_EXCEEDS_OWN"
    admin = await machines.service.bearer()
    assert await create("shop.*", account.name, admin) == "INVALID_ARGUMENT API_KEY_SCOPES_EXCEED_OWNER"
    assert await create("library.*", "serviceAccounts/none", admin) == "INVALID_ARGUMENT API_KEY_OWNER_INVALID"
    account.disabled = True
    update = service_account_service_pb2.UpdateServiceAccountRequest(
        service_account=account, update_mask=FieldMask(paths=["disabled"])
    )
    await machines.accounts.UpdateServiceAccount(update, **admin)
    assert await create("library.*", account.name, admin) == "INVALID_ARGUMENT API_KEY_OWNER_INVALID"


async def test_nobody_gives_a_service_account_more_than_they_hold(machines: Machines) -> None:
    mighty = await machines.add_account("*")
    _, clerk = await machines.service.add_user("clerk@tenon.local", "auth.serviceAccounts.*")
    made = service_account_service_pb2.CreateServiceAccountRequest(
        service_account=service_account_pb2.ServiceAccount(roles=["roles/administrator"])
    )
    assert (
        await reason_of(machines.accounts.CreateServiceAccount(made, **clerk)) == "PERMISSION_DENIED GRANT_EXCEEDS_OWN"
    )
    mighty.workload = "clerk"
    for path in ("workload", "display_name"):
        update = service_account_service_pb2.UpdateServiceAccountRequest(
            service_account=mighty, update_mask=FieldMask(paths=[path])
        )
        refused = machines.accounts.UpdateServiceAccount(update, **clerk)
        assert await reason_of(refused) == "PERMISSION_DENIED GRANT_EXCEEDS_OWN"
    delete = service_account_service_pb2.DeleteServiceAccountRequest(name=mighty.name)
    assert (
        await reason_of(machines.accounts.DeleteServiceAccount(delete, **clerk))
        == "PERMISSION_DENIED GRANT_EXCEEDS_OWN"
    )


async def test_people_make_see_and_end_keys_of_their_own_and_no_others(machines: Machines) -> None:
    user, ann = await machines.service.add_user("ann@tenon.local", "library.*")
    _, bob = await machines.service.add_user("bob@tenon.local", "library.*")
    key = api_key_pb2.ApiKey(owner="users/somebody-else", scopes=["library.books.get"])
    made = (await machines.keys.CreateOwnApiKey(api_key_service_pb2.CreateOwnApiKeyRequest(api_key=key), **ann)).api_key
    assert made.owner == user.name
    assert claims_of(await machines.token(made.text))["sub"] == user.name
    listed = await machines.keys.ListOwnApiKeys(api_key_service_pb2.ListOwnApiKeysRequest(), **ann)
    assert [one.name for one in listed.api_keys] == [made.name]
    assert not (await machines.keys.ListOwnApiKeys(api_key_service_pb2.ListOwnApiKeysRequest(), **bob)).api_keys
    revoke = api_key_service_pb2.RevokeOwnApiKeyRequest(name=made.name)
    assert await reason_of(machines.keys.RevokeOwnApiKey(revoke, **bob)) == "NOT_FOUND API_KEY_UNKNOWN"
    await machines.keys.RevokeOwnApiKey(revoke, **ann)
    await until_refused(machines, made.text)
    key.scopes[:] = ["shop.*"]
    excessive = machines.keys.CreateOwnApiKey(api_key_service_pb2.CreateOwnApiKeyRequest(api_key=key), **ann)
    assert await reason_of(excessive) == "PERMISSION_DENIED GRANT_EXCEEDS_OWN"


async def test_a_key_is_no_session(machines: Machines) -> None:
    """Auth statement 45: what only a person may do, no key of theirs does."""
    _, ann = await machines.service.add_user("ann@tenon.local", "*")
    key = api_key_pb2.ApiKey(scopes=["*"])
    request = api_key_service_pb2.CreateOwnApiKeyRequest(api_key=key)
    made = (await machines.keys.CreateOwnApiKey(request, **ann)).api_key
    by_key = {"metadata": [("authorization", f"Bearer {await machines.token(made.text)}")]}
    own = api_key_service_pb2
    making = machines.keys.CreateOwnApiKey(request, **by_key)
    assert await reason_of(making) == "UNAUTHENTICATED STEP_UP_REQUIRED", "no key has signed in"
    listing = machines.keys.ListOwnApiKeys(own.ListOwnApiKeysRequest(), **by_key)
    assert await reason_of(listing) == "PERMISSION_DENIED SESSION_NEEDED"
    ending = machines.keys.RevokeOwnApiKey(own.RevokeOwnApiKeyRequest(name=made.name), **by_key)
    assert await reason_of(ending) == "PERMISSION_DENIED SESSION_NEEDED"
    sessions = machines.service.sessions
    for text in (made.text, made.text[:40]):
        renewal = session_service_pb2.RefreshSessionRequest(refresh_token=text)
        assert await reason_of(sessions.RefreshSession(renewal)) == "UNAUTHENTICATED REFRESH_TOKEN_INVALID"
    change = user_service_pb2.ChangePasswordRequest(current_password="x" * 15, new_password="y" * 20)
    for refused in (
        sessions.SignOut(session_service_pb2.SignOutRequest(), **by_key),
        sessions.ListSessions(session_service_pb2.ListSessionsRequest(), **by_key),
        machines.service.users.ChangePassword(change, **by_key),
    ):
        assert await reason_of(refused) == "PERMISSION_DENIED SESSION_NEEDED"


async def test_that_a_key_was_used_is_written_down(machines: Machines) -> None:
    """Auth statement 45."""
    made = await machines.add_key((await machines.add_account("library.*")).name, "library.*")
    admin = await machines.service.bearer()
    get = api_key_service_pb2.GetApiKeyRequest(name=made.name)
    assert not (await machines.keys.GetApiKey(get, **admin)).HasField("last_use_time")
    await machines.token(made.text)
    end = time.monotonic() + 15
    while not (found := await machines.keys.GetApiKey(get, **admin)).HasField("last_use_time"):
        assert time.monotonic() < end
        await asyncio.sleep(0.2)
    assert abs(found.last_use_time.ToDatetime(UTC) - datetime.now(UTC)) < timedelta(seconds=30)


async def test_keys_are_listed_page_by_page(machines: Machines) -> None:
    account = await machines.add_account("library.*")
    made = {(await machines.add_key(account.name, "library.*")).name for _ in range(5)}
    admin = await machines.service.bearer()
    request, seen = api_key_service_pb2.ListApiKeysRequest(page_size=2), []
    while True:
        page = await machines.keys.ListApiKeys(request, **admin)
        seen += [key.name for key in page.api_keys]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert (set(seen), len(seen)) == (made, 5)


async def test_a_workload_acts_as_the_service_account_that_stands_for_it(machines: Machines) -> None:
    account = await machines.add_account("library.*", workload="commerce")
    tokens: Any = token_service_pb2_grpc.TokenServiceStub(machines.service.channel("commerce"))
    answer = await tokens.ExchangeWorkloadIdentity(token_service_pb2.ExchangeWorkloadIdentityRequest())
    claims = claims_of(answer.access_token)
    assert (answer.service_account, claims["sub"], claims["permissions"]) == (account.name, account.name, ["library.*"])
    assert claims["client_id"] == "workloads/commerce"
    narrow = token_service_pb2.ExchangeWorkloadIdentityRequest(scope="library.books.get")
    narrowed = await tokens.ExchangeWorkloadIdentity(narrow)
    assert claims_of(narrowed.access_token)["permissions"] == ["library.books.get"]
    other: Any = token_service_pb2_grpc.TokenServiceStub(machines.service.channel("data"))
    refused = other.ExchangeWorkloadIdentity(token_service_pb2.ExchangeWorkloadIdentityRequest())
    assert await reason_of(refused) == "NOT_FOUND WORKLOAD_UNKNOWN"
    edge: Any = token_service_pb2_grpc.TokenServiceStub(machines.service.channel("edge"))
    by_edge = edge.ExchangeWorkloadIdentity(token_service_pb2.ExchangeWorkloadIdentityRequest())
    assert (await reason_of(by_edge)).startswith(("PERMISSION_DENIED", "UNAUTHENTICATED", "UNIMPLEMENTED"))
    elsewhere = token_service_pb2.ExchangeWorkloadIdentityRequest(organization="other")
    assert await reason_of(tokens.ExchangeWorkloadIdentity(elsewhere)) == "NOT_FOUND WORKLOAD_UNKNOWN"
