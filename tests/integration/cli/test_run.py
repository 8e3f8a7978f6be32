"""A whole run over small processes, in a supervisor of its own: status, stop, and recovery after its death."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from services.cli.state import read_leftovers
from services.cli.supervision.proc import start_time_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.cli.settings import Settings

RUN = textwrap.dedent("""
    import os, pathlib, sys
    from services.cli.supervision.child import die_with_parent
    from services.cli.console import Console
    from services.cli.settings import read_settings
    from services.cli.supervision.spec import ProcessSpec
    from services.cli.commands.up import run_up

    settings = read_settings(os.environ, directory=pathlib.Path.cwd())
    stay = (sys.executable, "-c", "import signal; signal.pause()")

    def planned(settings, **_):
        # The second is not tied to our life, as on a machine without `setpriv`.
        first = ProcessSpec(name="first", argv=die_with_parent(stay), log=settings.log("first"), endpoint="here")
        return first, ProcessSpec(name="second", argv=stay, log=settings.log("second"), after=("first",))

    sys.exit(run_up(settings, demo=False, console=Console(), planned=planned))
""")


class Stack:
    """A supervisor that runs in the background, and the commands that meet it."""

    def __init__(self, settings: Settings) -> None:
        """Take where it lives."""
        paths = {"TENON_HOME": str(settings.home), "TENON_RUN": str(settings.run)}
        self.environ = {"PATH": os.environ["PATH"], "TENON_EDGE_PORT": str(_free_port()), **paths}
        self.running: list[subprocess.Popen[str]] = []

    def up(self) -> list[str]:
        """Start it; return what it says until it is ready."""
        started = subprocess.Popen([sys.executable, "-c", RUN], env=self.environ, stdout=subprocess.PIPE, text=True)
        self.running.append(started)
        assert started.stdout is not None
        lines = []
        for line in started.stdout:
            lines.append(line.strip())
            if line.startswith("Tenon is ready"):
                return lines
        raise AssertionError(lines)

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call the command."""
        # Another port than it was started with: commands find it where it is.
        environ = {**self.environ, "TENON_EDGE_PORT": "1"}
        command = [sys.executable, "-m", "services.cli", *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)

    def status(self) -> dict[str, Any]:
        """Return what `status --json` says."""
        status: dict[str, Any] = json.loads(self.call("status", "--json").stdout)
        return status


@pytest.fixture
def stack(settings: Settings) -> Iterator[Stack]:
    """Return a stack that is ended with the test."""
    made = Stack(settings)
    yield made
    for running in made.running:
        running.terminate()
        running.communicate(timeout=60)


def test_the_ready_line_has_the_url_and_a_call_to_copy(stack: Stack) -> None:
    ready = stack.up()[-1]
    assert f"ready at http://localhost:{stack.environ['TENON_EDGE_PORT']} (" in ready
    assert 'curl -H "Authorization: Bearer $(' in ready


def test_status_tells_of_every_process(stack: Stack) -> None:
    stack.up()
    status = stack.status()
    assert status["ready"]
    assert status["url"].endswith(stack.environ["TENON_EDGE_PORT"])
    assert [process["name"] for process in status["processes"]] == ["supervisor", "first", "second"]
    first = status["processes"][1]
    assert (first["health"], first["endpoint"], first["restarts"]) == ("healthy", "here", 0)
    assert first["memory"] > 1_000_000
    assert status["memory"] == sum(process["memory"] for process in status["processes"])


def test_down_stops_everything_and_leaves_the_folder_free(stack: Stack, settings: Settings) -> None:
    stack.up()
    pids = [process["pid"] for process in stack.status()["processes"][1:]]
    down = stack.call("down")
    assert down.returncode == 0
    assert down.stdout.startswith("Stopped in")
    assert stack.running[0].wait(timeout=10) == 0
    assert [pid for pid in pids if start_time_of(pid) is not None] == []
    assert stack.call("status").returncode == 1
    assert not settings.run.exists()


def test_the_next_start_recovers_after_the_supervisor_was_killed(stack: Stack, settings: Settings) -> None:
    stack.up()
    stack.running[0].kill()
    stack.running[0].wait()
    assert "second" in [left.name for left in read_leftovers(settings)]
    lines = stack.up()
    assert any("second was left from a run that broke off" in line for line in lines)
    assert stack.status()["ready"]


def test_a_second_up_is_refused_while_the_first_runs_and_does_not_disturb_it(stack: Stack) -> None:
    stack.up()
    second = stack.call("up", "--detach")
    assert second.returncode == 1
    assert f"process {stack.running[0].pid}" in second.stderr
    assert stack.status()["ready"]


def test_a_stack_whose_state_folder_is_deleted_ends_and_gives_way_to_the_next(stack: Stack, settings: Settings) -> None:
    stack.up()
    pids = [process["pid"] for process in stack.status()["processes"]]
    shutil.rmtree(settings.home)
    stack.up()
    assert stack.running[0].wait(timeout=10) == 0
    assert [pid for pid in pids if start_time_of(pid) is not None] == []
    assert stack.status()["ready"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
