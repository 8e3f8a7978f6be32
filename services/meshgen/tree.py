"""Generated files as values: `{path: content}`, compared with what lies on disk and written there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MARK = re.compile(rb"\W*Generated from .* by `make gen`")
"""What the first line of every generated text says."""

Tree = Mapping[str, str | bytes]
"""What generators return: contents by their path below the repository."""


def write_tree(root: Path, tree: Tree, *, folders: tuple[str, ...], ignoring: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Make the folders hold the tree: write what differs, remove what was generated and is no more.

    Returns the paths that were written or removed.
    """
    changed = differences(root, tree, folders=folders, ignoring=ignoring)
    for name in changed:
        path = root / name
        if name not in tree:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_bytes(_bytes(tree[name]))
        fresh.replace(path)
    return changed


def differences(root: Path, tree: Tree, *, folders: tuple[str, ...], ignoring: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the paths that are missing or differ from the tree, and generated ones that the tree does not have.

    Paths with an ending in `ignoring` are left out, whatever they hold.
    """
    wrong = [name for name, content in tree.items() if _read(root / name) != _bytes(content)]
    extra = [name for folder in folders for name in generated_files(root, folder) if name not in tree]
    return tuple(sorted(name for name in {*wrong, *extra} if not name.endswith(ignoring)))


def generated_files(root: Path, folder: str) -> Iterator[str]:
    """Yield the paths of the files below a folder that a generator wrote; what people wrote there is theirs."""
    for path in sorted((root / folder).rglob("*")):
        if path.is_file() and (path.suffix == ".binpb" or _is_marked(path)):
            yield path.relative_to(root).as_posix()


def _is_marked(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(_MARK.match(file.readline()))


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
