"""Carries through our pages where somebody goes afterwards, so that nobody else can choose the place."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.chassis.keyring import SealBroken

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.domain.families import Seal

_CONTEXT = b"return address"
_LIFETIME = timedelta(minutes=15)


class ReturnAddresses:
    """Addresses that a client has registered, sealed for a while."""

    def __init__(self, seal: Seal, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Take what seals, in all processes alike, and a clock."""
        self._seal = seal
        self._clock = clock

    def seal(self, uri: str) -> str:
        """Return what the pages carry."""
        content = json.dumps([uri, int((self._clock() + _LIFETIME).timestamp())]).encode()
        return base64.urlsafe_b64encode(self._seal.seal(content, _CONTEXT)).rstrip(b"=").decode()

    def open(self, token: str) -> str:
        """Return the address, or nothing where the token is none of ours or too old."""
        try:
            sealed = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
            uri, expires = json.loads(self._seal.open(sealed, _CONTEXT)) if token else ("", 0)
        except (SealBroken, ValueError, binascii.Error):
            return ""
        return str(uri) if self._clock().timestamp() < expires else ""
