"""Request ids (AIP-155): a request that is repeated gets its first answer, and has no second effect."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from services.chassis.errors import Aborted, InvalidArgument, TenonError
from services.chassis.postgres import FAILURES, Transaction
from services.records.failures import RequestIdReused, invalid
from services.records.writing.statements import recall, remember

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from google.protobuf.message import Message

    from services.chassis.call import Call
    from services.chassis.postgres import Executor
    from services.records.transactions.outbox import ServiceTables

MAX_LENGTH = 128
"""The most characters of a request id; a UUID has 36."""


class RequestIdInvalid(InvalidArgument):
    """The request id cannot be kept."""

    reason = "REQUEST_ID_INVALID"


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """The request id of one call, as the statement that writes takes it."""

    id: str
    """The id that the client chose."""
    hash: bytes = b""
    """What tells this request from another of the same id."""

    def values(self, call: Call, response: bytes) -> dict[str, Any]:
        """Return the parameters that keep the answer; none where the request carries no id."""
        if not self.id:
            return {}
        return {
            "method": call.method.path,
            "request_id": self.id,
            "request_hash": self.hash,
            "response": response,
        }


NOT_REMEMBERED = Remembered(id="")


class Remembering:
    """Answers repeated requests of one service."""

    __slots__ = ("_keep", "_recall_sql", "_settle")

    def __init__(self, service: ServiceTables) -> None:
        """Take the tables of the service."""
        self._recall_sql = recall(service)
        self._keep = remember(service)
        where = "organization = $1 AND subject = $2 AND method = $3 AND request_id = $4"
        self._settle = f'UPDATE "{service.request_ids.schema}".request_ids SET response = $5 WHERE {where}'

    async def once(
        self,
        request: Any,
        call: Call,
        executor: Executor,
        work: Callable[[Remembered], Awaitable[bytes]],
        *,
        first: bool = False,
    ) -> bytes:
        """Do the work and return its answer, or the answer that it had before.

        `first` asks before the work whether it was done, for work that takes several statements anyway. Else only a
        failure asks: a repeat fails on the row of its first time, and the common case stays one round trip.

        Raises:
            RequestIdReused: if the id was sent with another request.
        """
        request_id = getattr(request, "request_id", "")
        if not request_id:
            return await work(NOT_REMEMBERED)
        remembered = _remembered(request)
        # In a transaction a failure would be its end, so there it is asked first as well.
        in_transaction = isinstance(executor, Transaction)
        if first or in_transaction:
            answer = await self._recall(remembered, call, executor)
            if answer is not None:
                return answer
        try:
            return await work(remembered)
        except (TenonError, *FAILURES):
            answer = None if in_transaction else await self._recall(remembered, call, executor)
            if answer is None:
                raise
            return answer

    async def claim(self, request: Any, call: Call, executor: Executor) -> tuple[Remembered, bytes | None]:
        """Take a request's id for this transaction, and return the answer that it had before, if any.

        Whoever sends the same id meanwhile waits for the end of the transaction, which `settle` has to come before.

        Raises:
            RequestIdReused: if the id was sent with another request.
        """
        request_id = getattr(request, "request_id", "")
        if not request_id:
            return NOT_REMEMBERED, None
        remembered = _remembered(request)
        row = (*_key(remembered, call), remembered.hash, b"")
        if await executor.fetch(f"{self._keep} ON CONFLICT DO NOTHING RETURNING 1", row):
            return remembered, None
        return remembered, await self._recall(remembered, call, executor)

    async def settle(self, remembered: Remembered, call: Call, executor: Executor, answer: bytes) -> None:
        """Keep the answer to a request whose id was claimed in the same transaction."""
        if remembered.id:
            await executor.fetch(self._settle, (*_key(remembered, call), answer))

    async def keep(self, remembered: Remembered, call: Call, executor: Executor, answer: bytes) -> None:
        """Keep the answer of work that has changed nothing: a repeat must not change anything either.

        Raises:
            Aborted: if the same request is being served twice at once.
        """
        if not remembered.id:
            return
        try:
            await executor.fetch(self._keep, (*_key(remembered, call), remembered.hash, answer))
        except asyncpg.UniqueViolationError as error:
            raise Aborted("A request of the same id is being served just now. Retry shortly.") from error

    async def _recall(self, remembered: Remembered, call: Call, executor: Executor) -> bytes | None:
        rows = await executor.fetch(self._recall_sql, _key(remembered, call), repeatable=True)
        if not rows:
            return None
        if rows[0]["request_hash"] != remembered.hash:
            raise RequestIdReused(
                f"The request id `{remembered.id}` was sent before with another request. "
                "Send a new id, or the same request as before.",
                metadata={"request_id": remembered.id},
            )
        answer: bytes = rows[0]["response"]
        return answer


def check_request_id(request: Any) -> None:
    """Refuse a request id that cannot be kept.

    Raises:
        RequestIdInvalid: naming the field.
    """
    request_id = getattr(request, "request_id", "")
    if len(request_id) > MAX_LENGTH or "\x00" in request_id:
        description = f"A request id has at most {MAX_LENGTH} characters and no NUL. Send a UUID."
        raise invalid(RequestIdInvalid, "request_id", description)


def _remembered(request: Any) -> Remembered:
    check_request_id(request)
    return Remembered(id=request.request_id, hash=_hash(request))


def _key(remembered: Remembered, call: Call) -> tuple[str, str, str, str]:
    return call.caller.organization, call.caller.subject, call.method.path, remembered.id


def _hash(request: Message) -> bytes:
    return hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
