"""Auth as browsers and clients of OAuth meet it: the whole service over ASGI, with its database."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet
from tenon.auth.v1 import (
    client_pb2,
    client_service_pb2,
    client_service_pb2_grpc,
    consent_service_pb2_grpc,
    role_pb2,
    role_service_pb2,
    role_service_pb2_grpc,
    service_account_pb2,
    service_account_service_pb2,
    service_account_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
    user_pb2,
    user_service_pb2,
    user_service_pb2_grpc,
)

from services.auth.__main__ import wire
from services.auth.domain.accounts import Account
from services.auth.domain.authentication import PASSWORD, Authentication
from services.auth.domain.sessions import Origin, Sessions
from services.auth.storage.sessions import SqlSessions
from services.chassis.audit import AuditTrail
from services.chassis.contract import PROTO_ROOT, Contract, compile_protos, load_contract
from services.chassis.frame import Frame
from services.chassis.http_listener import build_app
from services.chassis.interceptors import standard_chain
from services.chassis.postgres import open_pool
from services.chassis.settings import Settings
from tests.fakes.chassis_channel import MemoryChannel
from tests.fakes.chassis_frame import fake_telemetry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import timedelta

    from services.chassis.postgres import Pool

ISSUER = "https://tenon.test"
EMAIL = "admin@tenon.local"
ADMIN_PASSWORD = "the first password of the administrator"
REDIRECT = "https://app.test/callback"
COOKIE = "__Host-tenon-session"


@cache
def own_contract() -> Contract:
    return load_contract(compile_protos([PROTO_ROOT]), services=("auth", "data"), custom=None)


@dataclass(frozen=True)
class Registered:
    """A client, with its secret."""

    id: str
    secret: str

    @property
    def auth(self) -> httpx.BasicAuth:
        return httpx.BasicAuth(self.id, self.secret)


@dataclass(frozen=True)
class Proof:
    """A verifier of PKCE and its challenge."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Authority:
    """A running auth."""

    http: httpx.AsyncClient
    channel: Any
    pool: Pool
    frame: Frame
    app: Any

    def __post_init__(self) -> None:
        edge = self.channel("edge")
        self.clients: Any = client_service_pb2_grpc.ClientServiceStub(edge)
        self.consents: Any = consent_service_pb2_grpc.ConsentServiceStub(edge)
        self.users: Any = user_service_pb2_grpc.UserServiceStub(edge)
        self.roles: Any = role_service_pb2_grpc.RoleServiceStub(edge)
        self.machines: Any = service_account_service_pb2_grpc.ServiceAccountServiceStub(edge)
        self.passwords: Any = session_service_pb2_grpc.SessionServiceStub(edge)
        self._admin: dict[str, Any] = {}

    async def admin(self) -> dict[str, Any]:
        """Return the metadata of the administrator."""
        if not self._admin:
            request = session_service_pb2.SignInRequest(email=EMAIL, password=ADMIN_PASSWORD)
            token = (await self.passwords.SignIn(request)).access_token
            self._admin = {"metadata": [("authorization", f"Bearer {token}")]}
        return self._admin

    async def register(self, **fields: Any) -> Registered:
        """Register a web application, unless told otherwise, and give it a secret if it has one."""
        described = {
            "display_name": "An application",
            "redirect_uris": [REDIRECT],
            "grant_types": ["authorization_code", "refresh_token"],
            "scopes": ["openid", "profile", "email", "offline_access", "commerce.*"],
            "id_token_signed_response_alg": "ES256",
            **fields,
        }
        request = client_service_pb2.CreateClientRequest(client=client_pb2.Client(**described))
        made = await self.clients.CreateClient(request, **await self.admin())
        secret = ""
        if described.get("token_endpoint_auth_method", "") in {"", "client_secret_basic", "client_secret_post"}:
            adding = client_service_pb2.AddClientSecretRequest(name=made.name)
            secret = (await self.clients.AddClientSecret(adding, **await self.admin())).client_secret
        return Registered(id=made.name.removeprefix("clients/"), secret=secret)

    async def add_user(self, email: str, *permissions: str, **fields: Any) -> str:
        """Make a user who holds permissions, and return the user's name."""
        role = role_service_pb2.CreateRoleRequest(role=role_pb2.Role(permissions=permissions))
        made = await self.roles.CreateRole(role, **await self.admin())
        user = user_pb2.User(email=email, roles=[made.name], **fields)
        request = user_service_pb2.CreateUserRequest(user=user)
        return str((await self.users.CreateUser(request, **await self.admin())).name)

    async def add_service_account(self, *permissions: str) -> str:
        """Make a service account that holds permissions, and return its name."""
        role = role_service_pb2.CreateRoleRequest(role=role_pb2.Role(permissions=permissions))
        made = await self.roles.CreateRole(role, **await self.admin())
        account = service_account_pb2.ServiceAccount(roles=[made.name])
        request = service_account_service_pb2.CreateServiceAccountRequest(service_account=account)
        return str((await self.machines.CreateServiceAccount(request, **await self.admin())).name)

    async def administrator(self) -> str:
        rows = await self.pool.fetch("SELECT name FROM auth.users WHERE email = $1", [EMAIL])
        return str(rows[0]["name"])

    async def sign_in(self, user: str = "", *, ago: timedelta | None = None, methods: tuple[str, ...] = ()) -> str:
        """Open a session for a browser, keep its cookie, and return its id."""
        sessions = Sessions(kept=SqlSessions(self.pool))
        account = Account(organization="default", name=user or await self.administrator(), email="")
        since = datetime.now(UTC) - ago if ago else datetime.now(UTC)
        proof = Authentication(time=since, methods=methods or (PASSWORD,))
        opened = await sessions.open(account, proof, Origin(), browser=True)
        self.http.cookies.set(COOKIE, opened.cookie, domain="tenon.test")
        return opened.session.id

    async def authorize(self, client: Registered, /, proof: Proof | None = None, **fields: Any) -> httpx.Response:
        """Ask for a code; a field that is None is left out."""
        asked = {
            "response_type": "code",
            "client_id": client.id,
            "redirect_uri": REDIRECT,
            "scope": "openid",
            "state": "state 1",
            "code_challenge": (proof or Proof()).challenge,
            "code_challenge_method": "S256",
            **fields,
        }
        return await self.http.get("/oauth2/authorize", params={k: v for k, v in asked.items() if v is not None})

    async def code(self, client: Registered, proof: Proof, **fields: str | None) -> str:
        """Return a code that a signed-in person has agreed to."""
        return answer_of(await self.agree(await self.authorize(client, proof, **fields)))["code"]

    async def agree(self, response: httpx.Response) -> httpx.Response:
        """Agree where a person is asked to, as the page would let them, and go on."""
        place = urlsplit(response.headers["location"])
        if place.path != "/account/consent":
            return response
        flow = dict(parse_qsl(place.query))["flow"]
        session = await self._session()
        await self.pool.fetch(
            "UPDATE auth.authorization_requests SET approver = $2 WHERE id = $1", [flow, session["user_name"]]
        )
        return await self.http.get("/oauth2/continue", params={"flow": flow})

    async def redeem(self, client: Registered, code: str, proof: Proof, **fields: str | None) -> httpx.Response:
        asked = {"code": code, "code_verifier": proof.verifier, "redirect_uri": REDIRECT, **fields}
        return await self.token(client, grant_type="authorization_code", **asked)

    async def token(self, client: Registered, **fields: str | None) -> httpx.Response:
        return await self.post("/oauth2/token", client, **fields)

    async def post(self, path: str, client: Registered, **fields: str | None) -> httpx.Response:
        """Post a form as a client, which proves itself if it has a secret."""
        form = {name: value for name, value in fields.items() if value is not None}
        if not client.secret:
            return await self.http.post(path, data={"client_id": client.id, **form})
        return await self.http.post(path, data=form, auth=client.auth)

    async def tokens(self, client: Registered, **fields: str | None) -> dict[str, Any]:
        """Sign somebody in if nobody is, and return what a client gets for a code."""
        if COOKIE not in self.http.cookies:
            await self.sign_in()
        proof = Proof()
        answer = await self.redeem(client, await self.code(client, proof, **fields), proof)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def introspect(self, client: Registered, token: str) -> dict[str, Any]:
        answer = await self.post("/oauth2/introspect", client, token=token)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def verify(self, token: str, algorithm: str = "ES256") -> jwt.Token:
        """Return a JWT that one of the published keys has signed."""
        keys = KeySet.import_key_set((await self.http.get("/auth/v1/jwks.json")).json())
        return jwt.decode(token, keys, algorithms=[algorithm])

    async def _session(self) -> Any:
        digest = hashlib.sha256(str(self.http.cookies[COOKIE]).encode()).digest()
        return (await self.pool.fetch("SELECT * FROM auth.sessions WHERE cookie = $1", [digest]))[0]


def answer_of(response: httpx.Response, uri: str = REDIRECT) -> dict[str, str]:
    """Return what a redirect tells the client."""
    location = response.headers["location"]
    assert response.status_code == 303
    assert location.startswith(uri), location
    return dict(parse_qsl(urlsplit(location).query, keep_blank_values=True))


def page_of(response: httpx.Response) -> str:
    """Return the page that the browser is sent to."""
    assert response.status_code == 303, response.text
    return urlsplit(response.headers["location"]).path


def claims_of(token: str) -> Mapping[str, Any]:
    """Return what a JWT says, unverified."""
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


@asynccontextmanager
async def started(environ: Mapping[str, str]) -> AsyncIterator[Authority]:
    """Start auth as a process would, and serve its HTTP side to a client without a socket."""
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
    async with wire(frame) as wiring, open_pool(environ["TENON_DATABASE_URL"]) as pool:
        assert wiring.verifier is not None
        assert wiring.recorder is not None
        frame.audit.send_to(wiring.recorder)
        chain = standard_chain(
            telemetry=frame.telemetry, verifier=wiring.verifier, audit=frame.audit, trust_domain="tenon.local"
        )
        app = build_app(routes=wiring.http, telemetry=frame.telemetry, is_serving=lambda: True)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ISSUER) as http:
            yield Authority(
                http=http,
                channel=lambda name: MemoryChannel(
                    wiring.handlers, chain.bind, peer=f"spiffe://tenon.local/ns/tenon/sa/{name}" if name else ""
                ),
                pool=pool,
                frame=frame,
                app=app,
            )
