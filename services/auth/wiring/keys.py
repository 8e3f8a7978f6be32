"""Wires the keys that sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.key_rotation import KeyRotation
from services.auth.http.keys import routes
from services.auth.servicer.signing_keys import SigningKeyServicer
from services.auth.wiring.audit import audit_of
from services.auth.wiring.part import Part

if TYPE_CHECKING:
    from services.auth.wiring.kit import Kit


def wire(kit: Kit) -> Part:
    """Publish the keys, and exchange them when an operator asks for it."""
    storage = kit.storage
    rotation = KeyRotation(
        kept=storage.keys,
        rotation=kit.settings.rotation,
        revocations=storage.revocations,
        changes=storage.database,
        audit=audit_of(kit),
    )
    servicer = SigningKeyServicer(rotation=rotation, forget=storage.published.forget)
    return Part(servicers={"tenon.auth.v1.SigningKeyService": servicer}, routes=routes(storage.published))
