"""Why a sign-in or a password is refused."""

from __future__ import annotations

from services.auth.domain.errors.domain import DOMAIN
from services.chassis.errors import PermissionDenied, ResourceExhausted, Unauthenticated, Unavailable


class SignInFailed(Unauthenticated):
    """Address, password, organization or user: nobody is told which is wrong."""

    domain = DOMAIN
    reason = "SIGN_IN_FAILED"

    def __init__(self) -> None:
        """Say the one sentence that says nothing more."""
        super().__init__("The email address or the password is wrong, or the user may not sign in.")


class SignInThrottled(ResourceExhausted):
    """Too many attempts failed."""

    domain = DOMAIN
    reason = "SIGN_IN_THROTTLED"

    def __init__(self, retry_after: float) -> None:
        """Take the seconds until the next attempt counts."""
        super().__init__("Too many sign-ins failed. Wait before you try again.", retry_after=retry_after)


class ThrottleUnavailable(Unavailable):
    """Attempts cannot be counted, so that none is allowed."""

    domain = DOMAIN
    reason = "THROTTLE_UNAVAILABLE"

    def __init__(self) -> None:
        """Say that nobody can sign in just now."""
        super().__init__("Nobody can sign in just now: attempts cannot be counted. Try again.", retry_after=2.0)


class HashingBusy(ResourceExhausted):
    """More passwords wait to be checked than may."""

    domain = DOMAIN
    reason = "HASHING_BUSY"

    def __init__(self) -> None:
        """Say that the server is busy."""
        super().__init__("Too many people sign in at once. Try again.", retry_after=1.0)


class CurrentPasswordWrong(PermissionDenied):
    """The caller does not know the password that they want to change."""

    domain = DOMAIN
    reason = "CURRENT_PASSWORD_WRONG"

    def __init__(self) -> None:
        """Say what is wrong."""
        super().__init__("The current password is wrong.")
