"""Reads what is known of people out of the table of their records, as claims of OpenID Connect."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.auth.domain.oauth.claims import CLAIMS
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.chassis.postgres import Executor

# No two people share a name, in whatever organization. The whole row but for its bytes: a column with the name of a
# claim is that claim.
_FIND = f"""
SELECT to_jsonb(u) - 'message' AS person FROM {SCHEMA}.users u
WHERE u.name = $1 AND NOT u.disabled
"""


class SqlPeople:
    """What is known of people (port `People`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def find_claims(self, user: str) -> Mapping[str, Any] | None:
        """Return the claims of a person."""
        rows = await self._executor.fetch(_FIND, [user], repeatable=True)
        return claims_of(json.loads(rows[0]["person"])) if rows else None


def claims_of(person: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims that a row gives."""
    plain = {name: person[name] for name in CLAIMS if name in person}
    told = {
        **plain,
        "name": person.get("display_name"),
        "preferred_username": person.get("preferred_username") or person.get("email"),
        "picture": person.get("picture_uri"),
        "zoneinfo": person.get("zone"),
        "email_verified": bool(person.get("email_verified") or person.get("email_verify_time")),
    }
    if phone := person.get("phone_number"):
        told["phone_number_verified"] = bool(person.get("phone_number_verified") or person.get("phone_verify_time"))
        told["phone_number"] = phone
    if updated := person.get("update_time"):
        told["updated_at"] = int(datetime.fromisoformat(updated).timestamp())
    return {name: value for name, value in told.items() if value is not None and value != ""}
