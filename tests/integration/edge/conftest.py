"""One edge for all tests that do not change it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.edge.rig import Edge, running_edge

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Yield a folder whose sockets have paths short enough."""
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def edge() -> Iterator[Edge]:
    """Yield an edge that runs for the whole session. Tests leave it as they find it."""
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    with running_edge(folder) as running:
        yield running
    shutil.rmtree(folder)
