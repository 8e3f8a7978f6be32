"""Who may say by which providers an organization's people sign in: nobody gains by one what they do not hold."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.accounts import find_held
from services.auth.domain.assignments import Assignment
from services.auth.domain.audit import AuditEntry
from services.auth.domain.errors import GrantExceedsOwn, IdentityProviderInvalid, IdentityProviderUnknown
from services.auth.domain.federation.providers import NONE, Kind, find_problems
from services.auth.domain.permissions import find_excess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from services.auth.domain.accounts import Directory, Granter
    from services.auth.domain.audit import Audit
    from services.auth.domain.federation.identities import LinkedIdentities
    from services.auth.domain.federation.providers import Provider, Providers, ProviderSecrets
    from services.auth.domain.grants import Grants


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderGuard:
    """Guards changes of providers, as `Grants` guards those of users.

    Whoever says what a provider's word is may speak it: by a change they could be any of those who sign in by it, so
    they have to hold what all of those hold, beside the roles that it gives.
    """

    providers: Providers
    """Reads providers."""
    secrets: ProviderSecrets
    """Keeps their secrets."""
    identities: LinkedIdentities
    """Says who signs in by them."""
    directory: Directory
    """Says what granters hold."""
    grants: Grants
    """Holds granters to it."""
    audit: Audit
    """Writes down who may be believed."""
    check_certificate: Callable[[str], str]
    """Returns what is wrong with a certificate, or nothing."""
    private: bool = False
    """Whether a provider may be on this machine or in a private network, for tests and laptops."""

    @asynccontextmanager
    async def creating(self, granter: Granter, provider: Provider) -> AsyncIterator[None]:
        """Guard the making of a provider. Raises `IdentityProviderInvalid`, `GrantExceedsOwn`, `RoleUnknown`."""
        async with self.grants.giving(granter, provider.default_roles):
            self._check(provider)
            yield
            await self._note("identity_provider.created", granter, provider.display_name)

    @asynccontextmanager
    async def changing(self, granter: Granter, name: str) -> AsyncIterator[None]:
        """Guard a change or the deletion of a provider, with which its secret and its identities go.

        Raises:
            GrantExceedsOwn: those who sign in by it hold what the granter does not, or it would give that.
            IdentityProviderInvalid: it could not be spoken to, or not be believed.
        """
        organization = granter.organization

        async def find() -> Assignment | None:
            found = await self.providers.find_own(organization, name)
            return Assignment(roles=frozenset(found.default_roles)) if found else None

        async with self.grants.changing_assignment(granter, find):
            held = await self.identities.list_held(organization, name)
            if excess := find_excess(held, await find_held(self.directory, granter)):
                raise GrantExceedsOwn(excess)
            before = await self.providers.find_own(organization, name)
            yield
            after = await self.providers.find_own(organization, name)
            if after is not None:
                self._check(after)
            elif before is not None:
                await self.secrets.remove(organization, name)
                await self.identities.remove_all(organization, name)
            if before != after:
                kind = "identity_provider.updated" if after else "identity_provider.deleted"
                await self._note(kind, granter, name)

    async def set_secret(self, granter: Granter, name: str, secret: str) -> None:
        """Keep what we prove ourselves by to an OpenID provider. Raises `IdentityProviderUnknown`, and as above."""
        async with self.changing(granter, name):
            found = await self.providers.find_own(granter.organization, name)
            if found is None:
                raise IdentityProviderUnknown(name)
            if found.kind is not Kind.OIDC or found.authentication == NONE:
                raise IdentityProviderInvalid({"token_endpoint_auth_method": "needs no secret"})
            await self.secrets.set_secret(granter.organization, name, secret)
            await self._note("identity_provider.secret_set", granter, name)

    def _check(self, provider: Provider) -> None:
        problems = find_problems(provider, private=self.private)
        for index, certificate in enumerate(provider.certificates):
            if problem := self.check_certificate(certificate):
                problems[f"identity_provider.certificates[{index}]"] = problem
        if problems:
            raise IdentityProviderInvalid(problems)

    async def _note(self, kind: str, granter: Granter, subject: str) -> None:
        entry = AuditEntry(kind=kind, organization=granter.organization, actor=granter.subject, subject=subject)
        await self.audit.record(entry)
