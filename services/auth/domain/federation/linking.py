"""How people link an identity at a provider to their account, and take it away again (ASVS 5.0 6.8.1, 7.5.1, 6.3.7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.auth.domain.errors import (
    FederatedSignInInvalid,
    IdentityLinkedElsewhere,
    LinkedIdentityUnknown,
    ReauthenticationNeeded,
)
from services.auth.domain.factors.setup import FRESH
from services.auth.domain.federation.identities import LinkedIdentity
from services.auth.domain.federation.waiting import Stage, generate_token
from services.auth.domain.notices import Change
from services.auth.domain.sessions import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.auth.domain.accounts import Account, Changes, Directory
    from services.auth.domain.addresses import VerifiedAddresses
    from services.auth.domain.factors.setup import Owner
    from services.auth.domain.federation.identities import LinkedIdentities
    from services.auth.domain.federation.providers import Provider, Providers
    from services.auth.domain.federation.waiting import Purpose, Waiting, WaitingRoom
    from services.auth.domain.notices import Notices

NAME = "linkedIdentities/"
"""What the names of linked identities begin with."""

FACTOR = "federated"


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """An identity that may be linked."""

    provider: Provider
    """Its provider."""
    email: str
    """The address that the provider has said."""
    account: Account
    """The account to which it would be linked."""
    flow: str = ""
    """The authorization that waits for it, or empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Linking:
    """Links and unlinks, for whoever has just proven that the account is theirs."""

    providers: Providers
    """Reads providers."""
    identities: LinkedIdentities
    """Keeps linked identities."""
    waiting: WaitingRoom
    """Keeps what is offered."""
    directory: Directory
    """Finds users."""
    addresses: VerifiedAddresses
    """Keeps which addresses are verified."""
    changes: Changes
    """Makes changes one."""
    notices: Notices
    """Tells of them."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def list_of(self, account: Account) -> Sequence[LinkedIdentity]:
        """Return the identities that somebody signs in by."""
        return await self.identities.list_of(account.organization, account.name)

    async def describe(self, token: str, browser: str) -> Offer:
        """Return what may be linked in this browser. Raises `FederatedSignInInvalid`."""
        found = await self.waiting.find(digest_of(token), Stage.OFFERED, now=self.clock())
        return await self._offer(found, browser)

    async def link(self, token: str, browser: str, owner: Owner) -> Purpose:
        """Link what was offered to the account it was offered for, and return what the person came for.

        Raises:
            ReauthenticationNeeded: the proof that the account is theirs is too old.
            FederatedSignInInvalid: nothing is offered to them, in this browser.
            IdentityLinkedElsewhere: somebody was faster.
        """
        self._check_fresh(owner)
        account = owner.account
        async with self.changes.open(account.organization):
            found = await self.waiting.take(digest_of(token), Stage.OFFERED, now=self.clock())
            offer = await self._offer(found, browser)
            if found is None or (offer.account.organization, offer.account.name) != (
                account.organization,
                account.name,
            ):
                raise FederatedSignInInvalid("It is for another account.")
            await self._link(offer, found, owner)
        return found.purpose

    async def unlink(self, owner: Owner, name: str) -> None:
        """Unlink an identity. Raises `ReauthenticationNeeded`, `LinkedIdentityUnknown`."""
        self._check_fresh(owner)
        account = owner.account
        async with self.changes.open(account.organization):
            gone = await self.identities.remove(account.organization, account.name, name.removeprefix(NAME))
            if gone is None:
                raise LinkedIdentityUnknown(name)
            provider = await self.providers.find_own(account.organization, gone.provider)
            shown = provider.display_name if provider else gone.provider
            change = Change(
                kind="identity.unlinked",
                sentence=f"your identity at {shown} is linked to your account no more",
                factor=FACTOR,
                session=owner.session,
                detail={"provider": gone.provider},
            )
            await self.notices.tell(account, change, owner.origin)

    async def _link(self, offer: Offer, found: Waiting, owner: Owner) -> None:
        account, provider, kept = owner.account, offer.provider, found.kept
        identity = LinkedIdentity(
            id=generate_token(),
            organization=account.organization,
            user=account.name,
            provider=provider.name,
            subject=kept["subject"],
            email=kept["email"],
            created=self.clock(),
        )
        if not await self.identities.add(identity):
            raise IdentityLinkedElsewhere(provider.display_name)
        if kept["email_verified"] and kept["email"] == account.email:
            await self.addresses.verify(account.organization, account.name, account.email)
        change = Change(
            kind="identity.linked",
            sentence=f"your identity at {provider.display_name} was linked to your account, which it opens from now on",
            factor=FACTOR,
            session=owner.session,
            detail={"provider": provider.name},
        )
        await self.notices.tell(account, change, owner.origin)

    async def _offer(self, found: Waiting | None, browser: str) -> Offer:
        if found is None:
            raise FederatedSignInInvalid("It has expired, or was used before.")
        if found.browser != digest_of(browser):
            raise FederatedSignInInvalid("It was asked for in another browser.")
        provider = await self.providers.find(found.provider)
        account = await self.directory.find_by_name(found.organization, found.purpose.user)
        if provider is None or account is None or account.disabled:
            raise FederatedSignInInvalid("There is nothing any more that could be linked.")
        return Offer(provider=provider, email=found.kept["email"], account=account, flow=found.purpose.flow)

    def _check_fresh(self, owner: Owner) -> None:
        if self.clock() - owner.authenticated > FRESH:
            raise ReauthenticationNeeded(FRESH.total_seconds())
