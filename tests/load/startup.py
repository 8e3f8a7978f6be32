"""How long `tenon up` takes until the first good answer, and what all processes hold when nothing happens."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from pathlib import Path

import httpx

from services.cli.minting import mint_token
from services.cli.settings import read_settings
from services.cli.supervision.control import ask_status
from tests.load.stack import environ_of, run_command

MEBIBYTE = 2**20
PATH = "/flightops/v1/airports?pageSize=3"
REST = 3.0
"""Seconds of rest before memory is measured."""

SECONDS_GOAL = 8.0
MEMORY_GOAL = 600


def measure_startup() -> str:
    """Start the stack as a user does, in a folder of its own, twice; return what was found."""
    # Not below the state folder of the bench: a shorter path also keeps the sockets' paths short.
    home = Path(tempfile.mkdtemp(prefix="tenon-bench-"))
    try:
        fresh, _ = _start_once(home)
        restart, memory = _start_once(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    whole = sum(memory.values())
    parts = ", ".join(f"{name} {size:.0f}" for name, size in memory.items())
    return (
        f"From `tenon up` to the first 200 with rows: {fresh:.1f} s in a fresh state folder, {restart:.1f} s again"
        f" (goal: {SECONDS_GOAL:.0f} s{_verdict(fresh <= SECONDS_GOAL)}).\n"
        f"Idle memory (PSS): {whole:.0f} MB (goal: {MEMORY_GOAL} MB{_verdict(whole <= MEMORY_GOAL)}): {parts}."
    )


def _verdict(met: bool) -> str:
    return ", met" if met else ", NOT MET"


def _start_once(home: Path) -> tuple[float, dict[str, float]]:
    environ = environ_of(home)
    started = time.perf_counter()
    run_command(environ, "up", "--detach")
    try:
        settings = read_settings(environ, directory=Path.cwd())
        token = asyncio.run(mint_token(settings))
        answer = httpx.get(f"{settings.url}{PATH}", headers={"authorization": f"Bearer {token}"}, trust_env=False)
        seconds = time.perf_counter() - started
        if not answer.raise_for_status().json()["airports"]:
            raise RuntimeError(f"{PATH} is answered without rows.")
        time.sleep(REST)
        memory = {each["name"]: each["memory"] / MEBIBYTE for each in ask_status(settings)["processes"]}
        return seconds, memory
    finally:
        run_command(environ, "down")
