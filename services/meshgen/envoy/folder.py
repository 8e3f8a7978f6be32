"""Puts generated files in the folder that a running Envoy watches."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ORDER = ("pages/", "sds/", "cds/", "lds/", "rds/")
"""What is referred to is there before what refers to it."""


def write(folder: Path, files: Mapping[str, str]) -> tuple[str, ...]:
    """Write the files that are new or differ, and return their paths in the order in which they were written.

    Each is swapped by a rename: Envoy never reads half a file, and hears of those alone that changed. Files of ours
    that are no longer wanted are removed, after all others are written.
    """
    written = []
    for path in sorted(files, key=_rank):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = files[path].encode()
        if target.is_file() and target.read_bytes() == text:
            continue
        # Beside the folders that are watched, but on the same file system.
        fresh = folder / f".{path.replace('/', '-')}.new"
        fresh.write_bytes(text)
        fresh.chmod(0o600)
        os.replace(fresh, target)  # noqa: PTH105 - the rename is the point
        written.append(path)
    for old in sorted(folder.rglob("*.yaml")):
        if str(old.relative_to(folder)) not in files:
            old.unlink()
    return tuple(written)


def _rank(path: str) -> tuple[int, str]:
    return next((i for i, prefix in enumerate(_ORDER) if path.startswith(prefix)), len(_ORDER)), path
