"""A small contract's messages, compiled into a private pool, for tests of what reads descriptors."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc_tools
from buf.validate import validate_pb2  # noqa: F401 - registers what the toy imports
from google.api import field_behavior_pb2  # noqa: F401 - the same
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_tools import protoc

from services.chassis.transport import messages_of

if TYPE_CHECKING:
    from services.chassis.transport import Messages

TOY = """
syntax = "proto3";
package toy.v1;
import "buf/validate/validate.proto";
import "google/api/field_behavior.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";

message Author {
  string name = 1 [(google.api.field_behavior) = REQUIRED, (buf.validate.field).string.max_len = 5];
  repeated string aliases = 2;
}
message Book {
  string name = 1 [(google.api.field_behavior) = IDENTIFIER];
  string title = 2 [(google.api.field_behavior) = REQUIRED, (buf.validate.field).string.min_len = 2];
  repeated Author authors = 3;
  string state = 4 [(google.api.field_behavior) = OUTPUT_ONLY, (buf.validate.field).string.max_len = 1];
  map<string, string> labels = 5 [(buf.validate.field).map.values.string.max_len = 3];
  int32 pages = 6 [(google.api.field_behavior) = REQUIRED, (buf.validate.field).int32.gte = 0];
  optional int32 year = 7 [(google.api.field_behavior) = REQUIRED];
  map<int32, Author> editors = 8;
  option (buf.validate.message).cel = {
    id: "book.pages", message: "a titled book has pages", expression: "this.title == '' || this.pages > 0"
  };
}
message CreateBookRequest {
  string parent = 1 [(google.api.field_behavior) = REQUIRED];
  Book book = 2 [(google.api.field_behavior) = REQUIRED];
}
message UpdateBookRequest {
  Book book = 1 [(google.api.field_behavior) = REQUIRED];
  google.protobuf.FieldMask update_mask = 2;
}
message GetBookRequest {
  string name = 1;
}
message Tree {
  string name = 1;
  repeated Tree branches = 2;
  Tree root = 3;
}
message Loose {
  google.protobuf.Struct anything = 1;
  bytes data = 2;
}
message Numbers {
  int64 number = 1;
}
"""


@functools.cache
def toy_messages() -> Messages:
    """Return the classes of the toy's messages."""
    return messages_of(toy_pool())


@functools.cache
def toy_pool() -> DescriptorPool:
    """Compile the toy, with all that it imports, into a pool of its own."""
    pool = DescriptorPool()
    with tempfile.TemporaryDirectory() as folder:
        source, known, out = Path(folder) / "toy.proto", Path(folder) / "known", Path(folder) / "out"
        source.write_text(TOY)
        known.write_bytes(_imports().SerializeToString())
        code = protoc.main(
            ["protoc", f"-I{folder}", f"--descriptor_set_in={known}", f"--descriptor_set_out={out}", "toy.proto"]
        )
        if code:
            raise RuntimeError(f"protoc failed with {code}, {grpc_tools.__name__}")
        compiled = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    for file in (*_imports().file, *compiled.file):
        pool.AddSerializedFile(file.SerializeToString())
    return pool


def _imports() -> descriptor_pb2.FileDescriptorSet:
    files = descriptor_pb2.FileDescriptorSet()
    seen: set[str] = set()

    def add(file: Any) -> None:
        if file.name not in seen:
            seen.add(file.name)
            for dependency in file.dependencies:
                add(dependency)
            file.CopyToProto(files.file.add())

    pool = descriptor_pool.Default()
    for name in ("validate/validate.proto", "api/field_behavior.proto"):
        add(pool.FindFileByName(f"{'buf' if name[0] == 'v' else 'google'}/{name}"))
    for name in ("field_mask", "struct"):
        __import__(f"google.protobuf.{name}_pb2")
        add(pool.FindFileByName(f"google/protobuf/{name}.proto"))
    return files
