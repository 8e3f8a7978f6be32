"""The command line: what it takes, and how it says what is wrong."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from services.cli.__main__ import describe_error, main
from services.cli.commands.status import render_table
from services.cli.errors import CommandError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENON_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("command", [["status"], ["status", "--json"], ["token"], ["auth", "user", "list"]])
def test_what_needs_a_running_stack_says_so_with_the_mend(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("tenon: Nothing runs from")
    assert "tenon up" in shown.err


def test_down_is_well_where_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down"]) == 0
    assert "Nothing runs" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line", [[], ["fly"], ["up", "--sideways"], ["logs"], ["demo"], ["status", "more"], ["auth", "fly"]]
)
def test_a_wrong_command_line_is_a_usage_error(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(line)
    assert exit_.value.code == 2
    assert "usage: tenon" in capsys.readouterr().err


@pytest.mark.parametrize(("line", "usage"), [(["up", "--sideways"], "tenon up"), (["status", "more"], "tenon status")])
def test_a_wrong_option_shows_the_usage_of_its_command(
    line: list[str], usage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(line)
    assert f"usage: {usage}" in capsys.readouterr().err


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"tenon {metadata.version('tenon')}\n"


def test_lines_of_a_log_are_shown_before_the_sentence_that_they_explain() -> None:
    error = CommandError("It has failed.", mend="see above.", details=("one", "two"))
    assert describe_error(str(error)) == "  | one\n  | two\ntenon: It has failed. Mend: see above.\n"


def test_a_setting_that_cannot_be_is_one_sentence_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TENON_EDGE_PORT", "many")
    assert main(["up"]) == 1
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "TENON_EDGE_PORT" in shown


def test_reading_the_command_line_loads_nothing_heavy() -> None:
    script = (
        "import sys, services.cli.__main__ as m; m._parser(); "
        "print([name for name in ('asyncio', 'grpc', 'cryptography', 'google', 'yaml') if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


def test_the_supervisor_itself_loads_no_compiler_and_no_cryptography() -> None:
    script = (
        "import sys, services.cli.commands.up; "
        "print([name for name in ('grpc', 'cryptography', 'google', 'yaml') if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


def test_the_table_shows_each_process_and_the_whole() -> None:
    process = {
        "name": "data-0",
        "pid": 7,
        "endpoint": "unix:/run/data-0.sock",
        "health": "healthy",
        "memory": 80 * 1024 * 1024,
        "restarts": 2,
        "uptime": 3725.0,
    }
    waiting = {**process, "name": "envoy", "pid": None, "health": "waiting", "memory": 0, "uptime": 0.0}
    status = {"url": "http://localhost:8080", "home": "/h", "ready": False, "memory": 80 * 1024 * 1024}
    table = render_table({**status, "processes": [process, waiting]})
    assert "data-0  7    healthy  80 MB   2         1 h 2 min  unix:/run/data-0.sock" in table
    assert "not ready at http://localhost:8080, 80 MB in all" in table
