"""What data alone is told by the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.chassis.environment import load_settings, setting

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Data's own settings, beside the chassis's."""

    method_roots: str = setting("TENON_METHODS", default="", shown=True)
    """Import roots of contracts from outside, where Python may lie beside them; separated as in PATH."""

    @property
    def methods(self) -> tuple[Path, ...]:
        """The roots as paths."""
        return tuple(Path(root) for root in self.method_roots.split(os.pathsep) if root)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Return the settings; raises SettingsError with all that is wrong."""
        return load_settings(cls, environ)
