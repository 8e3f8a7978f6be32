"""Speaks WebAuthn by the library `webauthn`: origin, relying party, challenge and signature are checked there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import webauthn
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from services.auth.domain.factors.authenticators import PASSKEY
from services.auth.domain.factors.passkeys import Asserted, Claimed, Registered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.auth.domain.accounts import Account
    from services.auth.domain.factors.authenticators import Authenticator

_TIMEOUT_MS = 300_000
_REFUSED = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError)
"""What the library raises for an answer of somebody who means no good; none of it says anything about us."""


class WebAuthn:
    """One relying party (port `Ceremonies`)."""

    def __init__(self, *, rp_id: str, name: str, origins: Sequence[str]) -> None:
        """Take the relying party's id (a host), the name that people see, and the origins of its pages."""
        self._rp_id = rp_id
        self._name = name
        self._origins = list(origins)

    def offer_registration(self, account: Account, challenge: bytes, present: Sequence[Authenticator]) -> str:
        """Return the options of `navigator.credentials.create`."""
        options = webauthn.generate_registration_options(
            rp_id=self._rp_id,
            rp_name=self._name,
            user_id=account.name.encode(),
            user_name=account.email,
            user_display_name=account.email,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            # Who made the device is nobody's business, so no attestation is asked for.
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=_descriptors(present),
        )
        return webauthn.options_to_json(options)

    def check_registration(self, answer: str, challenge: bytes) -> Registered | None:
        """Return the new passkey."""
        try:
            made = webauthn.verify_registration_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                require_user_verification=False,
            )
            transports = _transports(answer)
        except _REFUSED:
            return None
        return Registered(
            credential=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            backup_eligible=made.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
            transports=transports,
        )

    def offer_assertion(self, challenge: bytes, allowed: Sequence[Authenticator], *, verify: bool) -> str:
        """Return the options of `navigator.credentials.get`."""
        verification = UserVerificationRequirement.REQUIRED if verify else UserVerificationRequirement.PREFERRED
        options = webauthn.generate_authentication_options(
            rp_id=self._rp_id,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            allow_credentials=_descriptors(allowed),
            user_verification=verification,
        )
        return webauthn.options_to_json(options)

    def read_assertion(self, answer: str) -> Claimed | None:
        """Return what an answer says of itself."""
        try:
            parsed = parse_authentication_credential_json(answer)
        except _REFUSED:
            return None
        return Claimed(credential=parsed.raw_id, user_handle=parsed.response.user_handle or b"")

    def check_assertion(self, answer: str, challenge: bytes, passkey: Authenticator) -> Asserted | None:
        """Return what the passkey has signed."""
        try:
            done = webauthn.verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                credential_public_key=passkey.public_key,
                # The domain compares the counts, and suspends the passkey where they went back.
                credential_current_sign_count=0,
                require_user_verification=False,
            )
        except _REFUSED:
            return None
        if done.credential_id != passkey.credential:
            return None
        return Asserted(sign_count=done.new_sign_count, verified=done.user_verified)


def _descriptors(present: Sequence[Authenticator]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=one.credential,
            transports=[AuthenticatorTransport(name) for name in one.transports if name in _KNOWN_TRANSPORTS],
        )
        for one in present
        if one.kind == PASSKEY
    ]


_KNOWN_TRANSPORTS = {transport.value for transport in AuthenticatorTransport}


def _transports(answer: str) -> tuple[str, ...]:
    listed = json.loads(answer)["response"].get("transports") or ()
    return tuple(str(name) for name in listed if name in _KNOWN_TRANSPORTS)
