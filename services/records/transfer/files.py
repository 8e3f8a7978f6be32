"""Files, kept in Postgres piece by piece: every worker can read them, and none of them is lost with a worker."""

from __future__ import annotations

import hashlib
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.chassis.errors import NotFound, ResourceExhausted
from services.records.migrating.catalogue import quoted
from services.records.schema.names import uuid7

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from services.chassis.call import Caller
    from services.chassis.postgres import Executor, Pool, Row
    from services.records.transfer.limits import Limits

PREFIX = "files/"
"""What the name of a file begins with."""

CHUNK_BYTES = 1024 * 1024
"""Bytes of one piece as it is stored; a piece may be shorter."""

COUNTED_BYTES = 16 * CHUNK_BYTES
"""Bytes of a file that is being written after which they are counted towards its organization's."""

FORGOTTEN_AT_ONCE = 4
"""The most files that one statement deletes."""

UNFINISHED_HOURS = 2.0
"""Hours after which a file that was never completed is deleted."""

PROLONG_SECONDS = 60.0
"""Seconds for which nobody asks again that a file be kept: each time is a transaction."""

_SHOWN = "id, content_type, size_bytes, sha256, created_at, expires_at"
_OWN = "organization = $1 AND subject = $2"


class FileNotThere(NotFound):
    """There is no such file, or not for this caller."""

    reason = "FILE_NOT_FOUND"


class FileTooLarge(ResourceExhausted):
    """A file, or all files of an organization, are larger than they may be."""

    reason = "FILE_TOO_LARGE"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """What is known of a file."""

    id: str
    """The last part of its name."""
    content_type: str
    """Its media type."""
    size_bytes: int
    """How many bytes it has."""
    sha256: str
    """The digest of its content, in hexadecimal."""
    created_at: datetime
    """When it was complete."""
    expires_at: datetime
    """When it will be deleted."""

    @property
    def name(self) -> str:
        """Its resource name."""
        return PREFIX + self.id


class Files:
    """The files of one service."""

    def __init__(self, pool: Pool, schema: str, limits: Limits) -> None:
        """Take where they are, and how large they may be."""
        self._pool = pool
        self._files, self._chunks = (f"{quoted(schema)}.{table}" for table in ("files", "file_chunks"))
        self._limits = limits
        self.prolong_seconds = PROLONG_SECONDS

    async def begin(self, caller: Caller, content_type: str) -> str:
        """Make an empty file that is yet to be completed, and return its id."""
        id_ = str(uuid7())
        sql = (
            f"INSERT INTO {self._files} (id, organization, subject, content_type, expires_at)"
            " VALUES ($1, $2, $3, $4, now() + $5 * interval '1 hour')"
        )
        await self._pool.fetch(sql, (id_, caller.organization, caller.subject, content_type, UNFINISHED_HOURS))
        return id_

    async def ensure(self, caller: Caller, content_type: str, id_: str, executor: Executor) -> None:
        """Make an empty file that is yet to be completed, where it is not there."""
        sql = (
            f"INSERT INTO {self._files} (id, organization, subject, content_type, expires_at)"
            " VALUES ($1, $2, $3, $4, now() + $5 * interval '1 hour')"
            " ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at"
        )
        told = (id_, caller.organization, caller.subject, content_type, UNFINISHED_HOURS)
        await executor.fetch(sql, told)

    async def append(self, id_: str, place: int, content: bytes, executor: Executor | None = None) -> None:
        """Store a piece that begins at that byte."""
        sql = f"INSERT INTO {self._chunks} (file, place, content) VALUES ($1, $2, $3)"
        await (executor or self._pool).fetch(sql, (id_, place, content))

    async def complete(self, id_: str, size: int, sha256: str, executor: Executor | None = None) -> StoredFile:
        """Let a file be seen by its owner, all of whose pieces are stored."""
        sql = (
            f"UPDATE {self._files} SET complete = true, size_bytes = $2, sha256 = $3, created_at = now(),"
            f" expires_at = now() + $4 * interval '1 hour' WHERE id = $1 RETURNING {_SHOWN}"
        )
        rows = await (executor or self._pool).fetch(sql, (id_, size, sha256, self._limits.file_hours))
        if not rows:
            raise file_gone(id_)
        return _read(rows[0])

    @asynccontextmanager
    async def writing(self, caller: Caller, content_type: str) -> AsyncIterator[FileWriter]:
        """Write a file: it is there once `finish` was called, and else nothing of it is."""
        writer = FileWriter(self, await self.begin(caller, content_type), caller, self._limits.file_bytes)
        try:
            yield writer
        finally:
            if writer.finished is None:
                await self._discard(writer.id)

    async def get(self, caller: Caller, name: str) -> StoredFile:
        """Return what is known of a file of the caller's own; raises FileNotThere."""
        sql = f"SELECT {_SHOWN} FROM {self._files} WHERE {_OWN} AND id = $3 AND complete AND expires_at > now()"
        arguments = (caller.organization, caller.subject, name.removeprefix(PREFIX))
        rows = await self._pool.fetch(sql, arguments, repeatable=True) if name.startswith(PREFIX) else []
        if not rows:
            raise file_gone(name.removeprefix(PREFIX))
        return _read(rows[0])

    async def page(self, caller: Caller, *, after: str, size: int) -> list[StoredFile]:
        """Return up to `size` files of the caller's own whose ids come after that one, the oldest first."""
        where = f"{_OWN} AND id > $3 AND complete AND expires_at > now()"
        sql = f"SELECT {_SHOWN} FROM {self._files} WHERE {where} ORDER BY id LIMIT $4"
        found = await self._pool.fetch(sql, (caller.organization, caller.subject, after, size), repeatable=True)
        return [_read(row) for row in found]

    async def delete(self, caller: Caller, name: str) -> None:
        """Delete a file of the caller's own; raises FileNotThere."""
        sql = f"DELETE FROM {self._files} WHERE {_OWN} AND id = $3 AND complete RETURNING id"
        arguments = (caller.organization, caller.subject, name.removeprefix(PREFIX))
        if not (name.startswith(PREFIX) and await self._pool.fetch(sql, arguments)):
            raise file_gone(name.removeprefix(PREFIX))

    async def read(self, id_: str, place: int = 0) -> AsyncIterator[bytes]:
        """Yield the content from that byte on, in pieces of any size."""
        while piece := await self.read_at(id_, place):
            yield piece
            place += len(piece)

    async def read_at(self, id_: str, place: int) -> bytes:
        """Return what is stored from that byte on, as far as its piece goes; nothing at the end of the file."""
        return await self.read_part(id_, place, CHUNK_BYTES)

    async def read_part(self, id_: str, place: int, size: int) -> bytes:
        """Return up to that many bytes from a byte on, as far as the piece goes; nothing at the end of the file."""
        sql = (
            f"SELECT substring(content FROM ($2 - place + 1)::int FOR $3) AS rest FROM {self._chunks}"
            " WHERE file = $1 AND place <= $2 ORDER BY place DESC LIMIT 1"
        )
        rows = await self._pool.fetch(sql, (id_, place, size), repeatable=True)
        return bytes(rows[0]["rest"]) if rows else b""

    async def used_bytes(self, organization: str) -> int:
        """Return how many bytes the files of an organization have."""
        sql = f"SELECT coalesce(sum(size_bytes), 0)::bigint AS used FROM {self._files} WHERE organization = $1"
        rows = await self._pool.fetch(sql, (organization,), repeatable=True)
        return int(rows[0]["used"])

    async def check_room(self, caller: Caller) -> None:
        """Refuse where the files of the caller's organization leave no room; raises FileTooLarge."""
        used = await self.used_bytes(caller.organization)
        if used >= self._limits.organization_bytes:
            raise FileTooLarge(
                f"The files of this organization have {used:,} bytes, which is all that they may. "
                "Delete some, or wait until they expire.",
                metadata={"subject": caller.organization},
            )

    async def grow(self, caller: Caller, id_: str, size: int) -> None:
        """Count what a file has by now towards what its organization may have; raises FileTooLarge."""
        sql = f"UPDATE {self._files} SET size_bytes = $2 WHERE id = $1 AND NOT complete"
        await self._pool.fetch(sql, (id_, size), repeatable=True)
        await self.check_room(caller)

    def check_size(self, size: int) -> None:
        """Refuse a file of more bytes than one may have; raises FileTooLarge."""
        if size > self._limits.file_bytes:
            raise too_large(self._limits.file_bytes)

    async def forget_expired(self) -> None:
        """Delete what has expired, some at a time: large files take long, and a statement may not."""
        sql = (
            f"DELETE FROM {self._files} WHERE id IN (SELECT id FROM {self._files} WHERE expires_at < now()"
            f" ORDER BY expires_at LIMIT {FORGOTTEN_AT_ONCE} FOR UPDATE SKIP LOCKED) RETURNING id"
        )
        while await self._pool.fetch(sql, repeatable=True):
            pass

    async def prolong(self, *ids: str) -> None:
        """Keep files for a while longer, since somebody reads or writes them."""
        sql = (
            f"UPDATE {self._files} SET expires_at = greatest(expires_at, now() + $2 * interval '1 hour')"
            " WHERE id = ANY($1)"
        )
        await self._pool.fetch(sql, (list(ids), UNFINISHED_HOURS), repeatable=True)

    async def close(self, id_: str, size: int, executor: Executor | None = None) -> StoredFile:
        """Complete a file whose digest nobody has: its content is read once more."""
        digest = hashlib.sha256()
        async for piece in self.read(id_):
            digest.update(piece)
        return await self.complete(id_, size, digest.hexdigest(), executor)

    async def _discard(self, id_: str) -> None:
        await self._pool.fetch(f"DELETE FROM {self._files} WHERE id = $1", (id_,), repeatable=True)


class Prolonging:
    """Keeps files for as long as somebody is at them."""

    def __init__(self, files: Files, *ids: str) -> None:
        """Take where files are, and which."""
        self._files, self._ids, self._last = files, ids, time.monotonic()

    async def prolong(self) -> None:
        """Keep them for a while longer, unless that was done just now."""
        if time.monotonic() - self._last >= self._files.prolong_seconds:
            await self._files.prolong(*self._ids)
            self._last = time.monotonic()


class FileWriter:
    """Collects what is written to a file into pieces of one size."""

    def __init__(self, files: Files, id_: str, caller: Caller, limit: int) -> None:
        """Take the file that is begun, whose it is, and the most bytes that it may have."""
        self.id = id_
        self.size = 0
        """How many bytes were written."""
        self.finished: StoredFile | None = None
        """The file, once it is complete."""
        self._files, self._caller, self._limit = files, caller, limit
        self._waiting = bytearray()
        self._stored = self._counted = 0
        self._digest = hashlib.sha256()

    async def write(self, content: bytes) -> None:
        """Add content at the end; raises FileTooLarge."""
        self.size += len(content)
        if self.size > self._limit:
            raise too_large(self._limit)
        self._digest.update(content)
        self._waiting += content
        while len(self._waiting) >= CHUNK_BYTES:
            await self._store(CHUNK_BYTES)

    async def finish(self) -> StoredFile:
        """Store what is left and return the file, which is complete."""
        if self._waiting:
            await self._store(len(self._waiting))
        self.finished = await self._files.complete(self.id, self.size, self._digest.hexdigest())
        return self.finished

    async def _store(self, size: int) -> None:
        piece = bytes(self._waiting[:size])
        del self._waiting[:size]
        await self._files.append(self.id, self._stored, piece)
        self._stored += size
        # Many that are written at once would else each see room for all.
        if self._stored - self._counted >= COUNTED_BYTES:
            self._counted = self._stored
            await self._files.grow(self._caller, self.id, self._stored)


def too_large(limit: int) -> FileTooLarge:
    """Return what says that a file has more bytes than it may."""
    return FileTooLarge(
        f"The file has more than {limit:,} bytes, which is the most. Split it.", metadata={"limit": str(limit)}
    )


def file_gone(id_: str) -> FileNotThere:
    """Return what says that there is no such file."""
    name = PREFIX + id_
    return FileNotThere(f"The file `{name}` does not exist, or not for this caller.", metadata={"name": name})


def _read(row: Row) -> StoredFile:
    values: dict[str, Any] = dict(row)
    return StoredFile(**values)
