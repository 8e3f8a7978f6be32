"""Auth's pages as an application, over real servers."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette

from services.auth.__main__ import wire
from services.chassis.audit import AuditTrail
from services.chassis.contract import PROTO_ROOT, Contract, compile_protos, load_contract, write_contract
from services.chassis.frame import Frame
from services.chassis.keyring import create_root_key
from services.chassis.settings import Settings
from tests.fakes.chassis_frame import fake_telemetry
from tests.integration.auth.pages.browsing import ISSUER, PASSWORD, Browser

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


@pytest.fixture
async def app(
    tmp_path: Path, database: str, valkey_socket: Path, redis: object, mails: Path
) -> AsyncIterator[Starlette]:
    """Auth's HTTP side, with its loops running."""
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
        "TENON_MAIL_FOLDER": str(mails),
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
        stack.push_async_callback(asyncio.gather, *tasks, return_exceptions=True)
        stack.callback(lambda: [task.cancel() for task in tasks])
        yield Starlette(routes=list(wiring.http))


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
