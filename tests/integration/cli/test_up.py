"""`tenon up` as a person calls it, where it cannot start: what it says, and that it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from services.cli.commands.up import check_port
from services.cli.errors import CommandError
from services.cli.home import hold_lock, read_holder
from services.cli.supervision.proc import all_pids, folder_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.cli.settings import Settings

RULELESS = """
syntax = "proto3";
package acme.library.v1;
import "google/protobuf/empty.proto";
// Lends books.
service LibraryService {
  // Burns one.
  rpc Burn(google.protobuf.Empty) returns (google.protobuf.Empty);
}
"""


def tenon(settings: Settings, *arguments: str, port: int = 0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.cli", *arguments],
        env=environ(settings, port),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def environ(settings: Settings, port: int) -> dict[str, str]:
    paths = {"TENON_HOME": str(settings.home), "TENON_RUN": str(settings.run)}
    return {"PATH": os.environ["PATH"], "TENON_EDGE_PORT": str(port or free_port()), **paths}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port on which this process listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_a_port_in_use_is_named_with_the_process_that_has_it(taken: int) -> None:
    with pytest.raises(CommandError, match=rf"Port {taken} is in use by process {os.getpid()} .*TENON_EDGE_PORT="):
        check_port("127.0.0.1", taken, "TENON_EDGE_PORT")


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_up_on_a_taken_port_fails_before_anything_is_made(settings: Settings, taken: int, detach: list[str]) -> None:
    done = tenon(settings, "up", *detach, port=taken)
    assert done.returncode == 1
    assert f"Port {taken} is in use" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (settings.home / "postgres").exists()
    assert read_holder(settings) is None


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_a_second_up_on_one_state_folder_is_refused(settings: Settings, detach: list[str]) -> None:
    with hold_lock(settings):
        done = tenon(settings, "up", *detach)
    assert done.returncode == 1
    assert f"process {os.getpid()}" in done.stderr
    assert "tenon down" in done.stderr


def test_a_contract_with_a_mistake_stops_the_start_with_its_name_and_leaves_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "acme" / "library" / "v1" / "library_service.proto"
    file.parent.mkdir(parents=True)
    file.write_text(RULELESS)
    done = tenon(settings, "up", "--detach", "--contracts", str(tmp_path))
    assert done.returncode == 1
    assert "acme.library.v1.LibraryService.Burn" in done.stderr
    assert "Mend: " in done.stderr
    assert "Traceback" not in done.stderr
    assert read_holder(settings) is None
    assert [pid for pid in all_pids() if folder_of(pid) == settings.home / "postgres"] == []


def test_the_first_password_reaches_the_terminal_and_no_log(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "broken.proto").write_text("nonsense")
    done = tenon(settings, "up", "--detach", "--contracts", str(tmp_path))
    password = settings.admin_password.read_text().strip()
    assert password in done.stdout
    assert not [log.name for log in settings.logs.iterdir() if password in log.read_text()]


def test_ctrl_c_during_the_start_stops_all_in_order(settings: Settings) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "services.cli", "up"], env=environ(settings, 0), stdout=subprocess.PIPE, text=True
    ) as up:
        assert up.stdout is not None
        up.stdout.readline()
        up.send_signal(signal.SIGINT)
        rest = up.stdout.read()
    assert "stopped" in rest
    assert up.returncode == 130
    assert read_holder(settings) is None
