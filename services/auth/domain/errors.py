"""Every way in which a call to auth fails, as `tenon.auth.v1.ErrorReason` lists them.

SignInFailed          Unauthenticated     RefreshTokenInvalid   Unauthenticated
SignInThrottled       ResourceExhausted   RefreshTokenReused    Unauthenticated
ThrottleUnavailable   Unavailable         CurrentPasswordWrong  PermissionDenied
HashingBusy           ResourceExhausted   GrantExceedsOwn       PermissionDenied
LastAdministrator     FailedPrecondition  RoleInUse             FailedPrecondition
RoleUnknown           InvalidArgument     UserUnknown           NotFound
UserDisabled          FailedPrecondition  TokenTooLarge         FailedPrecondition
SigningKeyMissing     Unavailable
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Violation,
)

if TYPE_CHECKING:
    from collections.abc import Collection

DOMAIN = "auth.tenon"
"""The domain of these reasons in `google.rpc.ErrorInfo`."""


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


class CurrentPasswordWrong(PermissionDenied):
    """The caller does not know the password that they want to change."""

    domain = DOMAIN
    reason = "CURRENT_PASSWORD_WRONG"

    def __init__(self) -> None:
        """Say what is wrong."""
        super().__init__("The current password is wrong.")


class GrantExceedsOwn(PermissionDenied):
    """Somebody would give, or change, what they do not hold themselves."""

    domain = DOMAIN
    reason = "GRANT_EXCEEDS_OWN"

    def __init__(self, permissions: Collection[str]) -> None:
        """Take the patterns that the caller does not hold."""
        listed = ", ".join(sorted(permissions)[:20])
        super().__init__(
            f"This concerns permissions that you do not hold: {listed}. Ask somebody who holds them.",
            metadata={"permissions": listed},
        )


class LastAdministrator(FailedPrecondition):
    """The organization would lock itself out."""

    domain = DOMAIN
    reason = "LAST_ADMINISTRATOR"

    def __init__(self, organization: str) -> None:
        """Take the organization."""
        super().__init__(
            "Nobody would be left who may do everything. Give a second user a role with the permission `*` first.",
            metadata={"organization": organization},
        )


class RoleInUse(FailedPrecondition):
    """A user has the role."""

    domain = DOMAIN
    reason = "ROLE_IN_USE"

    def __init__(self, role: str) -> None:
        """Take the role's name."""
        super().__init__(f"A user has {role}. Take it from everybody first.", metadata={"role": role})


class RoleUnknown(InvalidArgument):
    """A role that is to be given does not exist."""

    domain = DOMAIN
    reason = "ROLE_UNKNOWN"

    def __init__(self, roles: Collection[str]) -> None:
        """Take the roles' names."""
        listed = ", ".join(sorted(roles)[:20])
        message = f"There is no role {listed}. Create it first."
        violation = Violation(field="user.roles", description=message, reason=self.reason)
        super().__init__(message, violations=[violation], metadata={"roles": listed})


class UserUnknown(NotFound):
    """There is no such user."""

    domain = DOMAIN
    reason = "USER_UNKNOWN"

    def __init__(self, organization: str) -> None:
        """Take the organization in which nobody was found."""
        super().__init__(
            f"There is no such user in the organization {organization}.", metadata={"organization": organization}
        )


class UserDisabled(FailedPrecondition):
    """The user may not sign in."""

    domain = DOMAIN
    reason = "USER_DISABLED"

    def __init__(self, user: str) -> None:
        """Take the user's name."""
        super().__init__(f"{user} is disabled. Update it with `disabled: false`.", metadata={"user": user})


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
