"""What a supervisor leaves for others: believed where it is whole and true, ignored where it is not."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.cli.state import end_leftovers, read_leftovers, read_running
from services.cli.supervision.proc import start_time_of

if TYPE_CHECKING:
    from pathlib import Path

    from services.cli.settings import Settings


def write(settings: Settings, content: bytes) -> None:
    (settings.home / "state.json").write_bytes(content)


@pytest.mark.parametrize("content", [b"", b'{"run": "/tm', b"[]", b'{"processes": [{"name": 1}]}', b"\x00\xff"])
def test_a_damaged_state_file_counts_as_none(settings: Settings, content: bytes) -> None:
    write(settings, content)
    assert read_leftovers(settings) == ()
    assert read_running(settings) == settings


def test_commands_find_the_stack_where_it_was_started(settings: Settings) -> None:
    write(settings, json.dumps({"run": "/run/there", "host": "127.0.0.1", "port": 9999, "processes": []}).encode())
    found = read_running(settings)
    assert (str(found.run), found.edge_port, found.url) == ("/run/there", 9999, "http://localhost:9999")


def test_commands_see_the_contracts_that_the_stack_was_started_with(settings: Settings, tmp_path: Path) -> None:
    state = {"run": "/run/there", "host": "127.0.0.1", "port": 9999, "contracts": [str(tmp_path)], "processes": []}
    write(settings, json.dumps(state).encode())
    assert read_running(settings).contracts == (tmp_path,)
    named = replace(settings, contracts=(tmp_path / "mine",))
    assert read_running(named).contracts == (tmp_path / "mine",)


async def test_a_process_id_that_belongs_to_another_by_now_is_left_alone(settings: Settings) -> None:
    entry = {"name": "data-0", "pid": os.getpid(), "start_time": 1}
    write(settings, json.dumps({"processes": [entry]}).encode())
    assert await end_leftovers(settings) == ()


async def test_what_a_dead_supervisor_left_is_ended(settings: Settings) -> None:
    with subprocess.Popen(["sleep", "60"]) as left:
        entry = {"name": "data-0", "pid": left.pid, "start_time": start_time_of(left.pid)}
        write(settings, json.dumps({"processes": [entry]}).encode())
        assert await end_leftovers(settings) == ("data-0",)
        assert left.wait() == -9
