"""Codes of authenticator apps (RFC 6238, with the parameters that every app knows: SHA-1, six digits, 30 seconds)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote, urlencode

PERIOD = 30
"""Seconds for which a code is shown."""

DIGITS = 6
"""Digits of a code."""

WINDOW = 1
"""Steps before and after the present one whose codes are taken too: clocks differ (RFC 6238 §5.2)."""

_SEED_BYTES = 20


def generate_seed() -> bytes:
    """Return a seed of 160 random bits, as RFC 4226 §4 recommends."""
    return secrets.token_bytes(_SEED_BYTES)


def code_at(seed: bytes, step: int) -> str:
    """Return the code of a time step (RFC 4226 §5.3)."""
    digest = hmac.new(seed, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_at(seconds: float) -> int:
    """Return the time step of a moment of the Unix epoch."""
    return int(seconds // PERIOD)


def match_step(seed: bytes, code: str, seconds: float) -> int | None:
    """Return the latest step within the window whose code this is, or None. It takes as long for every code."""
    present, found = step_at(seconds), None
    given = "".join(code.split()).encode("utf-8", "replace")
    for step in range(present - WINDOW, present + WINDOW + 1):
        if hmac.compare_digest(code_at(seed, step).encode(), given):
            found = step
    return found


def provisioning_uri(seed: bytes, *, account: str, issuer: str) -> str:
    """Return the `otpauth://` address that an app reads from a QR code (Key Uri Format)."""
    secret = base64.b32encode(seed).decode().rstrip("=")
    query = urlencode({"secret": secret, "issuer": issuer, "digits": DIGITS, "period": PERIOD}, quote_via=quote)
    return f"otpauth://totp/{quote(issuer, safe='')}:{quote(account, safe='')}?{query}"


def readable_seed(seed: bytes) -> str:
    """Return the seed in base32, in groups of four, for people who type it."""
    text = base64.b32encode(seed).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))
