"""Whether what is revoked twice within a second takes back what was issued in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.revocations import FOR_EVER, of_organization, of_session, of_subject
from services.auth.storage import schema
from services.auth.storage.database import Database
from services.auth.storage.revocations import SqlRevocations
from tests.fakes.auth import START

if TYPE_CHECKING:
    from services.auth.domain.revocations import Revocation


async def test_a_second_revocation_reaches_tokens_of_between(database: str) -> None:
    """Auth statement 47: after the first one, tokens are issued for the first second that is good again."""
    auth = Database(database)
    await schema.migrate(auth)
    revocations = SqlRevocations(auth)

    async def revoke(one: Revocation) -> int:
        await revocations.revoke([one])
        [kept] = await revocations.living()
        await auth.fetch("SELECT 1")
        return kept.before

    first = await revoke(of_subject("users/1", START))
    issued_between = first
    assert await revoke(of_subject("users/1", START)) > issued_between
    later = of_subject("users/1", START.replace(hour=13))
    assert await revoke(later) == later.before
    await auth.fetch("DELETE FROM auth.revocations")
    assert await revoke(of_session("s")) == await revoke(of_session("s")) == FOR_EVER
    await auth.fetch("DELETE FROM auth.revocations")
    assert await revoke(of_organization("acme", START)) == of_organization("acme", START).before
    await auth.close()
