"""Every way in which a call to auth fails, as `tenon.auth.v1.ErrorReason` lists them, one module for each topic."""

from __future__ import annotations

from services.auth.domain.errors.accounts import UserDisabled, UserUnknown
from services.auth.domain.errors.factors import (
    AuthenticatorExists,
    AuthenticatorUnknown,
    EnrolmentInvalid,
    FactorNotOffered,
    LevelOutOfReach,
    MailedProofInvalid,
    PasswordUnsuitable,
    ReauthenticationNeeded,
    SecondFactorMissing,
    SessionUnknown,
    SignInExpired,
    SignInOvertaken,
    SignInUnfinished,
    TooManyAuthenticators,
)
from services.auth.domain.errors.granting import GrantExceedsOwn, LastAdministrator, RoleInUse, RoleUnknown
from services.auth.domain.errors.oauth import (
    ClientInvalid,
    ClientPublic,
    ClientUnknown,
    ConsentUnknown,
    FlowUnknown,
    SecretsFull,
)
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
    "AuthenticatorExists",
    "AuthenticatorUnknown",
    "ClientInvalid",
    "ClientPublic",
    "ClientUnknown",
    "ConsentUnknown",
    "CurrentPasswordWrong",
    "EnrolmentInvalid",
    "FactorNotOffered",
    "FlowUnknown",
    "GrantExceedsOwn",
    "HashingBusy",
    "LastAdministrator",
    "LevelOutOfReach",
    "MailedProofInvalid",
    "PasswordUnsuitable",
    "ReauthenticationNeeded",
    "RefreshTokenInvalid",
    "RefreshTokenReused",
    "RoleInUse",
    "RoleUnknown",
    "SecondFactorMissing",
    "SecretsFull",
    "SessionUnknown",
    "SignInExpired",
    "SignInFailed",
    "SignInOvertaken",
    "SignInThrottled",
    "SignInUnfinished",
    "SigningKeyMissing",
    "ThrottleUnavailable",
    "TokenTooLarge",
    "TooManyAuthenticators",
    "UserDisabled",
    "UserUnknown",
]
