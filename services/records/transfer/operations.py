"""Long-running operations as rows: what was asked, how far it is, who works at it, and what came of it (AIP-151)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.longrunning import operations_pb2
from google.protobuf import any_pb2
from google.rpc import status_pb2
from tenon.records.v1 import transfer_pb2

from services.chassis.call import Caller, CallerKind
from services.chassis.errors import FailedPrecondition, NotFound, ResourceExhausted
from services.records.migrating.catalogue import quoted
from services.records.schema.names import uuid7

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from google.protobuf.message import Message

    from services.chassis.call import Call
    from services.chassis.postgres import Executor, Pool, Row
    from services.records.transfer.limits import Limits

PREFIX = "operations/"
"""What the name of an operation begins with."""

ABORTED = 10
"""`google.rpc.Code.ABORTED`."""

_SHOWN = "id, progress, response, error, done"
_OWN = "organization = $1 AND subject = $2"
_MINE = "id = $1 AND worker = $2 AND NOT done"


class OperationNotThere(NotFound):
    """There is no such operation, or not for this caller."""

    reason = "OPERATION_NOT_FOUND"


class OperationRunning(FailedPrecondition):
    """An operation that is under way cannot be deleted."""

    reason = "OPERATION_RUNNING"


class TooManyOperations(ResourceExhausted):
    """The organization has as many operations under way as it may."""

    reason = "TOO_MANY_OPERATIONS"


class LeaseLost(Exception):
    """Another worker has taken the operation over, so this one must stop."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """An operation as the worker that does it needs it."""

    id: str
    """The last part of its name."""
    method: str
    """The path of the method that was called."""
    request: bytes
    """The encoded request."""
    caller: Caller
    """Who called, with the permissions of that time."""
    request_id: str
    """The call's request id, which events of the operation carry."""
    traceparent: str
    """The call's trace, which events of the operation carry."""
    checkpoint: Mapping[str, Any]
    """How far it is; empty at its beginning."""
    progress: transfer_pb2.OperationProgress
    """How far it is, as callers see it."""
    attempts: int = 0
    """How often it was taken over since it last came further."""


class Operations:
    """The operations of one service."""

    def __init__(self, pool: Pool, schema: str, limits: Limits, *, worker: str = "") -> None:
        """Take where they are and how many there may be; `worker` names this process, and is made up if left out."""
        self.pool = pool
        self.worker = worker or str(uuid7())
        self._table = f"{quoted(schema)}.operations"
        self._limits = limits

    async def start(self, call: Call, request: bytes, progress: Message) -> Task:
        """Keep a new operation, leased to this worker; raises TooManyOperations."""
        caller = call.caller
        columns = "id, organization, subject, method, request, caller, progress, worker, leased_until, expires_at"
        # The lock makes the count exact: two who begin at once would each count without the other.
        sql = f"""
            WITH counted AS (
                SELECT count(*) AS running FROM {self._table} WHERE organization = $2 AND NOT done
            )
            INSERT INTO {self._table} ({columns})
            SELECT $1, $2, $3, $4, $5, $6::jsonb, $7, $8, now() + $9 * interval '1 second', 'infinity'
            FROM counted WHERE running < $10 RETURNING id
        """
        id_ = str(uuid7())
        told = _tell_caller(call)
        head = (id_, caller.organization, caller.subject, call.method.path, request, told)
        tail = (progress.SerializeToString(), self.worker, self._limits.lease_seconds, self._limits.running)
        async with self.pool.transaction() as transaction:
            lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
            await transaction.fetch(lock, (f"tenon operations {caller.organization}",))
            found = await transaction.fetch(sql, (*head, *tail))
        if not found:
            raise TooManyOperations(
                f"This organization has {self._limits.running} operations under way, which is all that it may. "
                "Wait for one of them to end, or cancel one.",
                retry_after=5.0,
                metadata={"subject": caller.organization},
            )
        return Task(
            id=id_,
            method=call.method.path,
            request=request,
            caller=caller,
            request_id=call.request_id,
            traceparent=call.metadata.get("traceparent", ""),
            checkpoint={},
            progress=transfer_pb2.OperationProgress.FromString(progress.SerializeToString()),
        )

    async def claim(self, methods: Iterable[str], at_work: Iterable[str] = ()) -> Task | None:
        """Take over an operation of one of these methods that nobody works at any more, or return None.

        `at_work` are the ids of those that this worker is still at, although their lease may have ended: it would be
        at them twice, under one lease.
        """
        sql = f"""
            UPDATE {self._table}
            SET worker = $1, leased_until = now() + $2 * interval '1 second', attempts = attempts + 1
            WHERE id = (
                SELECT id FROM {self._table} WHERE NOT done AND leased_until < now() AND method = ANY($3)
                    AND id <> ALL($4)
                ORDER BY leased_until LIMIT 1 FOR UPDATE SKIP LOCKED
            )
            RETURNING id, method, request, caller, checkpoint, progress, attempts
        """
        rows = await self.pool.fetch(sql, (self.worker, self._limits.lease_seconds, list(methods), list(at_work)))
        return _read_task(rows[0]) if rows else None

    async def renew(self, id_: str, progress: Message | None = None) -> bool:
        """Keep the lease and write progress down; return whether the operation is to be cancelled.

        Raises:
            LeaseLost: if another worker has it, or it was deleted.
        """
        sql = (
            f"UPDATE {self._table} SET leased_until = now() + $3 * interval '1 second',"
            f" progress = coalesce($4, progress) WHERE {_MINE} RETURNING cancelled"
        )
        told = None if progress is None else progress.SerializeToString()
        rows = await self.pool.fetch(sql, (id_, self.worker, self._limits.lease_seconds, told), repeatable=True)
        return _cancelled(rows)

    async def check_point(self, id_: str, checkpoint: Mapping[str, Any], progress: Message, on: Executor) -> bool:
        """Write down how far it is, in the transaction of the work itself; return whether it is to be cancelled.

        Raises:
            LeaseLost: if another worker has it: the transaction must not be committed.
        """
        sql = (
            f"UPDATE {self._table} SET leased_until = now() + $3 * interval '1 second',"
            f" checkpoint = $4::jsonb, progress = $5, attempts = 0 WHERE {_MINE} RETURNING cancelled"
        )
        told = (id_, self.worker, self._limits.lease_seconds, json.dumps(checkpoint), progress.SerializeToString())
        return _cancelled(await on.fetch(sql, told))

    async def hand_over(self, id_: str) -> None:
        """Let another worker go on at once."""
        # To be handed over is nobody's fault, so it does not count as one more attempt.
        sql = (
            f"UPDATE {self._table} SET leased_until = now() - interval '1 ms',"
            f" attempts = greatest(attempts - 1, 0) WHERE {_MINE}"
        )
        await self.pool.fetch(sql, self._me(id_), repeatable=True)

    async def succeed(self, id_: str, response: Message, progress: Message, on: Executor | None = None) -> None:
        """Keep the result; raises LeaseLost."""
        await self._finish(id_, "response", pack(response), progress, on)

    async def fail(self, id_: str, status: status_pb2.Status, progress: Message) -> None:
        """Keep why it failed, or that it was cancelled; raises LeaseLost."""
        await self._finish(id_, "error", status, progress, None)

    async def _finish(self, id_: str, column: str, result: Message, progress: Message, on: Executor | None) -> None:
        sql = (
            f"UPDATE {self._table} SET done = true, {column} = $3, progress = $4,"
            f" expires_at = now() + $5 * interval '1 hour' WHERE {_MINE} RETURNING cancelled"
        )
        told = (*self._me(id_), result.SerializeToString(), progress.SerializeToString(), self._limits.operation_hours)
        _cancelled(await (on or self.pool).fetch(sql, told))

    async def get(self, caller: Caller, name: str) -> operations_pb2.Operation:
        """Return an operation of the caller's own; raises OperationNotThere."""
        sql = f"SELECT {_SHOWN} FROM {self._table} WHERE {_OWN} AND id = $3"
        return _encode((await self._own(sql, caller, name))[0])

    async def page(self, caller: Caller, *, after: str, size: int) -> list[operations_pb2.Operation]:
        """Return up to `size` operations of the caller's own before that id, or from the last one, the newest first."""
        before = "AND id < $3" if after else "AND $3 = ''"
        sql = f"SELECT {_SHOWN} FROM {self._table} WHERE {_OWN} {before} ORDER BY id DESC LIMIT $4"
        rows = await self.pool.fetch(sql, (caller.organization, caller.subject, after, size), repeatable=True)
        return [_encode(row) for row in rows]

    async def cancel(self, caller: Caller, name: str) -> None:
        """Ask that an operation ends early; one that is done stays as it is. Raises OperationNotThere."""
        sql = f"UPDATE {self._table} SET cancelled = cancelled OR NOT done WHERE {_OWN} AND id = $3 RETURNING id"
        await self._own(sql, caller, name)

    async def delete(self, caller: Caller, name: str) -> None:
        """Forget an operation that is done; raises OperationNotThere and OperationRunning."""
        sql = f"""
            WITH gone AS (DELETE FROM {self._table} WHERE {_OWN} AND id = $3 AND done)
            SELECT done FROM {self._table} WHERE {_OWN} AND id = $3
        """
        rows = await self._own(sql, caller, name)
        if not rows[0]["done"]:
            raise OperationRunning(f"`{name}` is under way. Cancel it first.", metadata={"name": name})

    async def forget_expired(self) -> None:
        """Forget operations that were done long ago, and give up those that nobody has worked at for a day.

        The latter are of methods that the contract has no more.
        """
        await self.pool.fetch(f"DELETE FROM {self._table} WHERE done AND expires_at < now()", repeatable=True)
        sql = (
            f"UPDATE {self._table} SET done = true, error = $1, expires_at = now() + $2 * interval '1 hour'"
            f" WHERE NOT done AND leased_until < now() - interval '1 day'"
        )
        status = status_pb2.Status(code=ABORTED, message="Nobody has worked at the operation for a day.")
        told = (status.SerializeToString(), self._limits.operation_hours)
        await self.pool.fetch(sql, told, repeatable=True)

    def _me(self, id_: str) -> tuple[str, str]:
        return id_, self.worker

    async def _own(self, sql: str, caller: Caller, name: str) -> list[Row]:
        arguments = (caller.organization, caller.subject, name.removeprefix(PREFIX))
        rows = await self.pool.fetch(sql, arguments, repeatable=True) if name.startswith(PREFIX) else []
        if not rows:
            raise OperationNotThere(
                f"The operation `{name}` does not exist, or not for this caller.", metadata={"name": name}
            )
        return rows


def pack(message: Message) -> any_pb2.Any:
    """Return a message as an `Any`."""
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def describe(task: Task) -> operations_pb2.Operation:
    """Return an operation that has just begun."""
    return operations_pb2.Operation(name=PREFIX + task.id, metadata=pack(task.progress))


def _cancelled(rows: list[Row]) -> bool:
    if not rows:
        raise LeaseLost
    return bool(rows[0]["cancelled"])


def _encode(row: Row) -> operations_pb2.Operation:
    progress = transfer_pb2.OperationProgress.FromString(row["progress"])
    found = operations_pb2.Operation(name=PREFIX + row["id"], metadata=pack(progress), done=row["done"])
    if row["response"] is not None:
        found.response.ParseFromString(row["response"])
    elif row["error"] is not None:
        found.error.ParseFromString(row["error"])
    return found


def _tell_caller(call: Call) -> str:
    caller = call.caller
    return json.dumps(
        {
            "kind": caller.kind.value,
            "subject": caller.subject,
            "organization": caller.organization,
            "permissions": sorted(caller.permissions),
            "request_id": call.request_id,
            "traceparent": call.metadata.get("traceparent", ""),
        }
    )


def _read_task(row: Row) -> Task:
    told = json.loads(row["caller"])
    caller = Caller(
        kind=CallerKind(told["kind"]),
        subject=told["subject"],
        organization=told["organization"],
        permissions=frozenset(told["permissions"]),
    )
    return Task(
        id=row["id"],
        method=row["method"],
        request=row["request"],
        caller=caller,
        request_id=told["request_id"],
        traceparent=told["traceparent"],
        checkpoint=json.loads(row["checkpoint"]),
        progress=transfer_pb2.OperationProgress.FromString(row["progress"]),
        attempts=row["attempts"],
    )
