"""How people are invited to an organization, and how they accept."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import DEFAULT_ORGANIZATION, SYSTEM_ORGANIZATION
from services.auth.domain.errors import InvitationAnswered, InvitationInvalid
from services.auth.domain.letters import INVITATION, write_letter
from services.auth.domain.organizations import Organization, is_closed
from services.auth.domain.permissions import find_excess
from services.auth.domain.sessions import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from services.auth.domain.accounts import Account, Changes, Credentials, Directory
    from services.auth.domain.addresses import VerifiedAddresses
    from services.auth.domain.mail import Mail
    from services.auth.domain.organizations import OrganizationStore

LIFETIME = timedelta(days=7)
"""For so long an invitation can be accepted."""

_SECRET_BYTES = 32


class Answer(Enum):
    """What has become of an invitation."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"


@dataclass(frozen=True, kw_only=True, slots=True)
class Invitation:
    """An invitation, as it is kept."""

    organization: str
    """The organization."""
    name: str
    """Its name, such as `invitations/0198…`."""
    email: str
    """Whom it is for, in lower case."""
    roles: tuple[str, ...]
    """What it gives."""
    answer: Answer
    """What has become of it."""
    inviter: str
    """Who has invited; empty where the organization was made with it."""
    expires: datetime
    """When it can no longer be accepted."""


class Invitations(Protocol):
    """Keeps invitations, and their secrets by their SHA-256. What is written is in the transaction that is open."""

    async def add(
        self, organization: str, actor: str, *, email: str, roles: Collection[str], inviter: str, expires: datetime
    ) -> Invitation:
        """Keep an invitation."""

    async def find(self, organization: str, name: str) -> Invitation | None:
        """Return an invitation."""

    async def find_by_secret(self, digest: bytes) -> Invitation | None:
        """Return the invitation of a secret."""

    async def set_secret(self, invitation: Invitation, digest: bytes) -> None:
        """Keep a secret in place of the one before."""

    async def remove_secret(self, organization: str, name: str) -> None:
        """Forget the secret of an invitation, so that nobody accepts it."""

    async def prolong(self, invitation: Invitation, actor: str, expires: datetime) -> None:
        """Let it last longer."""

    async def answer(self, invitation: Invitation, actor: str, answer: Answer) -> None:
        """Keep what has become of it, and by whom: `actor` is empty where nobody is known."""


class Joining(Protocol):
    """Makes people act in an organization, within the transaction that is open."""

    async def add_user(
        self, organization: str, actor: str, *, email: str, display_name: str, roles: Collection[str]
    ) -> str:
        """Make a user who lives there, and return the name."""

    async def add_roles(self, organization: str, actor: str, *, user: str, roles: Collection[str]) -> None:
        """Give a user who lives there further roles."""

    async def add_member(self, organization: str, actor: str, *, user: str, home: str, roles: Collection[str]) -> None:
        """Make a user who lives elsewhere a member, or give a member further roles."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inviting:
    """Makes invitations and sends them."""

    kept: Invitations
    """Where they are kept."""
    organizations: OrganizationStore
    """Says which addresses an organization takes."""
    mail: Mail
    """Takes the mail."""
    link: Callable[[str], str]
    """Returns the page on which a secret is used."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def invite(
        self, organization: str, email: str, roles: Collection[str], *, inviter: str, shown: str = ""
    ) -> Invitation:
        """Invite an address, within the transaction that is open; `shown` names the inviter to people.

        Raises:
            EmailDomainNotAllowed: the organization does not take the address.
        """
        tenant = await self.organizations.find(organization) or Organization(id=organization)
        tenant.check_email(email)
        expires = self.clock() + LIFETIME
        made = await self.kept.add(organization, inviter, email=email, roles=roles, inviter=inviter, expires=expires)
        await self._send(made, tenant, shown)
        return made

    async def resend(self, organization: str, name: str, *, actor: str, shown: str = "") -> None:
        """Send an invitation again, with another secret. Raises `InvitationAnswered`."""
        invitation = await self.kept.find(organization, name)
        if invitation is None:
            return
        if invitation.answer is not Answer.PENDING:
            raise InvitationAnswered(name)
        await self.kept.prolong(invitation, actor, self.clock() + LIFETIME)
        tenant = await self.organizations.find(organization) or Organization(id=organization)
        await self._send(invitation, tenant, shown)

    async def _send(self, invitation: Invitation, tenant: Organization, shown: str) -> None:
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        await self.kept.set_secret(invitation, digest_of(secret))
        letter = write_letter(
            INVITATION,
            to=invitation.email,
            organization=tenant.id,
            inviter=shown or "Somebody",
            name=tenant.shown,
            link=self.link(secret),
            days=LIFETIME.days,
        )
        await self.mail.post(letter)


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepting:
    """Answers invitations by their secrets. Whatever is wrong with one, the answer is the same."""

    kept: Invitations
    """Where they are kept."""
    organizations: OrganizationStore
    """Says which organizations are open."""
    directory: Directory
    """Reads accounts and roles."""
    joining: Joining
    """Makes users and members."""
    addresses: VerifiedAddresses
    """Keeps that the address was shown to be theirs."""
    changes: Changes
    """Makes all of it one, with one answer for each invitation."""
    credentials: Credentials
    """Keeps a first password."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def check(self, secret: str) -> None:
        """Refuse a secret that opens nothing. Raises `InvitationInvalid`."""
        await self._check(secret)

    async def accept(self, secret: str, *, display_name: str = "", password_hash: str = "") -> tuple[str, str]:
        """Make a user of the organization, or give the one of that address the roles; return organization and name.

        Raises:
            InvitationInvalid: the secret is unknown, used or expired, or the inviter may no longer invite.
        """
        organization = await self._organization(secret)
        async with self.changes.open(organization):
            invitation = await self._check(secret)
            account = await self.directory.find_by_email(organization, invitation.email)
            user = await self._settle(invitation, account, display_name, password_hash)
            await self.kept.answer(invitation, user, Answer.ACCEPTED)
        return organization, user

    async def join(self, secret: str, account: Account) -> str:
        """Make somebody who has an account a member, and return the organization. Raises `InvitationInvalid`."""
        organization = await self._organization(secret)
        async with self.changes.open(organization):
            invitation = await self._check(secret)
            if account.disabled or account.email != invitation.email:
                raise InvitationInvalid
            if account.organization == organization:
                await self.joining.add_roles(organization, account.name, user=account.name, roles=invitation.roles)
            else:
                home = account.organization
                await self.joining.add_member(
                    organization, account.name, user=account.name, home=home, roles=invitation.roles
                )
            # The secret came to this address, and whoever has it has signed in as its owner.
            await self.addresses.verify(account.organization, account.name, account.email)
            await self.kept.answer(invitation, account.name, Answer.ACCEPTED)
        return organization

    async def decline(self, secret: str) -> None:
        """Decline an invitation. Raises `InvitationInvalid`."""
        organization = await self._organization(secret)
        async with self.changes.open(organization):
            await self.kept.answer(await self._check(secret, judge=False), "", Answer.DECLINED)

    async def _settle(
        self, invitation: Invitation, account: Account | None, display_name: str, password_hash: str
    ) -> str:
        organization, email, roles = invitation.organization, invitation.email, invitation.roles
        if account is not None and account.organization == organization:
            if account.disabled:
                raise InvitationInvalid
            await self.joining.add_roles(organization, account.name, user=account.name, roles=roles)
            user = account.name
        else:
            user = await self.joining.add_user(organization, "", email=email, display_name=display_name, roles=roles)
            if password_hash:
                await self.credentials.set(organization, user, password_hash)
        await self.addresses.verify(organization, user, email)
        return user

    async def _organization(self, secret: str) -> str:
        found = await self.kept.find_by_secret(digest_of(secret))
        if found is None:
            raise InvitationInvalid
        return found.organization

    async def _check(self, secret: str, *, judge: bool = True) -> Invitation:
        """Return the invitation of a secret, looked up again by whoever has the organization to themselves."""
        found = await self.kept.find_by_secret(digest_of(secret))
        if found is None or found.answer is not Answer.PENDING or self.clock() >= found.expires:
            raise InvitationInvalid
        if judge and not await self._is_good(found):
            raise InvitationInvalid
        return found

    async def _is_good(self, invitation: Invitation) -> bool:
        organization = invitation.organization
        if await is_closed(self.organizations, organization):
            return False
        roles = await self.directory.find_roles(organization, invitation.roles)
        if len(roles) != len(set(invitation.roles)):
            return False
        if not invitation.inviter:
            return True
        inviter = await self.directory.find_acting(organization, invitation.inviter)
        if inviter is None and organization != SYSTEM_ORGANIZATION:
            # The bootstrap administrator acts in other organizations than their own.
            inviter = await self.directory.find_by_name(DEFAULT_ORGANIZATION, invitation.inviter)
        if inviter is None or inviter.disabled:
            return False
        return not find_excess(frozenset().union(*roles.values()), inviter.permissions)
