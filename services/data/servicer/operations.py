"""Serves `google.longrunning.Operations`: how far imports and exports are, and their end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from services.chassis.errors import InvalidArgument, Violation
from services.data.servicer.files import owned_by
from services.records.reading.pages import fingerprint, page_size

if TYPE_CHECKING:
    from services.chassis.call import Call
    from services.records.reading.pages import PageTokens
    from services.records.transfer.operations import Operations

FIRST_LOOK, LONGEST_LOOK = 0.02, 0.5
"""Seconds between two looks at an operation that is waited for: short at first, for those that end soon."""

AHEAD = 0.5
"""Seconds before a call's deadline at which waiting ends, so that the answer is there in time."""


class OperationsServicer:
    """Tells of the caller's own operations."""

    def __init__(self, operations: Operations, tokens: PageTokens) -> None:
        """Take where operations are, and what seals page tokens."""
        self._operations, self._tokens = operations, tokens

    async def ListOperations(
        self, request: operations_pb2.ListOperationsRequest, call: Call
    ) -> operations_pb2.ListOperationsResponse:
        """Return a page of operations, the newest first; raises PageTokenInvalid and InvalidArgument."""
        _check_list(request)
        size = page_size(request.page_size)
        bound_to = owned_by(fingerprint(call.method.path, call.caller.organization, request), call)
        after = str(self._tokens.open(request.page_token, bound_to)[0]) if request.page_token else ""
        found = await self._operations.page(call.caller, after=after, size=size + 1)
        page, more = found[:size], len(found) > size
        last = page[-1].name.rpartition("/")[2] if page else ""
        return operations_pb2.ListOperationsResponse(
            operations=page, next_page_token=self._tokens.seal((last,), bound_to) if more else ""
        )

    async def GetOperation(self, request: operations_pb2.GetOperationRequest, call: Call) -> operations_pb2.Operation:
        """Return an operation; raises OperationNotThere."""
        return await self._operations.get(call.caller, request.name)

    async def DeleteOperation(self, request: operations_pb2.DeleteOperationRequest, call: Call) -> empty_pb2.Empty:
        """Forget an operation that is done; raises OperationNotThere and OperationRunning."""
        await self._operations.delete(call.caller, request.name)
        return empty_pb2.Empty()

    async def CancelOperation(self, request: operations_pb2.CancelOperationRequest, call: Call) -> empty_pb2.Empty:
        """Ask that an operation ends; raises OperationNotThere."""
        await self._operations.cancel(call.caller, request.name)
        return empty_pb2.Empty()

    async def WaitOperation(self, request: operations_pb2.WaitOperationRequest, call: Call) -> operations_pb2.Operation:
        """Return an operation once it is done, or as it is when the time is up; raises OperationNotThere."""
        end = _end_of(request, call)
        pause = FIRST_LOOK
        while True:
            found = await self._operations.get(call.caller, request.name)
            left = end - time.monotonic()
            if found.done or left <= 0:
                return found
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_LOOK)


def _end_of(request: operations_pb2.WaitOperationRequest, call: Call) -> float:
    """Return the moment, of `time.monotonic`, until which is waited."""
    remaining = call.remaining()
    most = 60.0 if remaining is None else max(0.0, remaining - min(AHEAD, remaining / 2))
    if request.HasField("timeout"):
        most = min(most, request.timeout.seconds + request.timeout.nanos / 1e9)
    return time.monotonic() + most


def _check_list(request: operations_pb2.ListOperationsRequest) -> None:
    for name, wrong in (
        ("name", request.name not in ("", "operations")),
        ("filter", bool(request.filter)),
        ("return_partial_success", request.return_partial_success),
    ):
        if wrong:
            said = f"`{name}` is not served here. Leave it out."
            raise InvalidArgument(said, violations=[Violation(field=name, description=said, reason="NOT_SERVED")])
