"""Why a session does not live on."""

from __future__ import annotations

from services.auth.domain.errors.domain import DOMAIN
from services.chassis.errors import Unauthenticated


class RefreshTokenInvalid(Unauthenticated):
    """The refresh token renews nothing."""

    domain = DOMAIN
    reason = "REFRESH_TOKEN_INVALID"

    def __init__(self) -> None:
        """Say the one sentence for every cause."""
        super().__init__("The refresh token is unknown, expired or revoked. Sign in again.")


class RefreshTokenReused(Unauthenticated):
    """The refresh token was used up before: either its use or this one is theft."""

    domain = DOMAIN
    reason = "REFRESH_TOKEN_REUSED"

    def __init__(self) -> None:
        """Say that the session has ended."""
        super().__init__("The refresh token was used before, so the session has ended. Sign in again.")
