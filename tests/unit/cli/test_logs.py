"""Logs: private, bounded, and shown from their end."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from services.cli.commands.logs import run_logs
from services.cli.errors import CommandError
from services.cli.logs import open_log, read_new, rotate, size_of, tail

if TYPE_CHECKING:
    from pathlib import Path

    from services.cli.settings import Settings


def test_a_log_is_for_its_owner_alone(tmp_path: Path) -> None:
    with open_log(tmp_path / "a.log") as log:
        log.write(b"line\n")
    assert stat.S_IMODE((tmp_path / "a.log").stat().st_mode) == 0o600


def test_a_log_that_has_outgrown_its_limit_is_moved_aside_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with open_log(path) as log:
        log.write(b"x" * 100)
        assert rotate(path, limit=50)
        log.write(b"after\n")
    assert path.read_bytes() == b"after\n"
    assert (tmp_path / "a.log.1").read_bytes() == b"x" * 100


def test_a_small_or_missing_log_is_left_alone(tmp_path: Path) -> None:
    assert not rotate(tmp_path / "missing.log")
    (tmp_path / "a.log").write_bytes(b"x")
    assert not rotate(tmp_path / "a.log")


def test_the_tail_is_of_what_was_written_since_a_position(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old\n")
    position = size_of(path)
    with path.open("a") as log:
        log.write("1\n2\n3\n")
    assert tail(path, lines=2, since=position) == ("2", "3")
    assert tail(path, lines=9, since=position) == ("1", "2", "3")


def test_following_goes_on_after_a_log_was_emptied(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("a long first part\n")
    position = size_of(path)
    os.truncate(path, 0)
    path.write_text("new\n")
    assert b"".join(read_new(path, position)) == b"new\n"


def test_a_services_name_stands_for_all_its_workers(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("data-0", "data-1", "envoy"):
        settings.log(name).write_text(f"from {name}\n")
    run_logs(settings, "data", follow=False)
    shown = capsys.readouterr().out
    assert "from data-0" in shown
    assert "from data-1" in shown
    assert "envoy" not in shown


def test_an_unknown_name_is_refused_with_those_that_there_are(settings: Settings) -> None:
    settings.log("envoy").touch()
    with pytest.raises(CommandError, match="envoy"):
        run_logs(settings, "nothing", follow=False)
