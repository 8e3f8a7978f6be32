"""Wires sign-in by identity providers; other topics get the parts from here."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.auth.domain.federation.federating import Federating
from services.auth.domain.federation.guarding import ProviderGuard
from services.auth.domain.federation.linking import Linking
from services.auth.domain.federation.providers import Kind
from services.auth.servicer.identity_providers import IdentityProviderServicer
from services.auth.servicer.linked_identities import LinkedIdentityServicer
from services.auth.storage.federation.certificates import check_certificate
from services.auth.storage.federation.fetching import Fetching
from services.auth.storage.federation.identities import SqlLinkedIdentities
from services.auth.storage.federation.oidc import OidcSpeaking
from services.auth.storage.federation.providers import SqlProviders, SqlProviderSecrets
from services.auth.storage.federation.saml import SamlSpeaking
from services.auth.storage.federation.waiting import SqlUsedAssertions, SqlWaitingRoom
from services.auth.storage.invitations import RecordJoining
from services.auth.wiring.audit import audit_of
from services.auth.wiring.factors import factors_of
from services.auth.wiring.organizations import address_rules_of
from services.auth.wiring.part import Part
from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from services.auth.wiring.kit import Kit

PERIOD = 60.0
"""Seconds after which is forgotten what has expired."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class FederationKit:
    """The adapters that this topic is made of."""

    providers: SqlProviders
    """Reads providers."""
    secrets: SqlProviderSecrets
    """Keeps what we prove ourselves by."""
    identities: SqlLinkedIdentities
    """Keeps whose identities are."""
    waiting: SqlWaitingRoom
    """Keeps what waits."""
    fetching: Fetching
    """Fetches from providers."""
    saml: SamlSpeaking
    """Speaks SAML."""


def federation_of(kit: Kit) -> FederationKit:
    """Return the adapters, on the storage that is open."""
    database, keyring = kit.storage.database, kit.frame.keyring
    secrets = SqlProviderSecrets(database, keyring.sealer("auth provider secret"))
    return FederationKit(
        providers=SqlProviders(database),
        secrets=secrets,
        identities=SqlLinkedIdentities(database),
        waiting=SqlWaitingRoom(database, keyring.sealer("auth federation")),
        fetching=Fetching(private=kit.settings.federation_private),
        saml=SamlSpeaking(keys=secrets, used=SqlUsedAssertions(database), issuer=kit.frame.settings.issuer),
    )


def federating_of(kit: Kit) -> Federating:
    """Return what leads people to providers and back."""
    parts, storage = federation_of(kit), kit.storage
    oidc = OidcSpeaking(fetching=parts.fetching, secrets=parts.secrets, issuer=kit.frame.settings.issuer)
    return Federating(
        providers=parts.providers,
        speaking={Kind.OIDC: oidc, Kind.SAML: parts.saml},
        waiting=parts.waiting,
        identities=parts.identities,
        directory=storage.directory,
        joining=RecordJoining(kit.keeper, storage.database),
        addresses=factors_of(kit).addresses,
        rules=address_rules_of(kit),
        changes=storage.database,
        audit=audit_of(kit),
    )


def linking_of(kit: Kit) -> Linking:
    """Return what links and unlinks identities."""
    parts, factors = federation_of(kit), factors_of(kit)
    return Linking(
        providers=parts.providers,
        identities=parts.identities,
        waiting=parts.waiting,
        directory=kit.storage.directory,
        addresses=factors.addresses,
        changes=kit.storage.database,
        notices=factors.notices,
    )


def wire(kit: Kit) -> Part:
    """Serve providers and linked identities, and forget what has expired."""
    parts = federation_of(kit)
    guard = ProviderGuard(
        providers=parts.providers,
        secrets=parts.secrets,
        identities=parts.identities,
        directory=kit.storage.directory,
        grants=kit.grants,
        audit=audit_of(kit),
        check_certificate=check_certificate,
        private=kit.settings.federation_private,
    )
    linked = LinkedIdentityServicer(
        linking=linking_of(kit), directory=kit.storage.directory, trust_headers=kit.trust_headers
    )
    return Part(
        servicers={
            "tenon.auth.v1.IdentityProviderService": IdentityProviderServicer(records=kit.records, guard=guard),
            "tenon.auth.v1.LinkedIdentityService": linked,
        },
        tasks=(lambda: _forget(parts.waiting),),
    )


async def _forget(waiting: SqlWaitingRoom) -> None:
    """Forget what has expired in every period, until cancelled."""
    while True:
        try:
            await waiting.prune(now=datetime.now(UTC))
        except TenonError as error:
            _log.warning("federated sign-ins that have expired are forgotten later: %s", error.message)
        await asyncio.sleep(PERIOD)
