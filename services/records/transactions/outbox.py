"""The outbox: every change writes its event in the same transaction; and the unit of work that other storage uses."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.types import UserDefinedType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.chassis.call import Call
    from services.chassis.postgres import Connection, Pool, Transaction

REQUEST_ID_HOURS = 24
"""Hours for which a repeated request gets its first answer."""

MAX_HEADER = 512
"""The most characters of a caller's request id and trace that an event keeps."""


class TransactionId(UserDefinedType[str]):
    """Postgres' `xid8`: the number of a transaction, which is never used again."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name in SQL."""
        return "xid8"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceTables:
    """Tables that each service schema has once, whatever records it keeps."""

    outbox: sa.Table
    """The events of all changes, in the order of their numbers."""
    request_ids: sa.Table
    """What was answered to a request that carried a `request_id` (AIP-155)."""
    outbox_pruned: sa.Table
    """One row at most: the latest transaction of which an event was deleted since it was old."""

    @property
    def all(self) -> tuple[sa.Table, ...]:
        """All of them, in the order in which they are made."""
        return self.outbox, self.request_ids, self.outbox_pruned


@lru_cache
def service_tables(schema: str) -> ServiceTables:
    """Return the outbox and the request ids of a service's schema, such as `data`."""
    metadata = sa.MetaData()
    text, moment = sa.Text(collation="C"), sa.TIMESTAMP(timezone=True)
    outbox = sa.Table(
        "outbox",
        metadata,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("event_id", sa.Uuid(), nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("occurred_at", moment, nullable=False),
        sa.Column("organization", text, nullable=False),
        sa.Column("actor", text, nullable=False),
        sa.Column("type", text, nullable=False),
        sa.Column("subject", text, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("request_id", text, nullable=False, server_default=""),
        sa.Column("trace", text, nullable=False, server_default=""),
        sa.Column("before", sa.LargeBinary()),
        sa.Column("after", sa.LargeBinary()),
        # Ids are given before a commit, so whoever reads beyond the last id misses what commits late; by the
        # transaction a reader knows what it has seen.
        sa.Column("transaction", TransactionId(), nullable=False, server_default=sa.text("pg_current_xact_id()")),
        # Whose the record is, where records have an owner.
        sa.Column("owner", text, nullable=False, server_default=""),
        schema=schema,
    )
    sa.Index("outbox_transaction_idx", outbox.columns["transaction"])
    request_ids = sa.Table(
        "request_ids",
        metadata,
        sa.Column("organization", text, primary_key=True),
        sa.Column("subject", text, primary_key=True),
        sa.Column("method", text, primary_key=True),
        sa.Column("request_id", text, primary_key=True),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", moment, nullable=False, server_default=sa.text("now()")),
        schema=schema,
    )
    sa.Index("request_ids_created_at_idx", request_ids.columns["created_at"])
    outbox_pruned = sa.Table(
        "outbox_pruned",
        metadata,
        sa.Column("only", sa.Boolean(), primary_key=True, server_default=sa.text("true")),
        sa.Column("transaction", TransactionId(), nullable=False),
        schema=schema,
    )
    return ServiceTables(outbox=outbox, request_ids=request_ids, outbox_pruned=outbox_pruned)


def origin(call: Call) -> dict[str, Any]:
    """Return what an event says of the call that caused it, by column: actor, request and trace."""
    caller = call.caller
    return {
        "actor": caller.subject or (f"workloads/{caller.workload}" if caller.workload else ""),
        "request_id": _printable(call.request_id),
        "trace": _printable(call.metadata.get("traceparent", "")),
    }


def _printable(header: str) -> str:
    # What a caller sends in a header may not fail the change that it asks for.
    return header.replace("\x00", "")[:MAX_HEADER]


class UnitOfWork:
    """One transaction and the events of what it changes; `unit_of_work` opens and ends it."""

    def __init__(self, transaction: Transaction, call: Call, schema: str) -> None:
        """Take the transaction, the call that asked for it, and the schema whose outbox gets the events."""
        self.transaction = transaction
        self._call = call
        columns = (
            "event_id, occurred_at, organization, actor, type, subject, revision, request_id, trace, before, after"
        )
        numbers = ", ".join(f"${n}" for n in range(1, 12))
        self._insert = f'INSERT INTO "{schema}".outbox ({columns}) VALUES ({numbers})'
        self._committed = False

    @property
    def connection(self) -> Connection:
        """The connection that is in the transaction, for statements of your own."""
        return self.transaction.connection

    async def emit(
        self,
        event: str,
        subject: str,
        *,
        organization: str = "",
        revision: int = 0,
        before: bytes | None = None,
        after: bytes | None = None,
    ) -> uuid.UUID:
        """Write an event of type `event` about the resource named `subject`, and return its id.

        `organization` is the caller's where it is left out. Neither `before` nor `after` may hold a secret.
        """
        said = origin(self._call)
        event_id = uuid.uuid4()
        organization = organization or self._call.caller.organization
        head = (event_id, datetime.now(UTC), organization, said["actor"], event, subject, revision)
        await self.transaction.fetch(self._insert, (*head, said["request_id"], said["trace"], before, after))
        return event_id

    async def commit(self) -> None:
        """Keep all that was done. Without it, the end of the block takes everything back."""
        await self.connection.execute("COMMIT")
        self._committed = True

    @property
    def is_committed(self) -> bool:
        """Whether `commit` has been called."""
        return self._committed


@asynccontextmanager
async def unit_of_work(pool: Pool, call: Call, *, schema: str) -> AsyncIterator[UnitOfWork]:
    """Open a transaction whose changes and events are kept together if `commit` is called, and else not at all.

    `schema` is the service's own (`auth`, `data`): the outbox is there.
    """
    async with pool.begin() as transaction:
        yield UnitOfWork(transaction, call, schema)


async def forget_request_ids(pool: Pool, *, schema: str, hours: int = REQUEST_ID_HOURS) -> None:
    """Delete what was answered longer ago than that: a repeat of such a request is a new request."""
    sql = f"DELETE FROM \"{schema}\".request_ids WHERE created_at < now() - $1 * interval '1 hour'"
    await pool.fetch(sql, (hours,), repeatable=True)
