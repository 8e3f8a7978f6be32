"""Keeps what the engine serves of a record to its drafts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.commerce.domain import orders

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from services.chassis.call import Call
    from services.records.engine import Engine


async def change_draft(
    records: Engine, request: Any, call: Call, *, kind: type[Message], name: str, state_of: Callable[[Any], str]
) -> bytes:
    """Have the engine serve a change, and refuse it, or take it back, where the record was no draft any more.

    Raises:
        StateUnsuitable: where it was none.
    """
    async with records.open(call) as session:
        before = (await session.get_any(kind, [name], lock=True)).get(name)
        if before is not None and (request.validate_only or not request.request_id):
            orders.require_state(name, state_of(before), orders.DRAFT)
        answer = await records.function(call.method.path)(request, call, session.work.transaction)
        # A repeat of a change that was made while it was a draft has its first answer, and changes nothing.
        if before is not None and not await session.is_same(before):
            orders.require_state(name, state_of(before), orders.DRAFT)
        await session.commit()
        return answer
