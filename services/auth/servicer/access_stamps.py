"""Tokens that stand for states, so that an answer can be asked for that is as fresh as a change."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from services.auth.domain.errors.access import CheckedAtUnknown
from services.chassis.keyring import SealBroken

if TYPE_CHECKING:
    from services.chassis.keyring import Sealer

_LENGTH = 8


class Stamps:
    """Makes and reads them; each is good in one organization."""

    def __init__(self, sealer: Sealer) -> None:
        """Take what seals."""
        self._sealer = sealer

    def make(self, organization: str, revision: int) -> str:
        """Return the token of a state."""
        sealed = self._sealer.seal(revision.to_bytes(_LENGTH, "big"), organization.encode())
        return base64.urlsafe_b64encode(sealed).decode()

    def read(self, organization: str, token: str) -> int:
        """Return the state that a token stands for, or 0 for no token. Raises `CheckedAtUnknown`."""
        if not token:
            return 0
        try:
            return int.from_bytes(self._sealer.open(base64.urlsafe_b64decode(token), organization.encode()), "big")
        except (SealBroken, binascii.Error, ValueError) as error:
            raise CheckedAtUnknown from error
