"""Calls of RPCs that other processes serve, by their paths, with encoded messages."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from services.chassis.clients import metadata_of
from services.chassis.errors import DeadlineExceeded, InvalidArgument, TenonError, Unavailable, Violation
from services.chassis.transport.host import DETAILS

if TYPE_CHECKING:
    from services.chassis.call import Call
    from services.chassis.clients import Clients

_LOG = logging.getLogger(__name__)


class RemoteFailure(InvalidArgument):
    """What another process answered: its own code, reason, domain, metadata, violations and time to retry."""

    def __init__(
        self,
        code: int,
        message: str,
        info: Any,
        violations: tuple[Violation, ...] = (),
        *,
        retry_after: float | None = None,
    ) -> None:
        """Take the code of the status, its message and its details."""
        self.retry_after = retry_after
        super().__init__(message, metadata=dict(info.metadata), violations=violations)
        self.__dict__["code"] = code
        self.__dict__["reason"] = info.reason or TenonError.reason
        self.__dict__["domain"] = info.domain or TenonError.domain


class RemoteCalls:
    """Calls on behalf of other calls: with their caller's token, their trace and what is left of their time."""

    def __init__(self, clients: Clients) -> None:
        """Take the channels."""
        self._clients = clients

    async def invoke(self, path: str, request: bytes, call: Call | None, seconds: float) -> bytes:
        """Call an RPC and return its response, encoded; it may take so many seconds.

        `call` is None where this process calls for itself alone.

        Raises:
            PeerUnknown: where nobody knows who serves it.
            RemoteFailure: what the other process answered instead.
            DeadlineExceeded: Unavailable: where it answers nothing, or nothing of ours.
        """
        channel = self._clients.channel(self._clients.host_of(path))
        send: Any = channel.unary_unary(path)
        try:
            answer: bytes = await send(request, timeout=seconds, metadata=metadata_of(call) if call else ())
        except grpc.aio.AioRpcError as error:
            _raise_failure(path, error)
        return answer


def _raise_failure(path: str, error: grpc.aio.AioRpcError) -> NoReturn:
    status = status_pb2.Status()
    for name, value in error.trailing_metadata() or ():
        if name == DETAILS and isinstance(value, bytes):
            try:
                status = status_pb2.Status.FromString(value)
            except DecodeError:
                break
    if not status.code:
        # It is gRPC's own, and says where processes listen.
        _LOG.warning("%s: %s, %s", path, error.code().name, error.details())
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            raise DeadlineExceeded(f"{path[1:]} took longer than it may.", metadata={"method": path[1:]}) from error
        raise Unavailable(
            f"{path[1:]} cannot be reached just now. Retry shortly.", metadata={"method": path[1:]}
        ) from error
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        detail.Unpack(info) or detail.Unpack(bad) or detail.Unpack(retry)
    violations = (Violation(field=v.field, description=v.description, reason=v.reason) for v in bad.field_violations)
    after = retry.retry_delay.ToNanoseconds() / 1e9 if retry.HasField("retry_delay") else None
    raise RemoteFailure(status.code, status.message, info, tuple(violations), retry_after=after) from error
