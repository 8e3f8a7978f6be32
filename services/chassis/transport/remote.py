"""Calls of RPCs that other processes serve, by their paths, with encoded messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from services.chassis.clients import metadata_of
from services.chassis.errors import InvalidArgument, TenonError, Violation
from services.chassis.transport.host import DETAILS

if TYPE_CHECKING:
    from services.chassis.call import Call
    from services.chassis.clients import Clients


class RemoteFailure(InvalidArgument):
    """What another process answered: its own code, reason, domain, metadata and violations."""

    def __init__(self, code: int, message: str, info: Any, violations: tuple[Violation, ...] = ()) -> None:
        """Take the code of the status, its message and its details."""
        super().__init__(message, metadata=dict(info.metadata), violations=violations)
        self.__dict__["code"] = code
        self.__dict__["reason"] = info.reason or TenonError.reason
        self.__dict__["domain"] = info.domain or TenonError.domain


class RemoteCalls:
    """Calls on behalf of other calls: with their caller's token, their trace and what is left of their time."""

    def __init__(self, clients: Clients) -> None:
        """Take the channels."""
        self._clients = clients

    async def invoke(self, path: str, request: bytes, call: Call, seconds: float) -> bytes:
        """Call an RPC and return its response, encoded; it may take so many seconds.

        Raises:
            PeerUnknown: where nobody knows who serves it.
            RemoteFailure: what the other process answered instead.
        """
        channel = self._clients.channel(self._clients.host_of(path))
        send: Any = channel.unary_unary(path)
        try:
            answer: bytes = await send(request, timeout=seconds, metadata=metadata_of(call))
        except grpc.aio.AioRpcError as error:
            _raise_failure(error)
        return answer


def _raise_failure(error: grpc.aio.AioRpcError) -> NoReturn:
    status = status_pb2.Status(code=error.code().value[0], message=error.details() or "")
    for name, value in error.trailing_metadata() or ():
        if name == DETAILS and isinstance(value, bytes):
            try:
                status = status_pb2.Status.FromString(value)
            except DecodeError:
                break
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info) or detail.Unpack(bad)
    violations = (Violation(field=v.field, description=v.description, reason=v.reason) for v in bad.field_violations)
    raise RemoteFailure(status.code, status.message, info, tuple(violations)) from error
