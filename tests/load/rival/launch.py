"""Starts the rivals on the Postgres of a stack of ours, in a plain table with the same rows."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from services.chassis.contract import read_contract
from services.cli.stack.contract import topology_of
from services.cli.stack.edge import binary
from tests.load.floor import ENVOY_OPTIONS
from tests.load.launch import free_port
from tests.load.rival.edge import configure
from tests.load.rival.table import copy_statements
from tests.load.stack import SOURCE, delete_created

if TYPE_CHECKING:
    from tests.load.launch import Launcher
    from tests.load.stack import Stack

UVICORN = ("--factory", "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")
"""One process, on the fastest parts that uvicorn has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rival:
    """One form of the rival that runs."""

    target: str
    """`host:port` that clients call."""
    service: frozenset[int]
    """The process of FastAPI."""
    edge: frozenset[int]
    """The process of its Envoy, or none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rivals:
    """The rivals that run."""

    bare: Rival
    """Without a gateway."""
    equal: Rival
    """With equal duties behind an Envoy, which speaks plain HTTP to it."""
    tls: Rival
    """The same with mutual TLS between the two, as ours has it."""


async def run_rivals(stack: Stack, launcher: Launcher) -> Rivals:
    """Copy the flights to a plain table and run all rivals on it; the launcher stops them."""
    await copy_flights(stack)
    keys = await _read_keys(stack)
    rivals = Rivals(
        bare=_start_bare(stack, launcher, keys),
        equal=_start_equal(stack, launcher, keys, "equal", tls=False),
        tls=_start_equal(stack, launcher, keys, "equal-tls", tls=True),
    )
    token = await stack.token()
    for rival in (rivals.bare, rivals.equal, rivals.tls):
        await launcher.wait_for_http(f"http://{rival.target}/noop", token)
    return rivals


async def copy_flights(stack: Stack) -> None:
    """Make the rivals' table from ours, without the rows of an earlier bench."""
    connection = await stack.connect()
    try:
        await delete_created(connection)
        for statement in copy_statements(SOURCE):
            await connection.execute(statement)
        await connection.execute(f"ANALYZE {SOURCE}")
    finally:
        await connection.close()


def _start_bare(stack: Stack, launcher: Launcher, keys: str) -> Rival:
    port = free_port()
    app = _start_app(stack, launcher, "bare", keys, ["--host", "127.0.0.1", "--port", str(port)], equal=False)
    return Rival(target=f"127.0.0.1:{port}", service=frozenset({app}), edge=frozenset())


def _start_equal(stack: Stack, launcher: Launcher, keys: str, name: str, *, tls: bool) -> Rival:
    settings, port = stack.settings, free_port()
    socket, admin = (settings.run / f"rival-{name}{end}.sock" for end in ("", "-admin"))
    options = ["--uds", str(socket)]
    if tls:
        folder = settings.certificates("data")
        files = {"certfile": "cert.pem", "keyfile": "key.pem", "ca-certs": "ca.pem"}
        options += [part for option, file in files.items() for part in (f"--ssl-{option}", str(folder / file))]
        options += ["--ssl-cert-reqs", "2"]
    app = _start_app(stack, launcher, name, keys, options, equal=True)
    path = launcher.folder / f"{name}-edge.yaml"
    contract, topology = read_contract(settings.contract), topology_of(settings)
    path.write_text(configure(contract, topology, port=port, socket=socket, admin=admin, tls=tls))
    edge = launcher.start(f"{name}-edge", [str(binary()), "-c", str(path), *ENVOY_OPTIONS])
    return Rival(target=f"127.0.0.1:{port}", service=frozenset({app}), edge=frozenset({edge}))


def _start_app(stack: Stack, launcher: Launcher, name: str, keys: str, options: list[str], *, equal: bool) -> int:
    settings = stack.settings
    setup: dict[str, Any] = {
        "jwks": keys,
        "issuer": settings.issuer,
        "audience": settings.audience,
        "equal_duties": equal,
        "database": {"host": str(settings.run), "user": "tenon", "database": "tenon"},
    }
    path = launcher.folder / f"{name}.json"
    path.write_text(json.dumps(setup))
    command = [sys.executable, "-m", "uvicorn", "tests.load.rival.app:create_app", *UVICORN, *options]
    return launcher.start(name, command, {"RIVAL_SETUP": str(path)})


async def _read_keys(stack: Stack) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.get(f"{stack.settings.url}/auth/v1/jwks.json")
        return response.raise_for_status().text
