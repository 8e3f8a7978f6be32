"""Wires what was revoked: read each second, asked by auth's verifier, and served to everybody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.http.revocations import routes
from services.auth.wiring.part import Part

if TYPE_CHECKING:
    from services.auth.wiring.kit import Kit


def wire(kit: Kit) -> Part:
    """Serve the set, and keep it fresh."""
    kit.revoked.measure(kit.frame.telemetry)
    return Part(routes=routes(kit.revoked), tasks=(kit.revoked.run,))
