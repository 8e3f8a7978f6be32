"""Keeps consents in Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.oauth.consents import Consent
from services.auth.domain.revocations import FOR_EVER
from services.auth.storage.revocations import REVOKE
from services.auth.storage.schema import SCHEMA
from services.auth.storage.sign_in_attempts import plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from services.chassis.postgres import Executor

_FIND = f"SELECT scopes FROM {SCHEMA}.consents WHERE organization = $1 AND user_name = $2 AND client = $3"
_GIVE = f"""
INSERT INTO {SCHEMA}.consents AS kept (organization, user_name, client, scopes, create_time, update_time)
VALUES ($1, $2, $3, $4, $5, $5)
ON CONFLICT (organization, user_name, client) DO UPDATE
SET scopes = ARRAY(SELECT DISTINCT unnest(kept.scopes || excluded.scopes) ORDER BY 1),
    update_time = excluded.update_time
"""
_LIST = f"""
SELECT c.client, c.scopes, c.create_time, c.update_time, coalesce(k.display_name, '') AS display_name,
       coalesce(k.client_uri, '') AS client_uri
FROM {SCHEMA}.consents c LEFT JOIN {SCHEMA}.clients k ON k.name = 'clients/' || c.client
WHERE c.organization = $1 AND c.user_name = $2 ORDER BY c.update_time DESC, c.client
"""
# Codes and devices that wait go too. What is being redeemed is waited for: the next statement finds what that opens.
_FORGET = f"""
WITH gone AS (
    DELETE FROM {SCHEMA}.consents WHERE organization = $1 AND user_name = $2 AND client = $3 RETURNING client
), codes AS (
    DELETE FROM {SCHEMA}.authorization_codes
    WHERE organization = $1 AND user_name = $2 AND client = $3 AND use_time IS NULL RETURNING client
), devices AS (
    DELETE FROM {SCHEMA}.device_authorizations
    WHERE organization = $1 AND user_name = $2 AND client = $3 AND state = 'approved' RETURNING client
), undecided AS (
    UPDATE {SCHEMA}.authorization_requests SET approver = '' WHERE approver = $2
)
SELECT client FROM gone UNION ALL SELECT client FROM codes UNION ALL SELECT client FROM devices
"""
# What the client holds ends with the consent, whether or not it was given here.
_END = f"""
WITH families AS (
    UPDATE {SCHEMA}.refresh_sessions SET end_time = $4
    WHERE organization = $1 AND user_name = $2 AND client = $3 AND end_time IS NULL RETURNING id
), revoked AS (
    {REVOKE.format(rows=f"SELECT 'grant:' || id AS key, {FOR_EVER} AS before FROM families", now="$4")}
)
SELECT id FROM families
"""


class SqlConsents:
    """Consents (port `Consents`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def find(self, organization: str, user: str, client: str) -> frozenset[str]:
        """Return the scopes that somebody has agreed to."""
        rows = await self._executor.fetch(_FIND, [organization, user, client], repeatable=True)
        return frozenset(rows[0]["scopes"]) if rows else frozenset()

    async def give(self, organization: str, user: str, client: str, scopes: Sequence[str], *, now: datetime) -> None:
        """Add scopes to those that somebody has agreed to."""
        await self._executor.fetch(_GIVE, [organization, user, client, list(scopes), now], repeatable=True)

    async def list(self, organization: str, user: str) -> Sequence[Consent]:
        """Return somebody's consents, the latest first."""
        rows = await self._executor.fetch(_LIST, [organization, user], repeatable=True)
        return [
            Consent(
                client=row["client"],
                client_name=row["display_name"],
                client_uri=row["client_uri"],
                scopes=tuple(row["scopes"]),
                given=row["create_time"],
                changed=row["update_time"],
            )
            for row in rows
        ]

    async def revoke(self, organization: str, user: str, client: str, *, now: datetime) -> bool:
        """Forget a consent, and end all that the client holds for them."""
        whose = [organization, user, plain(client)]
        forgotten = await self._executor.fetch(_FORGET, whose)
        ended = await self._executor.fetch(_END, [*whose, now])
        return bool(forgotten or ended)
