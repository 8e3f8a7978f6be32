"""Wires clients that register themselves, where that is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.accounts import DEFAULT_ORGANIZATION
from services.auth.domain.oauth.clients import AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN
from services.auth.domain.oauth.metadata import Terms
from services.auth.domain.oauth.self_registration import SelfRegistration
from services.auth.http.oauth import register
from services.auth.http.oauth.register import Policy
from services.auth.storage.registrations import RecordRegistrations
from services.auth.wiring.oauth_parts import Extension

if TYPE_CHECKING:
    from services.auth.wiring.oauth_parts import Parts

WEB = frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN})


def extend(parts: Parts) -> Extension:
    """Add the endpoints, where they are switched on."""
    kit = parts.kit
    who, issuer = kit.settings.registration, kit.frame.settings.issuer
    if who == "off":
        return Extension()
    registration = SelfRegistration(
        kept=RecordRegistrations(kit.keeper, kit.storage.database),
        secrets=parts.registered,
        registering=parts.registering,
        signer=parts.signer,
        audit=parts.audit,
        issuer=issuer,
        clock=parts.clock,
    )
    policy = Policy(
        organization=DEFAULT_ORGANIZATION if who == "open" else "",
        unknown=Terms(grants=WEB),
        vouched=Terms(grants=WEB | {DEVICE_CODE}, permissions=True),
    )
    return Extension(
        metadata={"registration_endpoint": issuer + register.PATH},
        routes=lambda provider: register.routes(provider, registration, policy),
    )
