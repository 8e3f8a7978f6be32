"""Wires the exchange of tokens by services that go on in their callers' names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.oauth.clients import TOKEN_EXCHANGE
from services.auth.domain.oauth.exchange import ExchangeGrant
from services.auth.wiring.oauth_parts import Extension

if TYPE_CHECKING:
    from services.auth.wiring.oauth_parts import Parts


def extend(parts: Parts) -> Extension:
    """Add the grant."""
    storage = parts.kit.storage
    grant = ExchangeGrant(
        reading=parts.reading,
        directory=storage.directory,
        tokens=storage.tokens,
        audit=parts.audit,
        clock=parts.clock,
    )
    return Extension(grants={TOKEN_EXCHANGE: grant})
