"""What becomes of an account whose address is changed: nobody has shown yet that the new one is theirs."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.notices import Change

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.auth.domain.accounts import Directory
    from services.auth.domain.addresses import VerifiedAddresses
    from services.auth.domain.notices import Notices
    from services.auth.domain.sessions import Origin


@dataclass(kw_only=True, slots=True)
class Watched:
    """What has become of a change of a user."""

    changed: bool = False
    """Whether the address was changed, and the user's record once more by that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressChanges:
    """Tells people of changes of their addresses, at both."""

    directory: Directory
    """Reads accounts."""
    addresses: VerifiedAddresses
    """Keeps which address is verified."""
    notices: Notices
    """Tells the user."""

    @asynccontextmanager
    async def watching(self, organization: str, user: str, *, actor: str, origin: Origin) -> AsyncIterator[Watched]:
        """Surround a change of a user, within the transaction that is open."""
        before = await self.directory.find_by_name(organization, user)
        watched = Watched()
        yield watched
        after = await self.directory.find_by_name(organization, user)
        if before is None or after is None or before.email == after.email:
            return
        watched.changed = True
        await self.addresses.forget(organization, user)
        change = Change(kind="address.changed", sentence="its email address is another one now", actor=actor)
        for address in (before.email, after.email):
            await self.notices.tell(after, change, origin, to=address)
