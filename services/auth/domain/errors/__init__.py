"""Every way in which a call to auth fails, as `tenon.auth.v1.ErrorReason` lists them, one module for each topic."""

from __future__ import annotations

from services.auth.domain.errors.accounts import UserDisabled, UserUnknown
from services.auth.domain.errors.granting import GrantExceedsOwn, LastAdministrator, RoleInUse, RoleUnknown
from services.auth.domain.errors.sessions import RefreshTokenInvalid, RefreshTokenReused
from services.auth.domain.errors.sign_in import (
    CurrentPasswordWrong,
    HashingBusy,
    SignInFailed,
    SignInThrottled,
    ThrottleUnavailable,
)
from services.auth.domain.errors.tokens import SigningKeyMissing, TokenTooLarge

__all__ = [
    "CurrentPasswordWrong",
    "GrantExceedsOwn",
    "HashingBusy",
    "LastAdministrator",
    "RefreshTokenInvalid",
    "RefreshTokenReused",
    "RoleInUse",
    "RoleUnknown",
    "SignInFailed",
    "SignInThrottled",
    "SigningKeyMissing",
    "ThrottleUnavailable",
    "TokenTooLarge",
    "UserDisabled",
    "UserUnknown",
]
