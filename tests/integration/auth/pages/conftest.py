"""Auth's pages as an application, over real servers."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from tenon.auth.v1 import session_service_pb2, session_service_pb2_grpc

from services.auth.__main__ import wire
from services.chassis.audit import AuditTrail
from services.chassis.contract import PROTO_ROOT, Contract, compile_protos, load_contract, write_contract
from services.chassis.frame import Frame
from services.chassis.interceptors import standard_chain
from services.chassis.keyring import create_root_key
from services.chassis.settings import Settings
from tests.fakes.chassis_channel import MemoryChannel
from tests.fakes.chassis_frame import fake_telemetry
from tests.integration.auth.pages.browsing import EMAIL, ISSUER, PASSWORD, Browser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@cache
def own_contract() -> Contract:
    """Return what auth serves."""
    return load_contract(compile_protos([PROTO_ROOT]), services=("auth", "data"), custom=None)


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    """The folder that mail is put into."""
    folder = tmp_path / "mail"
    folder.mkdir()
    return folder


@dataclass(frozen=True, kw_only=True)
class Auth:
    """Auth, as a browser and as an administrator's program see it."""

    app: Starlette
    """Its HTTP side."""
    channel: Any
    """Its gRPC side, as the edge calls it."""

    async def administrator(self) -> list[tuple[str, str]]:
        """Return the metadata of a call by the administrator."""
        sessions: Any = session_service_pb2_grpc.SessionServiceStub(self.channel)
        opened = await sessions.SignIn(session_service_pb2.SignInRequest(email=EMAIL, password=PASSWORD))
        return [("authorization", f"Bearer {opened.access_token}")]


@pytest.fixture
def environment(mails: Path) -> dict[str, str]:
    """What the environment says beside what auth needs; a test module may say more."""
    return {"TENON_MAIL_FOLDER": str(mails)}


@pytest.fixture
async def auth(
    tmp_path: Path, database: str, valkey_socket: Path, redis: object, environment: dict[str, str]
) -> AsyncIterator[Auth]:
    """Auth with its loops running."""
    write_contract(own_contract(), tmp_path / "contract.binpb")
    create_root_key(tmp_path / "root.key")
    password = tmp_path / "admin-password"
    password.touch(mode=0o600)
    password.write_text(f"{PASSWORD}\n")
    environ = {
        "TENON_CONTRACT": str(tmp_path / "contract.binpb"),
        "TENON_LISTEN": "unix:/auth.sock",
        "TENON_INSECURE": "1",
        "TENON_DATABASE_URL": database,
        "TENON_REDIS_URL": f"unix://{valkey_socket}",
        "TENON_ROOT_KEY": str(tmp_path / "root.key"),
        "TENON_ISSUER": ISSUER,
        "TENON_ADMIN_PASSWORD_FILE": str(password),
        **environment,
    }
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
    async with AsyncExitStack() as stack:
        wiring = await stack.enter_async_context(wire(frame))
        tasks = [asyncio.create_task(task()) for task in wiring.tasks]
        stack.push_async_callback(asyncio.wait, tasks)
        stack.callback(lambda: [task.cancel() for task in tasks])
        assert wiring.verifier is not None
        chain = standard_chain(
            telemetry=frame.telemetry, verifier=wiring.verifier, audit=frame.audit, trust_domain="tenon.local"
        )
        peer = "spiffe://tenon.local/ns/tenon/sa/edge"
        channel = MemoryChannel(wiring.handlers, chain.bind, peer=peer)
        yield Auth(app=Starlette(routes=list(wiring.http)), channel=channel)


@pytest.fixture
async def app(auth: Auth) -> Starlette:
    """Auth's HTTP side."""
    return auth.app


@pytest.fixture
async def browser(app: Starlette) -> AsyncIterator[Browser]:
    """A browser in which nobody has signed in."""
    browser = Browser(app)
    yield browser
    await browser.client.aclose()


@pytest.fixture
async def other(app: Starlette) -> AsyncIterator[Browser]:
    """Another browser."""
    browser = Browser(app)
    yield browser
    await browser.client.aclose()
