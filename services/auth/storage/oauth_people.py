"""Reads what is known of people out of the table of their records, as claims of OpenID Connect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.chassis.postgres import Executor

# No two people share a name, in whatever organization. Nobody proves that a phone number is theirs.
_FIND = f"""
SELECT display_name AS name, given_name, family_name, email AS preferred_username, picture_uri AS picture, locale,
       zone AS zoneinfo, extract(epoch FROM update_time)::bigint AS updated_at, email, email_verified, phone_number,
       CASE WHEN phone_number <> '' THEN false END AS phone_number_verified
FROM {SCHEMA}.users WHERE name = $1 AND NOT disabled
"""


class SqlPeople:
    """What is known of people (port `People`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def find_claims(self, user: str) -> Mapping[str, Any] | None:
        """Return the claims of a person."""
        rows = await self._executor.fetch(_FIND, [user], repeatable=True)
        return {claim: value for claim, value in rows[0].items() if value not in {None, ""}} if rows else None
