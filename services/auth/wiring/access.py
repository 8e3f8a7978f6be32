"""Wires relations, conditions and decisions, their AuthZEN doors, and the catalogue of permissions."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.auth.domain.access.catalogue import Catalogue
from services.auth.domain.access.decisions import Decisions
from services.auth.domain.access.explaining import Explaining
from services.auth.domain.access.listing import Listing
from services.auth.domain.access.writing import AccessWriting
from services.auth.http.authzen import AuthzenDoor, routes
from services.auth.http.keys import render_jwks
from services.auth.servicer.access import AccessServicer
from services.auth.servicer.access_models import AccessModelServicer
from services.auth.servicer.access_stamps import Stamps
from services.auth.servicer.permissions import PermissionServicer, read_rules
from services.auth.servicer.relations import RelationServicer
from services.auth.storage.conditions import CelConditions
from services.auth.storage.relations import SqlRelations
from services.auth.storage.role_book import SqlRoleBook
from services.auth.wiring.audit import audit_of
from services.auth.wiring.part import Part
from services.chassis.errors import TenonError
from services.chassis.jwks import Jwks
from services.chassis.tokens import TokenVerifier
from services.records.reading.pages import PageTokens

if TYPE_CHECKING:
    from services.auth.wiring.kit import Kit

PERIOD = 300.0
"""Seconds after which relations that have expired are forgotten; they count for nothing before."""

_log = logging.getLogger(__name__)


def wire(kit: Kit) -> Part:
    """Serve AccessService, AccessModelService, RelationService, PermissionService and AuthZEN."""
    storage, keyring, settings = kit.storage, kit.frame.keyring, kit.frame.settings
    store, conditions = SqlRelations(storage.database), CelConditions()
    decisions = Decisions(store=store, conditions=conditions, directory=storage.directory)
    listing = Listing(decisions=decisions)
    writing = AccessWriting(
        store=store,
        conditions=conditions,
        changes=storage.database,
        models=decisions.models,
        audit=audit_of(kit),
        clock=decisions.clock,
    )
    catalogue = Catalogue(rules=lambda: read_rules(kit.frame.contract), roles=SqlRoleBook(storage.database))
    stamps, tokens = Stamps(keyring.sealer("auth access state")), PageTokens(keyring)
    explaining = Explaining(decisions=decisions, directory=storage.directory)
    keys = Jwks(fetch=lambda: render_jwks(storage.published))
    door = AuthzenDoor(
        decisions=decisions,
        listing=listing,
        catalogue=catalogue,
        tokens=tokens,
        verifier=TokenVerifier(keys=keys, revoked=kit.revoked, issuer=settings.issuer, audience=settings.audience),
        issuer=settings.issuer,
    )
    return Part(
        servicers={
            "tenon.auth.v1.AccessService": AccessServicer(
                decisions=decisions, listing=listing, explaining=explaining, stamps=stamps, tokens=tokens
            ),
            "tenon.auth.v1.AccessModelService": AccessModelServicer(writing=writing, store=store),
            "tenon.auth.v1.RelationService": RelationServicer(
                writing=writing, store=store, stamps=stamps, tokens=tokens
            ),
            "tenon.auth.v1.PermissionService": PermissionServicer(catalogue=catalogue),
        },
        routes=routes(door),
        tasks=(keys.run, lambda: _prune(store)),
    )


async def _prune(store: SqlRelations) -> None:
    """Forget expired relations in every period, until cancelled."""
    while True:
        try:
            await store.prune(datetime.now(UTC))
        except TenonError as error:
            _log.warning("expired relations are forgotten later: %s", error.message)
        await asyncio.sleep(PERIOD)
