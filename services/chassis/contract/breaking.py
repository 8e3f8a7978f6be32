"""Says what a contract breaks for those who call by the one before it: buf judges, offline, on compiled files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor_pb2 import FileDescriptorSet

RULES = {"version": "v2", "breaking": {"use": ["WIRE_JSON"], "ignore": ["google", "buf"]}}
"""What counts: what breaks those who send or read bytes, or JSON."""

_LINE = re.compile(r"^(?P<file>[^:]+\.proto):(?P<line>\d+):\d+:(?P<words>.+)$")


def find_breaking(before: FileDescriptorSet, after: FileDescriptorSet) -> tuple[str, ...]:
    """Return what breaks callers, a line for each with its file; blocks while buf runs, which takes about 0.1 s.

    Files that are not among those of before break nobody.
    """
    with tempfile.TemporaryDirectory(prefix="tenon-breaking-") as folder:
        old, new = Path(folder) / "before.binpb", Path(folder) / "after.binpb"
        old.write_bytes(before.SerializeToString())
        new.write_bytes(after.SerializeToString())
        buf = shutil.which("buf", path=str(Path(sys.executable).parent)) or shutil.which("buf")
        if buf is None:
            return ("buf is not installed, so that nobody can tell what breaks callers. Mend: `make setup`.",)
        arguments = ("breaking", str(new), "--against", str(old), "--config", json.dumps(RULES))
        done = subprocess.run([buf, *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ()
    return tuple(dict.fromkeys(_sentences(done.stdout + done.stderr))) or (f"buf failed with {done.returncode}.",)


def _sentences(words: str) -> Iterator[str]:
    for line in words.splitlines():
        found = _LINE.match(line.strip())
        if found is not None:
            yield f"{found['file']}:{found['line']}: {found['words'].rstrip('.')}."
        elif line.strip():
            yield line.strip()
