"""That whoever redeems a code is who asked for it (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import re

METHOD = "S256"
"""The one method: `plain` proves nothing to whoever has read the request."""

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def is_challenge(text: str) -> bool:
    """Whether a text can be a challenge: base64url of a SHA-256 (RFC 7636 §4.2)."""
    return _CHALLENGE.fullmatch(text) is not None


def challenge_of(verifier: str) -> str:
    """Return the challenge of a verifier, or nothing where it is none (RFC 7636 §4.1)."""
    if _VERIFIER.fullmatch(verifier) is None:
        return ""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
