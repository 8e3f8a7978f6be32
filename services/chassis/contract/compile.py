"""Compiles `.proto` files with the protoc of grpcio-tools, third-party contracts taken from their wheels."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from buf.validate import validate_pb2
from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2

from services.chassis.contract.adopted import adopt, write_sources
from services.chassis.contract.problem import ContractError, Problem
from services.chassis.repository import PROTO_ROOT, proto_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ALWAYS = ("google/rpc/error_details.proto", "tenon/errors/v1/error_reason.proto")
"""Files that every contract has: the edge's transcoder needs the details of errors among its descriptors."""

_FOREIGN_FOLDERS = ("google/", "buf/validate/", "grpc/")
_DIAGNOSTIC = re.compile(r"^(?P<file>[^:\s]+\.proto):(?:(?P<line>\d+):\d+:)? (?P<text>.+)$")


def compile_protos(roots: Sequence[Path]) -> descriptor_pb2.FileDescriptorSet:
    """Compile all `.proto` files below the roots, with all that they import and with source info.

    The repository's own root may be imported from, whether it is one of the roots or not.
    Raises ContractError with file and line and the words of protoc.
    """
    with tempfile.TemporaryDirectory(prefix="tenon-protoc-") as folder:
        image = Path(folder) / "image.binpb"
        run_protoc(
            roots,
            inputs=inputs_of(roots),
            arguments=[f"--descriptor_set_out={image}", "--include_imports", "--include_source_info"],
        )
        compiled = descriptor_pb2.FileDescriptorSet.FromString(image.read_bytes())
    adopt(compiled)
    return compiled


def inputs_of(roots: Sequence[Path]) -> tuple[str, ...]:
    """Return the files to compile, by their paths below the roots.

    Raises ContractError for a root that is no folder and for a file that two roots have.
    """
    problems: list[Problem] = []
    owners: dict[str, Path] = {}
    for root in dict.fromkeys(path.resolve() for path in roots):
        if not root.is_dir():
            message, mend = "There is no such folder of contracts", "Name a folder that holds .proto files"
            problems.append(Problem(file=str(root), element=root.name, message=message, mend=mend))
        for name in proto_files(root):
            if name in owners:
                message = f"{owners[name]} and {root} both have this file"
                problems.append(Problem(file=name, element=name, message=message, mend="Rename one of the two"))
            owners[name] = root
    if problems:
        raise ContractError(problems)
    ours = {name for name in owners if not name.startswith(_FOREIGN_FOLDERS)}
    return tuple(sorted(ours.union(ALWAYS)))


def run_protoc(roots: Sequence[Path], *, inputs: Sequence[str], arguments: Sequence[str]) -> None:
    """Run protoc on files below the roots. Raises ContractError with its words."""
    with tempfile.TemporaryDirectory(prefix="tenon-protoc-") as folder:
        renamed, known = Path(folder) / "renamed", Path(folder) / "known.binpb"
        write_sources(renamed)
        includes = list(dict.fromkeys([*(root.resolve() for root in roots), PROTO_ROOT, _common_protos(), renamed]))
        known.write_bytes(_known_files().SerializeToString(deterministic=True))
        done = subprocess.run(
            [
                *(sys.executable, "-m", "grpc_tools.protoc", f"--descriptor_set_in={known}"),
                *(f"-I{include}" for include in includes),
                *arguments,
                *inputs,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise ContractError(_diagnostics(done.stderr, includes))


def _common_protos() -> Path:
    """Return the folder in which googleapis-common-protos has `google/api` and its neighbours."""
    return Path(str(metadata.distribution("googleapis-common-protos").locate_file("")))


def _known_files() -> descriptor_pb2.FileDescriptorSet:
    """Return the files that no wheel carries as source."""
    known = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, timestamp_pb2, field_mask_pb2, validate_pb2):
        module.DESCRIPTOR.CopyToProto(known.file.add())
    return known


def _diagnostics(words: str, includes: Sequence[Path]) -> Iterator[Problem]:
    for include in includes:
        words = words.replace(f"{include}/", "")
    lines = [line for line in words.splitlines() if line.strip() and "warning:" not in line]
    for line in lines:
        found = _DIAGNOSTIC.match(line)
        file, number, text = (found["file"], found["line"], found["text"]) if found else ("protoc", None, line)
        yield Problem(
            file=f"{file}:{number}" if number else file,
            element=Path(file).name,
            message=text.rstrip("."),
            mend="Correct the file as protoc says",
        )
