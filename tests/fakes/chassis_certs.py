"""Certificates of a made-up mesh, from the same authority that a laptop's run has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.cli.stack.certificates import renew

if TYPE_CHECKING:
    from pathlib import Path


def issue_certs(folder: Path, *names: str) -> dict[str, Path]:
    """Issue a certificate for each workload, and return the folders that TENON_CERTS would name."""
    renew(folder, trust_domain="tenon.local", now=datetime.now(UTC), workloads=names)
    return {name: folder / name / "current" for name in names}


def rotate_certs(folder: Path, name: str) -> None:
    """Issue a new certificate for a workload, and exchange the old one."""
    (folder / name / "current").unlink()
    renew(folder, trust_domain="tenon.local", now=datetime.now(UTC), workloads=(name,))
