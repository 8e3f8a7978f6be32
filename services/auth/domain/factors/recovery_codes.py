"""Codes of which each signs in once, for whoever has lost their device."""

from __future__ import annotations

import hashlib
import secrets

COUNT = 10
"""Codes of one list."""

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH = 24
_GROUP = 4


def generate_codes() -> list[str]:
    """Return new codes of 120 random bits each, in groups of four letters.

    Above 112 bits no slow hash is needed (ASVS 5.0 6.5.2), so that one look-up finds a code among all of a list.
    """
    texts = ("".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(COUNT))
    return ["-".join(text[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP)) for text in texts]


def digest_of_code(code: str) -> bytes:
    """Return what is kept of a code; case, spaces and hyphens do not matter to whoever types it."""
    plain = "".join(character for character in code.upper() if character.isalnum())
    return hashlib.sha256(b"recovery code\0" + plain.encode("utf-8", "replace")).digest()
