"""Which address somebody has shown to be theirs."""

from __future__ import annotations

from typing import Protocol


class VerifiedAddresses(Protocol):
    """Keeps, for each user, the one address that they have shown to be theirs.

    It is the address that is kept, so that another one is not verified by itself, whoever has changed it and however.
    """

    async def verify(self, organization: str, user: str, email: str) -> bool:
        """Keep that the address is the user's; return False, and keep nothing, where it is not their address now."""

    async def forget(self, organization: str, user: str) -> None:
        """Forget that an address of the user's was verified."""

    async def is_verified(self, organization: str, user: str) -> bool:
        """Whether the user's present address is verified."""
