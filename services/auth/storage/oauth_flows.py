"""Keeps flows and pushed requests in Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.oauth.flows import Flow
from services.auth.domain.oauth.requests import AuthorizationRequest
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from datetime import datetime

    from services.chassis.postgres import Executor

_KEEP = f"""
INSERT INTO {SCHEMA}.authorization_requests (id, request, create_time, expire_time) VALUES ($1, $2, $3, $4)
"""
_FIND = f"""
SELECT id, request, create_time, expire_time, approver, denied FROM {SCHEMA}.authorization_requests WHERE id = $1
"""
_DECIDE = f"""
UPDATE {SCHEMA}.authorization_requests SET approver = $2, denied = $3 WHERE id = $1 AND expire_time > now() RETURNING id
"""
_FINISH = f"DELETE FROM {SCHEMA}.authorization_requests WHERE id = $1 RETURNING id"
_PUSH = f"INSERT INTO {SCHEMA}.pushed_requests (uri, client, parameters, expire_time) VALUES ($1, $2, $3, $4)"
_FIND_PUSHED = f"""
SELECT parameters FROM {SCHEMA}.pushed_requests WHERE uri = $1 AND client = $2 AND expire_time > $3
"""
_USE_PUSHED = f"DELETE FROM {SCHEMA}.pushed_requests WHERE uri = $1 RETURNING uri"
_PRUNE = f"DELETE FROM {SCHEMA}.authorization_requests WHERE expire_time < $1"
# A person may be signing in by a request that has expired meanwhile; it is used up at the end.
_PRUNE_PUSHED = f"DELETE FROM {SCHEMA}.pushed_requests WHERE expire_time < $1::timestamptz - interval '20 minutes'"
_LONGEST = 256


class SqlFlows:
    """Flows and pushed requests (port `FlowStore`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def keep(self, flow: Flow) -> None:
        """Keep a new flow."""
        await self._executor.fetch(_KEEP, [flow.id, flow.request.dump(), flow.created, flow.expires])

    async def find(self, flow: str) -> Flow | None:
        """Return a flow."""
        rows = await self._executor.fetch(_FIND, [_plain(flow)], repeatable=True)
        if not rows:
            return None
        row = rows[0]
        return Flow(
            id=row["id"],
            request=AuthorizationRequest.load(row["request"]),
            created=row["create_time"],
            expires=row["expire_time"],
            approver=row["approver"],
            denied=row["denied"],
        )

    async def decide(self, flow: str, *, approver: str, denied: bool) -> bool:
        """Keep what a person has decided."""
        return bool(await self._executor.fetch(_DECIDE, [_plain(flow), approver, denied]))

    async def finish(self, flow: str) -> bool:
        """Forget a flow; return whether it was there, which is so for one caller."""
        return bool(await self._executor.fetch(_FINISH, [_plain(flow)]))

    async def push(self, uri: str, client: str, parameters: bytes, expires: datetime) -> None:
        """Keep the parameters of a pushed request."""
        await self._executor.fetch(_PUSH, [uri, client, parameters, expires])

    async def find_pushed(self, uri: str, client: str, *, now: datetime) -> bytes | None:
        """Return the parameters that this client has pushed."""
        rows = await self._executor.fetch(_FIND_PUSHED, [_plain(uri), client, now], repeatable=True)
        return bytes(rows[0]["parameters"]) if rows else None

    async def use_pushed(self, uri: str) -> bool:
        """Forget a pushed request; return whether it was there, which is so for one caller."""
        return bool(await self._executor.fetch(_USE_PUSHED, [uri]))

    async def prune(self, *, now: datetime) -> None:
        """Forget flows and pushed requests that have expired."""
        await self._executor.fetch(_PRUNE, [now], repeatable=True)
        await self._executor.fetch(_PRUNE_PUSHED, [now], repeatable=True)


def _plain(text: str) -> str:
    """Return a text from outside as Postgres takes it; none that is changed thereby names anything."""
    return text[:_LONGEST].replace("\0", "").encode("utf-8", "replace").decode()
