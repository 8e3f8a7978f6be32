"""Services that others define and this mesh serves: each gets the rules and REST paths that its own contract lacks."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.duration_pb2 import Duration
from tenon.options.v1 import options_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from google.protobuf.descriptor_pb2 import FileDescriptorSet


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """What the mesh says of one adopted method."""

    verb: str
    """The HTTP verb of its REST path, as `google.api.HttpRule` names it."""
    path: str
    """Its REST path."""
    idempotency: MethodOptions.IdempotencyLevel.ValueType
    """Whether repeating it is safe."""
    seconds: int = 15
    """How long a call may take."""
    authenticated: str = "A caller sees and steers its own operations alone"
    """Why anyone with a valid token may call."""

    def options(self) -> MethodOptions:
        """Return the options as a `.proto` file of ours would have them."""
        found = MethodOptions(idempotency_level=self.idempotency)
        body = "*" if self.verb == "post" else ""
        found.Extensions[annotations_pb2.http].CopyFrom(http_pb2.HttpRule(**{self.verb: self.path, "body": body}))
        rule = options_pb2.Rule(authenticated=self.authenticated, timeout=Duration(seconds=self.seconds))
        found.Extensions[options_pb2.rule].CopyFrom(rule)
        return found


OPERATIONS = "google.longrunning.Operations"
"""The one adopted service: it tells how far long-running operations are, and data serves it."""

OPERATIONS_FILE = "google/longrunning/operations.proto"
"""What its file is imported as. The wheel that publishes it has it under another name."""

WAIT_SECONDS = 300
"""How long one may wait for an operation in one call."""

PREFIX = ("data", "v1")
"""What the REST paths of adopted services begin with."""

_ONE = "/data/v1/{name=operations/*}"
_SAFE, _REPEATABLE = MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT

ADOPTED: Mapping[str, Mapping[str, Promise]] = {
    OPERATIONS: {
        "GetOperation": Promise(verb="get", path=_ONE, idempotency=_SAFE),
        "ListOperations": Promise(verb="get", path="/data/v1/operations", idempotency=_SAFE),
        "DeleteOperation": Promise(verb="delete", path=_ONE, idempotency=_REPEATABLE),
        "CancelOperation": Promise(verb="post", path=f"{_ONE}:cancel", idempotency=_REPEATABLE),
        "WaitOperation": Promise(verb="post", path=f"{_ONE}:wait", idempotency=_SAFE, seconds=WAIT_SECONDS),
    }
}
"""What is promised for each method, by service and method."""


def adopt(descriptors: FileDescriptorSet) -> None:
    """Give the methods of adopted services their options, in place, as if their own files had them."""
    for file in descriptors.file:
        for service in file.service:
            promises = ADOPTED.get(f"{file.package}.{service.name}", {})
            for method in service.method:
                if method.name in promises:
                    method.options.CopyFrom(promises[method.name].options())


def write_sources(folder: Path) -> None:
    """Write into a folder, as protoc looks for them, files that their wheel has under other names."""
    path = folder / OPERATIONS_FILE
    path.parent.mkdir(parents=True)
    wheel = metadata.distribution("googleapis-common-protos")
    source = wheel.locate_file("google/longrunning/operations_proto.proto")
    path.write_bytes(source.read_bytes())  # type: ignore[attr-defined]  # what a wheel has is a file
