"""What the supervisor does from time to time: renews certificates at half their life, keeps logs to their size."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from services.cli.logs import open_log, rotate
from services.cli.settings import CERTIFICATE_LIFE, WORKLOADS
from services.cli.supervision.child import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.cli.settings import Settings
    from services.cli.supervision.supervisor import Supervisor

INTERVAL = 30.0
"""Seconds between two looks."""


async def keep_house(settings: Settings, supervisor: Supervisor, report: Callable[[str], None]) -> None:
    """Look after certificates and logs for ever."""
    while True:
        await asyncio.sleep(INTERVAL)
        for log in (settings.log("up"), *(child.spec.log for child in supervisor.children.values())):
            rotate(log)
        if are_certificates_due(settings, now=time.time()):
            code = await renew_certificates(settings)
            report("certificates are renewed" if code == 0 else "certificates could not be renewed: see their log")


def are_certificates_due(settings: Settings, *, now: float) -> bool:
    """Return whether a certificate is missing or past half its life, by the wall clock: a laptop may have slept."""
    for workload in WORKLOADS:
        with suppress(OSError):
            if 0 <= now - settings.certificates(workload).lstat().st_mtime < CERTIFICATE_LIFE / 2:
                continue
        return True
    return False


async def renew_certificates(settings: Settings) -> int:
    """Run the step that renews what is due, in a process of its own; return its exit code."""
    module = ("services.cli.stack.certificates", str(settings.home / "certs"), "--trust-domain", settings.trust_domain)
    with open_log(settings.log("certificates")) as log:
        process = await asyncio.create_subprocess_exec(
            *die_with_parent((sys.executable, "-P", "-m", *module)),
            stdout=log,
            stderr=log,
            env=dict(settings.handed_on),
        )
    return await process.wait()
