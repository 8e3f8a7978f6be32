"""`validate_only` (AIP-163): the whole request is served, with its answer and its errors, and then taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.records.transactions.atomicity import rehearse
from services.records.transactions.remembering import check_request_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.chassis.call import Call
    from services.chassis.postgres import Executor, Pool, Transaction

    Function = Callable[..., Awaitable[bytes]]


class Rehearsed:
    """A method that writes, and that can be asked what it would do."""

    def __init__(self, function: Function, pool: Pool) -> None:
        """Take what serves the method."""
        self._function, self._pool = function, pool

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        if not request.validate_only:
            return await self._function(request, call, executor)
        check_request_id(request)
        asked = type(request)()
        asked.CopyFrom(request)
        asked.validate_only = False
        # The id stays free for the request itself.
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            asked.request_id = ""

        async def work(transaction: Transaction) -> bytes:
            return await self._function(asked, call, transaction)

        return await rehearse(work, executor, self._pool)
