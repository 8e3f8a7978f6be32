"""Tells clients such as grpcurl what the mesh serves, by gRPC's reflection protocol, v1 and v1alpha."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from services.chassis import health
from services.chassis.contract import Public, Rule
from services.chassis.health import built_in
from services.chassis.public_files import PublicFiles, public_files_of
from services.chassis.transport import Handler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.chassis.call import Call
    from services.chassis.contract import Contract

ALPHA = "grpc.reflection.v1alpha.ServerReflection"
"""The protocol's older name, which many clients still try."""

STABLE = "grpc.reflection.v1.ServerReflection"
"""The protocol's name since 2023. Its messages have the same shape, so the older ones' classes read and write them."""

_NOT_FOUND = 5
_INVALID_ARGUMENT = 3


class Reflection:
    """Answers over the public part of a contract, whichever process serves it, and over health and itself."""

    def __init__(self, contract: Contract) -> None:
        """Take the contract; nothing is indexed until somebody asks."""
        self._contract = contract

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Full names of the services that are shown."""
        public = [service.full_name for service in self._contract.services if service.is_public]
        return tuple(sorted({*public, ALPHA, STABLE, health.SERVICE}))

    @cached_property
    def files(self) -> PublicFiles:
        """The files that are shown."""
        own = [_proto_of(health_pb2), _proto_of(reflection_pb2), stable_file()]
        return public_files_of(self._contract, own)

    async def reflect(self, requests: AsyncIterator[Any], call: Call) -> AsyncIterator[Any]:
        """Serve ServerReflectionInfo; a file is sent once per stream, unless it is asked for by itself."""
        del call
        sent: set[str] = set()
        async for request in requests:
            response = self._answer(request, sent)
            response.valid_host = request.host
            response.original_request.CopyFrom(request)
            yield response

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers, by path."""
        rule = Rule(access=Public(reason="What is public may be looked up without a token."), timeout=math.inf)
        methods = [
            built_in(name, "ServerReflectionInfo", rule, client_streaming=True, server_streaming=True)
            for name in (ALPHA, STABLE)
        ]
        return {
            method.path: Handler(
                method=method, request_type=reflection_pb2.ServerReflectionRequest, function=self.reflect
            )
            for method in methods
        }

    def _answer(self, request: Any, sent: set[str]) -> Any:
        files = self.files
        match request.WhichOneof("message_request"):
            case "list_services":
                services = [reflection_pb2.ServiceResponse(name=name) for name in self.names]
                listed = reflection_pb2.ListServiceResponse(service=services)
                return reflection_pb2.ServerReflectionResponse(list_services_response=listed)
            case "file_by_filename":
                return _file(files, request.file_by_filename, sent)
            case "file_containing_symbol":
                return _file(files, files.symbols.get(request.file_containing_symbol.removeprefix(".")), sent)
            case "file_containing_extension":
                wanted = request.file_containing_extension
                numbers = files.extensions.get(wanted.containing_type, {})
                return _file(files, numbers.get(wanted.extension_number), sent)
            case "all_extension_numbers_of_type":
                return _numbers(files, request.all_extension_numbers_of_type)
        return _error(_INVALID_ARGUMENT, "The request asks for nothing.")


def stable_file() -> descriptor_pb2.FileDescriptorProto:
    """Return the file of the stable protocol, made of the older one's, since no wheel carries it."""
    file = _proto_of(reflection_pb2)
    file.name = "grpc/reflection/v1/reflection.proto"
    file.package = "grpc.reflection.v1"
    file.ClearField("options")
    for message in file.message_type:
        for field in message.field:
            if field.type_name:
                field.type_name = field.type_name.replace(".v1alpha.", ".v1.")
    for method in file.service[0].method:
        method.input_type = method.input_type.replace(".v1alpha.", ".v1.")
        method.output_type = method.output_type.replace(".v1alpha.", ".v1.")
    return file


def _proto_of(module: Any) -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)
    return file


def _file(files: PublicFiles, name: str | None, sent: set[str]) -> Any:
    """Answer with a file and what it imports, without imports that this stream has sent."""
    if name is None or name not in files.encoded:
        return _error(_NOT_FOUND, "Nothing public has that name.")
    wanted = [name, *(other for other in files.imports_of(name) if other not in sent)]
    sent.update(wanted)
    response = reflection_pb2.FileDescriptorResponse(file_descriptor_proto=[files.encoded[one] for one in wanted])
    return reflection_pb2.ServerReflectionResponse(file_descriptor_response=response)


def _numbers(files: PublicFiles, message: str) -> Any:
    if message not in files.symbols:
        return _error(_NOT_FOUND, "Nothing public has that name.")
    numbers = sorted(files.extensions.get(message, ()))
    response = reflection_pb2.ExtensionNumberResponse(base_type_name=message, extension_number=numbers)
    return reflection_pb2.ServerReflectionResponse(all_extension_numbers_response=response)


def _error(code: int, message: str) -> Any:
    error = reflection_pb2.ErrorResponse(error_code=code, error_message=message)
    return reflection_pb2.ServerReflectionResponse(error_response=error)
