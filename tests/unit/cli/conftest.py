"""Settings of a run that lives in a test's own folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.cli.home import prepare_folders
from services.cli.settings import Settings, read_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings whose folders exist."""
    run = tmp_path / "run"
    environ = {"TENON_HOME": str(tmp_path / "home"), "TENON_RUN": str(run), "PATH": "/usr/bin", "SECRET": "hidden"}
    made = read_settings({**environ, "TENON_DATA_WORKERS": "2"}, directory=tmp_path)
    prepare_folders(made)
    return made
