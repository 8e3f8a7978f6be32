"""Tells people by mail what was changed about their accounts (ASVS 5.0 6.3.7), and writes it down."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.auth.domain.audit import AuditEntry
from services.auth.domain.letters import CHANGE, write_letter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.auth.domain.accounts import Account
    from services.auth.domain.audit import Audit
    from services.auth.domain.mail import Mail
    from services.auth.domain.sessions import Origin


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Something that was changed about an account."""

    kind: str
    """As the audit has it, such as `factor.added`."""
    sentence: str
    """As its owner reads it, such as `the passkey Phone was added`."""
    actor: str = ""
    """Who did it; the owner where empty."""
    factor: str = ""
    """The kind of factor that it is about."""
    session: str = ""
    """The session in which it was done."""
    detail: Mapping[str, str] = field(default_factory=dict)
    """What else there is to know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Notices:
    """Tells of changes, within the transaction that is open, if one is."""

    mail: Mail
    """Takes the mail."""
    audit: Audit
    """Writes it down."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def tell(self, account: Account, change: Change, origin: Origin, *, to: str = "") -> None:
        """Write a change down, and tell the account's address of it, or another one that was its address before."""
        letter = write_letter(
            CHANGE,
            to=to or account.email,
            organization=account.organization,
            change=change.sentence,
            time=self.clock().strftime("%Y-%m-%d %H:%M UTC"),
            address=origin.address or "unknown",
        )
        await self.mail.post(letter)
        await self.audit.record(
            AuditEntry(
                kind=change.kind,
                organization=account.organization,
                actor=change.actor or account.name,
                subject=account.name,
                session=change.session,
                address=origin.address,
                agent=origin.agent,
                factor=change.factor,
                detail=change.detail,
            )
        )
