"""Puts auth together, one module for each topic: adapters below, the domain between, servicers and pages above.

A topic's `wire` takes the kit, which all topics share, and gives a part. To add a topic, write its module and name it
in `TOPICS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.wiring import (
    access,
    accounts,
    administration,
    audit,
    factors,
    federation,
    keys,
    machines,
    mail,
    oauth,
    organizations,
    pages,
    revocations,
)
from services.auth.wiring.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.wiring.kit import Kit

TOPICS: tuple[Callable[[Kit], Part], ...] = (
    access.wire,
    accounts.wire,
    administration.wire,
    audit.wire,
    factors.wire,
    federation.wire,
    keys.wire,
    oauth.wire,
    organizations.wire,
    revocations.wire,
    pages.wire,
    mail.wire,
    machines.wire,
)
"""What auth is made of."""


def wire_topics(kit: Kit) -> Part:
    """Return all parts as one. Raises ValueError where two of them serve the same service."""
    whole = Part()
    for wire in TOPICS:
        whole = whole.joined(wire(kit))
    return whole
