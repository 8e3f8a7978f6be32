"""Signs people in by identity providers, and finds out whose account it is that they come for.

`begin` sends a browser to a provider; what comes back is taken once, in that browser alone. A known identity signs its
user in. An unknown one makes a user where the provider provisions and the address is free; where the address is
somebody's, whoever it is has to sign in by what they have, and then link it: an address alone opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import SYSTEM_ORGANIZATION
from services.auth.domain.audit import AuditEntry
from services.auth.domain.errors import (
    FederatedAccountUnknown,
    FederatedAddressRefused,
    FederatedSignInInvalid,
    IdentityLinkedElsewhere,
    IdentityProviderUnknown,
    SignInFailed,
)
from services.auth.domain.federation import waiting as waits
from services.auth.domain.federation.assertions import Assertion, Said, Speaking, Wish, read_assertion
from services.auth.domain.federation.identities import LinkedIdentity
from services.auth.domain.federation.waiting import Purpose, Stage, Waiting, generate_token
from services.auth.domain.sessions import digest_of
from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.auth.domain.accounts import Account, Changes, Directory
    from services.auth.domain.addresses import VerifiedAddresses
    from services.auth.domain.audit import Audit
    from services.auth.domain.federation.identities import LinkedIdentities
    from services.auth.domain.federation.providers import Kind, Provider, Providers
    from services.auth.domain.federation.waiting import WaitingRoom
    from services.auth.domain.invitations import Joining
    from services.auth.domain.sessions import Origin

FACTOR = "federated"
"""The factor, as the audit has it."""


class Addresses(Protocol):
    """Says which addresses an organization takes."""

    async def check(self, organization: str, email: str) -> None:
        """Refuse an address. Raises `EmailDomainNotAllowed`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """A browser's way to a provider."""

    url: str = field(repr=False)
    """Where it goes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """Somebody who has come back from a provider."""

    provider: Provider
    """The provider."""
    assertion: Assertion
    """What it says of them."""
    purpose: Purpose
    """What they came for."""
    account: Account | None = None
    """Their account, where the identity is known or a user was made."""
    offer: str = field(default="", repr=False)
    """The token by which the identity may be linked, where an account has to be proven first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Federating:
    """Leads people to providers and back."""

    providers: Providers
    """Reads providers."""
    speaking: Mapping[Kind, Speaking]
    """Speaks to them."""
    waiting: WaitingRoom
    """Keeps what waits."""
    identities: LinkedIdentities
    """Says whose identities are."""
    directory: Directory
    """Finds users."""
    joining: Joining
    """Makes users."""
    addresses: VerifiedAddresses
    """Keeps which addresses are verified."""
    rules: Addresses
    """Says which addresses an organization takes."""
    changes: Changes
    """Makes changes one."""
    audit: Audit
    """Writes it down."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def list_of(self, organization: str) -> Sequence[Provider]:
        """Return the providers that an organization's people may sign in by."""
        return await self.providers.list_of(organization)

    async def find(self, name: str, kind: Kind | None = None) -> Provider:
        """Return a provider. Raises `IdentityProviderUnknown`."""
        provider = await self.providers.find(name)
        if provider is None or provider.organization == SYSTEM_ORGANIZATION or kind not in {None, provider.kind}:
            raise IdentityProviderUnknown(name)
        return provider

    async def begin(self, provider: Provider, browser: str, purpose: Purpose, wish: Wish) -> Begun:
        """Send a browser to a provider. Raises `IdentityProviderUnavailable`."""
        state = generate_token()
        asked = await self.speaking[provider.kind].ask(provider, state, wish)
        await self._keep(
            state, Stage.ASKED, provider=provider, browser=digest_of(browser), purpose=purpose, kept=asked.kept
        )
        return Begun(url=asked.url)

    async def receive(
        self, name: str, state: str, answer: Mapping[str, str], *, browser: str, origin: Origin
    ) -> Arrived:
        """Take a provider's answer that the browser has brought with its cookie.

        Raises:
            FederatedSignInInvalid: it answers nothing that this browser has asked, or is not to be believed.
            FederatedSignInRefused: the provider has signed nobody in.
            FederatedAccountUnknown, FederatedAddressRefused, EmailDomainNotAllowed: whoever it is has no account.
            IdentityLinkedElsewhere: the identity is to be linked, and is somebody else's.
            SignInFailed: the account may not be signed in to.
        """
        found = await self._take(state, Stage.ASKED, name, digest_of(browser))
        provider, said = await self._hear(found, answer, origin)
        return await self._settle(provider, read_assertion(provider, said), found, origin)

    async def receive_form(self, name: str, state: str, answer: Mapping[str, str], *, origin: Origin) -> str:
        """Take a provider's answer that came without a cookie, and return the token for `resume`. Raises as above."""
        found = await self._take(state, Stage.ASKED, name)
        provider, said = await self._hear(found, answer, origin)
        assertion = read_assertion(provider, said)
        token = generate_token()
        kept = _pack(assertion)
        await self._keep(token, Stage.HEARD, provider=provider, browser=found.browser, purpose=found.purpose, kept=kept)
        return token

    async def resume(self, token: str, *, browser: str, origin: Origin) -> Arrived:
        """Go on with an answer that came without a cookie, in the browser that has asked. Raises as `receive`."""
        found = await self._take(token, Stage.HEARD, "", digest_of(browser))
        return await self._settle(await self.find(found.provider), _unpack(found.kept), found, origin)

    async def _take(self, token: str, stage: Stage, name: str, browser: bytes | None = None) -> Waiting:
        found = await self.waiting.take(digest_of(token), stage, now=self.clock()) if token else None
        if found is None:
            raise FederatedSignInInvalid("It has expired, was used before, or was never asked for.")
        if name and found.provider != name:
            raise FederatedSignInInvalid("Another provider was asked.")
        if browser is not None and found.browser != browser:
            raise FederatedSignInInvalid("It was asked for in another browser.")
        return found

    async def _hear(self, found: Waiting, answer: Mapping[str, str], origin: Origin) -> tuple[Provider, Said]:
        provider = await self.find(found.provider)
        try:
            return provider, await self.speaking[provider.kind].hear(provider, answer, found.kept)
        except TenonError as error:
            await self._note_failure(provider, error, origin)
            raise

    async def _settle(self, provider: Provider, assertion: Assertion, found: Waiting, origin: Origin) -> Arrived:
        arrived = Arrived(provider=provider, assertion=assertion, purpose=found.purpose)
        try:
            known = await self.identities.find(provider.name, assertion.subject)
            if found.purpose.user:
                return await self._settle_link(arrived, known, found.browser)
            if known is not None:
                return await self._settle_known(arrived, known)
            return await self._settle_unknown(arrived, found.browser, origin)
        except TenonError as error:
            await self._note_failure(provider, error, origin)
            raise

    async def _settle_link(self, arrived: Arrived, known: LinkedIdentity | None, browser: bytes) -> Arrived:
        if known is None:
            return await self._offer(arrived, arrived.purpose.user, browser)
        if known.user != arrived.purpose.user:
            raise IdentityLinkedElsewhere(arrived.provider.display_name)
        return arrived

    async def _settle_known(self, arrived: Arrived, known: LinkedIdentity) -> Arrived:
        account = await self.directory.find_by_name(known.organization, known.user)
        if account is None or account.disabled:
            raise SignInFailed
        await self.identities.note_use(known.id, arrived.assertion.email, now=self.clock())
        return _for(arrived, account)

    async def _settle_unknown(self, arrived: Arrived, browser: bytes, origin: Origin) -> Arrived:
        provider, assertion = arrived.provider, arrived.assertion
        # One writer at a time, so that of two tabs one makes the user and the other finds it.
        async with self.changes.open(provider.organization):
            known = await self.identities.find(provider.name, assertion.subject)
            if known is not None:
                return await self._settle_known(arrived, known)
            email = assertion.email
            taken = await self.directory.find_by_email(provider.organization, email) if email else None
            if taken is not None:
                # A member lives elsewhere: their own organization says by what they sign in.
                if taken.acting_in:
                    raise FederatedAccountUnknown(provider.display_name)
                return await self._offer(arrived, taken.name, browser)
            if not provider.provisions:
                raise FederatedAccountUnknown(provider.display_name)
            return _for(arrived, await self._provision(provider, assertion, origin))

    async def _provision(self, provider: Provider, assertion: Assertion, origin: Origin) -> Account:
        organization, email = provider.organization, assertion.email
        if not email or not provider.takes(email):
            raise FederatedAddressRefused(provider.display_name)
        await self.rules.check(organization, email)
        roles = await self.directory.find_roles(organization, provider.default_roles)
        user = await self.joining.add_user(
            organization, "", email=email, display_name=assertion.display_name, roles=sorted(roles)
        )
        identity = LinkedIdentity(
            id=generate_token(),
            organization=organization,
            user=user,
            provider=provider.name,
            subject=assertion.subject,
            email=email,
            created=self.clock(),
            used=self.clock(),
        )
        if not await self.identities.add(identity):
            raise IdentityLinkedElsewhere(provider.display_name)
        if assertion.email_verified:
            await self.addresses.verify(organization, user, email)
        account = await self.directory.find_by_name(organization, user)
        if account is None or account.disabled:
            raise SignInFailed
        await self._note(provider, "user.provisioned", user, origin)
        return account

    async def _offer(self, arrived: Arrived, user: str, browser: bytes) -> Arrived:
        """Keep the identity until its owner has proven that the account is theirs."""
        token, purpose = generate_token(), arrived.purpose
        wanted = Purpose(flow=purpose.flow, to=purpose.to, user=user)
        kept = _pack(arrived.assertion)
        await self._keep(token, Stage.OFFERED, provider=arrived.provider, browser=browser, purpose=wanted, kept=kept)
        return Arrived(provider=arrived.provider, assertion=arrived.assertion, purpose=wanted, offer=token)

    async def _keep(
        self, token: str, stage: Stage, *, provider: Provider, browser: bytes, purpose: Purpose, kept: Mapping[str, str]
    ) -> None:
        waiting = Waiting(
            id=digest_of(token),
            stage=stage,
            organization=provider.organization,
            provider=provider.name,
            browser=browser,
            purpose=purpose,
            kept=kept,
            expires=self.clock() + waits.LIFETIME,
        )
        await self.waiting.keep(waiting)

    async def _note_failure(self, provider: Provider, error: TenonError, origin: Origin) -> None:
        detail = {"provider": provider.name, "reason": error.reason}
        if isinstance(error, FederatedSignInInvalid):
            detail["problem"] = error.problem
        await self.audit.record(
            AuditEntry(
                kind="sign_in.failed",
                outcome="failure",
                organization=provider.organization,
                address=origin.address,
                agent=origin.agent,
                factor=FACTOR,
                detail=detail,
            )
        )

    async def _note(self, provider: Provider, kind: str, user: str, origin: Origin) -> None:
        await self.audit.record(
            AuditEntry(
                kind=kind,
                organization=provider.organization,
                actor=user,
                subject=user,
                address=origin.address,
                agent=origin.agent,
                factor=FACTOR,
                detail={"provider": provider.name},
            )
        )


def _for(arrived: Arrived, account: Account) -> Arrived:
    return Arrived(provider=arrived.provider, assertion=arrived.assertion, purpose=arrived.purpose, account=account)


def _pack(assertion: Assertion) -> dict[str, str]:
    return {
        "subject": assertion.subject,
        "email": assertion.email,
        "email_verified": "1" if assertion.email_verified else "",
        "display_name": assertion.display_name,
        "methods": " ".join(assertion.methods),
        "time": assertion.time.isoformat() if assertion.time else "",
    }


def _unpack(kept: Mapping[str, str]) -> Assertion:
    return Assertion(
        subject=kept["subject"],
        email=kept["email"],
        email_verified=bool(kept["email_verified"]),
        display_name=kept["display_name"],
        methods=tuple(kept["methods"].split()),
        time=datetime.fromisoformat(kept["time"]) if kept["time"] else None,
    )
