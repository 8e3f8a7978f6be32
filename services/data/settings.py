"""What data alone is told by the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from services.chassis.environment import load_settings, setting
from services.records.transfer.limits import DEFAULTS, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Data's own settings, beside the chassis's."""

    method_roots: str = setting("TENON_METHODS", default="", shown=True)
    """Import roots of contracts from outside, where Python may lie beside them; separated as in PATH."""
    file_bytes: int = setting("TENON_FILE_BYTES", default=DEFAULTS.file_bytes, shown=True)
    """The most bytes of one file that is uploaded or exported."""
    all_file_bytes: int = setting("TENON_ALL_FILE_BYTES", default=DEFAULTS.organization_bytes, shown=True)
    """The most bytes of all files of one organization."""
    file_life: timedelta = setting("TENON_FILE_LIFE", default=timedelta(hours=DEFAULTS.file_hours), shown=True)
    """After how long a file is deleted."""
    operations: int = setting("TENON_OPERATIONS", default=DEFAULTS.running, shown=True)
    """Imports and exports that one organization may have under way at once."""

    @property
    def limits(self) -> Limits:
        """What bounds imports and exports."""
        return Limits(
            file_bytes=self.file_bytes,
            organization_bytes=self.all_file_bytes,
            file_hours=self.file_life / timedelta(hours=1),
            running=self.operations,
        )

    @property
    def methods(self) -> tuple[Path, ...]:
        """The roots as paths."""
        return tuple(Path(root) for root in self.method_roots.split(os.pathsep) if root)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Return the settings; raises SettingsError with all that is wrong."""
        return load_settings(cls, environ)
