"""Wires the keys that sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.http.keys import routes
from services.auth.wiring.part import Part

if TYPE_CHECKING:
    from services.auth.wiring.kit import Kit


def wire(kit: Kit) -> Part:
    """Publish the keys."""
    return Part(routes=routes(kit.storage.published))
