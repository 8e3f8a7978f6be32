"""Why no token is signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.errors.domain import DOMAIN
from services.chassis.errors import FailedPrecondition, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Collection


class TokenTooLarge(FailedPrecondition):
    """The user's roles grant more patterns than a token can carry."""

    domain = DOMAIN
    reason = "TOKEN_TOO_LARGE"

    def __init__(self, size: int, limit: int) -> None:
        """Take how large the token is and may be, in bytes."""
        super().__init__(
            "The user's roles grant more permissions than an access token can carry. "
            "Grant wider patterns, such as `commerce.*` in place of its parts, or give fewer roles.",
            metadata={"bytes": str(size), "limit": str(limit)},
        )


class SigningKeyMissing(Unavailable):
    """No key signs tokens yet."""

    domain = DOMAIN
    reason = "SIGNING_KEY_MISSING"

    def __init__(self) -> None:
        """Say that it will pass."""
        super().__init__("No key signs tokens yet. Try again.", retry_after=1.0)


class SigningKeyUnknown(NotFound):
    """No such key is published."""

    domain = DOMAIN
    reason = "SIGNING_KEY_UNKNOWN"

    def __init__(self, keys: Collection[str]) -> None:
        """Take the names."""
        listed = ", ".join(sorted(keys)[:20])
        super().__init__(f"There is no {listed}. See which keys there are.", metadata={"keys": listed})
