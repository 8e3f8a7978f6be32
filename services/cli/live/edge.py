"""Gives the running edge the routes of another contract, and waits until it has taken them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from services.cli.live.problems import NotApplied
from services.cli.supervision.probes import request_http
from services.meshgen.envoy import write
from services.meshgen.envoy.listener import ROUTE_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from services.cli.settings import Settings

COUNTERS = "http.edge.rds.edge-routes."
PATIENCE = 15.0
"""Seconds that the edge may take: it may be starting again just now."""

LOOK_INTERVAL = 0.005


class LiveEdge:
    """The edge of a running stack."""

    def __init__(self, settings: Settings) -> None:
        """Take where it is."""
        self._folder = settings.home / "envoy"
        self._admin = settings.socket("admin")

    async def take(self, files: Mapping[str, str]) -> None:
        """Have it route by these files; raises NotApplied where it refuses them, or does not answer."""
        until = time.monotonic() + PATIENCE
        before = await self._counters(until)
        if ROUTE_FILE not in write(self._folder, files):
            return
        while True:
            now = await self._counters(until)
            if _refusals(now) > _refusals(before):
                raise NotApplied(
                    ["The edge refuses its routes. Mend: see `tenon logs envoy`; this is a defect of ours."]
                )
            # One that was started again has counted from nothing, and has read the file that is there.
            if now["update_success"] > before["update_success"] or now["update_attempt"] < before["update_attempt"]:
                return
            if time.monotonic() > until:
                raise NotApplied(["The edge does not take its routes. Mend: see `tenon logs envoy`, and save again."])
            await asyncio.sleep(LOOK_INTERVAL)

    async def _counters(self, until: float) -> dict[str, int]:
        while True:
            found = await _read_counters(self._admin)
            if found is not None and found.get("update_success", 0):
                return found
            if time.monotonic() > until:
                raise NotApplied(["The edge does not answer. Mend: see `tenon status` and `tenon logs envoy`."])
            await asyncio.sleep(LOOK_INTERVAL * 10)


def read_folder(folder: Path) -> dict[str, str]:
    """Return the files of an edge as they are, to go back to."""
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


async def _read_counters(admin: Path) -> dict[str, int] | None:
    try:
        _, body = await request_http(admin, "GET", f"/stats?filter={COUNTERS.replace('.', '[.]')}")
    except (OSError, EOFError):
        return None
    pairs = (line.rpartition(":") for line in body.decode().splitlines() if COUNTERS in line)
    return {name.rpartition(".")[2]: int(value) for name, _, value in pairs if value.strip().isdigit()}


def _refusals(counters: Mapping[str, int]) -> int:
    return counters.get("update_rejected", 0) + counters.get("update_failure", 0)
