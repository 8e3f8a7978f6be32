"""The progress of a start: what is said where, and that a secret is said at the terminal alone."""

from __future__ import annotations

import json
import os
from typing import Any

from services.cli.console import Console


def test_a_detached_start_tells_its_caller_all_and_the_log_all_but_secrets() -> None:
    read, write = os.pipe()
    log: list[str] = []
    console = Console(write=log.append, caller=write)
    console.say("one")
    console.confide("password")
    console.ready(("ready line",))
    console.report("after")
    with os.fdopen(read) as pipe:
        told: list[dict[str, Any]] = [json.loads(line) for line in pipe]
    assert told == [{"line": "one"}, {"line": "password"}, {"line": "ready line"}, {"ready": ""}]
    assert log[:2] == ["one", "ready line"]
    assert log[2].endswith("after")


def test_a_caller_who_has_gone_does_not_stop_the_start() -> None:
    read, write = os.pipe()
    os.close(read)
    log: list[str] = []
    console = Console(write=log.append, caller=write)
    console.say("one")
    console.failed("why")
    assert log == ["one", "why"]


def test_a_foreground_start_shows_the_secret_and_leaves_the_failure_to_its_caller() -> None:
    shown: list[str] = []
    console = Console(write=shown.append)
    console.confide("password")
    console.failed("why")
    assert shown == ["password"]
