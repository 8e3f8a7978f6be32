"""What all tests share: pytest-grpc's fixtures, made to serve our servicers on asyncio, and which skips are allowed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.grpc_fixtures import (
    _grpc_server,
    grpc_add_to_server,
    grpc_addr,
    grpc_channel,
    grpc_contract,
    grpc_create_channel,
    grpc_handlers,
    grpc_server,
    grpc_stub,
    grpc_verifier,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

pytest.register_assert_rewrite("tests.pack.checks")  # so that a statement that fails shows its values

ALLOWED_SKIPS = (
    "only root needs a user namespace",
    "grpcurl is installed where Go is",
)
"""Beginnings of the reasons for which a test may be skipped where everything is judged (`CI` is set)."""

_skipped: list[str] = []

__all__ = [
    "_grpc_server",
    "grpc_add_to_server",
    "grpc_addr",
    "grpc_channel",
    "grpc_contract",
    "grpc_create_channel",
    "grpc_handlers",
    "grpc_server",
    "grpc_stub",
    "grpc_verifier",
]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember why a test was skipped."""
    if report.skipped and isinstance(report.longrepr, tuple):
        _skipped.append(report.longrepr[2].removeprefix("Skipped: "))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of CI in which a test was skipped that should have run."""
    if os.environ.get("CI") and (surprising := find_surprising(_skipped)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nSkipped, and not on the list of tests/conftest.py: {surprising}")  # noqa: T201 - said at the very end


def find_surprising(reasons: Iterable[str]) -> list[str]:
    """Return the reasons that are not on the list, each once."""
    return sorted({reason for reason in reasons if not reason.startswith(ALLOWED_SKIPS)})
