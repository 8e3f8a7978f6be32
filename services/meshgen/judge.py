"""Judges this repository's contracts with buf, offline: lint, format, and what would break their callers."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from services.chassis.contract import (
    PROTO_ROOT,
    REPOSITORY,
    ContractError,
    compile_protos,
    load_contract,
    own_files,
    service_folders,
)
from services.chassis.contract.custom import find_custom

BASELINE = PROTO_ROOT / "baseline.binpb"
"""The contracts of the last release, without comments; only `make release` moves it."""

CONFIGURATION = REPOSITORY / "buf.yaml"
"""What buf judges by."""


def main(arguments: list[str] | None = None) -> int:
    """Judge all contracts, or make them the baseline. Returns 0 where there is nothing to say."""
    parser = argparse.ArgumentParser(prog="python -m services.meshgen.judge", description=__doc__)
    parser.add_argument("--move-baseline", action="store_true", help="make the contracts of now the baseline")
    options = parser.parse_args(arguments)
    try:
        image = compile_protos([PROTO_ROOT])
        load_contract(image, services=service_folders(), own=own_files(), custom=find_custom().names())
    except ContractError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.move_baseline:
        BASELINE.write_bytes(baseline_of(image))
        return 0
    complaints = [*lint(image), *find_breaking(image, BASELINE.read_bytes()), *find_unformatted(PROTO_ROOT)]
    sys.stderr.writelines(f"{complaint}\n" for complaint in complaints)
    return 1 if complaints else 0


def lint(image: FileDescriptorSet, *, configuration: Path = CONFIGURATION) -> tuple[str, ...]:
    """Return what `buf lint` says of compiled files, each line `path:line:column:sentence`."""
    with tempfile.TemporaryDirectory(prefix="tenon-judge-") as folder:
        now = _write(folder, "now.binpb", image.SerializeToString())
        return _run("lint", str(now), "--config", str(configuration))


def find_breaking(image: FileDescriptorSet, baseline: bytes, *, configuration: Path = CONFIGURATION) -> tuple[str, ...]:
    """Return what `buf breaking` says of compiled files that are to replace those of a baseline."""
    with tempfile.TemporaryDirectory(prefix="tenon-judge-") as folder:
        now = _write(folder, "now.binpb", image.SerializeToString())
        before = _write(folder, "before.binpb", baseline)
        return _run("breaking", str(now), "--against", str(before), "--config", str(configuration))


def find_unformatted(root: Path) -> tuple[str, ...]:
    """Return the lines of the difference between the files below a root and how `buf format` writes them."""
    return _run("format", str(root), "--diff", "--exit-code")


def baseline_of(image: FileDescriptorSet) -> bytes:
    """Return compiled files without their comments, which break nobody."""
    bare = FileDescriptorSet()
    bare.CopyFrom(image)
    for file in bare.file:
        file.ClearField("source_code_info")
    return bare.SerializeToString(deterministic=True)


def _write(folder: str, name: str, content: bytes) -> Path:
    path = Path(folder) / name
    path.write_bytes(content)
    return path


def _run(*arguments: str) -> tuple[str, ...]:
    """Run buf and return its complaints; whatever it says where it fails is one."""
    buf = shutil.which("buf", path=str(Path(sys.executable).parent))
    if buf is None:
        return ("buf is not installed. Mend: `make setup`.",)
    done = subprocess.run([buf, *arguments], capture_output=True, text=True, check=False)
    said = tuple(line for line in (done.stdout + done.stderr).splitlines() if line.strip())
    return said or (f"buf {arguments[0]} failed with {done.returncode}",) if done.returncode else ()


if __name__ == "__main__":
    sys.exit(main())
