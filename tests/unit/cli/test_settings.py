"""Settings of the command: what is read, what is refused, and where state and sockets go."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from services.chassis.settings import SOCKET_PATH_LIMIT
from services.cli.errors import CommandError
from services.cli.settings import LONGEST_SOCKET, find_home, read_settings

if TYPE_CHECKING:
    from pathlib import Path


def test_the_state_folder_is_that_of_the_project_that_one_stands_in(tmp_path: Path) -> None:
    (tmp_path / "proto").mkdir()
    inner = tmp_path / "src" / "deep"
    inner.mkdir(parents=True)
    assert find_home(inner) == tmp_path / ".tenon"


def test_a_state_folder_that_exists_is_preferred(tmp_path: Path) -> None:
    (tmp_path / ".tenon").mkdir()
    inner = tmp_path / "inner"
    (inner / "proto").mkdir(parents=True)
    assert find_home(inner) == tmp_path / ".tenon"


def test_sockets_fit_into_the_limit_however_deep_the_state_folder_lies(tmp_path: Path) -> None:
    settings = read_settings({"TENON_HOME": str(tmp_path / ("deep/" * 40))}, directory=tmp_path)
    assert len(os.fsencode(settings.run / LONGEST_SOCKET)) <= SOCKET_PATH_LIMIT


def test_a_long_runtime_folder_of_the_session_is_passed_over(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    settings = read_settings({"XDG_RUNTIME_DIR": str(long), "TENON_HOME": str(tmp_path)}, directory=tmp_path)
    assert long not in settings.run.parents


def test_a_long_runtime_folder_that_was_asked_for_is_refused_with_the_limit(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="107 bytes"):
        read_settings({"TENON_RUN": str(tmp_path / ("x" * 100))}, directory=tmp_path)


def test_two_state_folders_have_two_runtime_folders(tmp_path: Path) -> None:
    one, other = (read_settings({"TENON_HOME": str(tmp_path / name)}, directory=tmp_path) for name in ("a", "b"))
    assert one.run != other.run


@pytest.mark.parametrize(
    ("name", "value"), [("TENON_EDGE_PORT", "0"), ("TENON_EDGE_PORT", "eighty"), ("TENON_DATA_WORKERS", "-1")]
)
def test_a_number_that_cannot_be_is_refused_by_its_name(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(CommandError, match=name):
        read_settings({name: value}, directory=tmp_path)


def test_a_contracts_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no folder"):
        read_settings({}, directory=tmp_path, contracts=(tmp_path / "missing",))


def test_a_contracts_folder_without_a_contract_is_refused(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    with pytest.raises(CommandError, match=r"no \.proto file in"):
        read_settings({}, directory=tmp_path, contracts=(tmp_path,))


def test_the_issuer_is_the_edges_own_url(tmp_path: Path) -> None:
    settings = read_settings({"TENON_EDGE_PORT": "9000"}, directory=tmp_path)
    assert settings.issuer == settings.url == "http://localhost:9000"


def test_only_named_variables_are_handed_on(tmp_path: Path) -> None:
    environ = {"PATH": "/bin", "LANG": "C", "OTEL_X": "1", "TENON_LOG_LEVEL": "INFO", "AWS_SECRET": "s", "HOME": "/h"}
    settings = read_settings(environ, directory=tmp_path)
    assert set(settings.handed_on) == {"PATH", "LANG", "OTEL_X", "TENON_LOG_LEVEL"}
