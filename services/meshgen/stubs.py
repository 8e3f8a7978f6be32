"""Writes gen/: Python stubs with their types, and the contract as one file."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from services.chassis.contract import serialize_contract

if TYPE_CHECKING:
    from google.protobuf.descriptor import FileDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    from services.chassis.contract import Contract
    from services.meshgen.tree import Tree

FOLDER = "gen"
"""The import root that the stubs are written to."""

CONTRACT = f"{FOLDER}/contract.binpb"
"""Where the contract is written to."""

_ALSO = frozenset({"buf/validate/validate.proto"})
"""Files of others for which no wheel has stubs of google.protobuf."""

_TYPES = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")


def generate(contract: Contract) -> Tree:
    """Return the stubs of a contract's files and the contract itself."""
    return {**generate_stubs(contract.descriptors), CONTRACT: serialize_contract(contract)}


def generate_stubs(descriptors: FileDescriptorSet) -> Tree:
    """Return the stubs of all files of tenon and those of `buf.validate`; no reader of the options is needed.

    Type stubs come from mypy-protobuf, a tool of development: where it is not installed there are none.
    """
    wanted = [file for file in descriptors.file if file.name.startswith("tenon/") or file.name in _ALSO]
    with tempfile.TemporaryDirectory(prefix="tenon-stubs-") as folder:
        image, written = Path(folder) / "image.binpb", Path(folder) / "gen"
        image.write_bytes(descriptors.SerializeToString())
        written.mkdir()
        subprocess.run(
            [
                *(sys.executable, "-m", "grpc_tools.protoc", f"--descriptor_set_in={image}"),
                *(f"--python_out={written}", f"--grpc_python_out={written}"),
                *_type_arguments(written),
                *(file.name for file in wanted),
            ],
            check=True,
            capture_output=True,
        )
        return {
            f"{FOLDER}/{name}": _head(file) + (written / name).read_text()
            for file in wanted
            for name in _outputs(file)
            if (written / name).is_file()
        }


def not_generated() -> tuple[str, ...]:
    """Return the endings of files that cannot be generated here: type stubs, where their tool is not installed."""
    return () if _has_type_tools() else (".pyi",)


def differs(compiled: FileDescriptorProto, imported: FileDescriptor) -> bool:
    """Whether a stub that was imported is of another version of its file than the one compiled."""
    one, other = FileDescriptorProto(), FileDescriptorProto()
    one.CopyFrom(compiled)
    imported.CopyToProto(other)
    for file in (one, other):
        file.ClearField("source_code_info")
        for field in [*file.extension, *(field for message in file.message_type for field in message.field)]:
            field.ClearField("json_name")
    return one != other


def _outputs(file: FileDescriptorProto) -> list[str]:
    stem = file.name.removesuffix(".proto")
    parts = ("_pb2", "_pb2_grpc") if file.service else ("_pb2",)
    return [f"{stem}{part}{suffix}" for part in parts for suffix in (".py", ".pyi")]


def _head(file: FileDescriptorProto) -> str:
    return f"# Generated from {file.name} by `make gen`.\n"


def _type_arguments(written: Path) -> list[str]:
    if not _has_type_tools():
        return []
    plugins = [f"--plugin={tool}={_find_tool(tool)}" for tool in _TYPES]
    return [*plugins, f"--mypy_out=quiet:{written}", f"--mypy_grpc_out=quiet:{written}"]


def _has_type_tools() -> bool:
    return all(_find_tool(tool) for tool in _TYPES)


def _find_tool(name: str) -> str | None:
    """Return a tool of this interpreter's own environment, whatever the path of the shell is."""
    return shutil.which(name, path=str(Path(sys.executable).parent))
