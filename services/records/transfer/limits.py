"""How much of a service's strength imports and exports may use."""

from __future__ import annotations

from dataclasses import dataclass

MEBI = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The bounds of files and operations."""

    file_bytes: int = 1024 * MEBI
    """The most bytes of one file that is uploaded."""
    organization_bytes: int = 8 * 1024 * MEBI
    """The most bytes of all files of one organization, those that exports write among them."""
    file_hours: float = 24.0
    """Hours after which a file is deleted."""
    operation_hours: float = 168.0
    """Hours after which an operation that is done is forgotten."""
    running: int = 4
    """Operations of one organization that may be under way at once."""
    worker_running: int = 2
    """Operations that one worker runs at once; others wait for their turn."""
    lease_seconds: float = 15.0
    """Seconds for which a worker that says nothing keeps an operation. After that another takes it over."""


DEFAULTS = Limits()
"""The bounds where nobody says otherwise."""
