"""Checks passwords against hashes that other systems have made: bcrypt, scrypt, PBKDF2, and other argon2 than ours.

family    written as
───────   ──────────────────────────────────────────────────────────────────────────────────────────────────────
bcrypt    `$2b$12$…`, also `$2a$` and `$2y$`
scrypt    `$scrypt$ln=15,r=8,p=1$<salt>$<key>`
PBKDF2    `$pbkdf2-sha256$i=600000$<salt>$<key>` (also sha1 and sha512, and `$600000$` for `$i=600000$`);
          `pbkdf2_sha256$600000$<salt>$<key>`, as Django has it, whose salt is its own text
argon2    `$argon2id$v=19$m=…,t=…,p=…$<salt>$<key>`, also argon2i and argon2d

Salts and keys are base64, of either alphabet, padded or not; passlib writes `.` for `+`. What costs more than the
bounds here is refused when it is imported: whoever signs in would keep a server busy for seconds.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re

import bcrypt
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

MAX_BCRYPT_COST = 14
"""As many doublings: about a second."""

MAX_SCRYPT_BYTES = 128 * 1024 * 1024
"""Memory of one scrypt."""

MAX_PBKDF2_ITERATIONS = 2_000_000
"""Rounds of one PBKDF2."""

MAX_ARGON2_KIB = 256 * 1024
"""Memory of one argon2, in KiB; times its passes it is at most four times that."""

BCRYPT_BYTES = 72
"""Bytes of a password that bcrypt looks at: those who made the hash looked at no more."""

_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_SCRYPT = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([^$]{1,200})\$([^$]{16,200})")
_PBKDF2 = re.compile(r"\$pbkdf2-(sha1|sha256|sha512)\$(?:i=)?(\d{1,9})\$([^$]{1,200})\$([^$]{16,200})")
_DJANGO = re.compile(r"pbkdf2_(sha1|sha256|sha512)\$(\d{1,9})\$([^$]{1,200})\$([^$]{16,200})")
_ARGON2 = re.compile(r"\$argon2(?:id|i|d)\$.{20,400}")
_VERIFIER = PasswordHasher()


def problem_of(encoded: str) -> str:
    """Return why nobody could sign in by that hash, or nothing where everything is well."""
    try:
        return _cost_problem(encoded)
    except (ValueError, binascii.Error, InvalidHashError):
        return "The hash is not well-formed."


def matches(encoded: str, password: bytes) -> bool:
    """Whether the password is the one that was hashed; blocks for as long as the hash takes."""
    if problem_of(encoded):
        return False
    if _BCRYPT.fullmatch(encoded):
        return bcrypt.checkpw(password[:BCRYPT_BYTES], encoded.encode())
    if _ARGON2.fullmatch(encoded):
        return _argon2_matches(encoded, password)
    wanted, made = _derive(encoded, password)
    return hmac.compare_digest(wanted, made)


def _cost_problem(encoded: str) -> str:
    if found := _BCRYPT.fullmatch(encoded):
        return "" if int(found[1]) <= MAX_BCRYPT_COST else f"The cost of bcrypt is above {MAX_BCRYPT_COST}."
    if found := _SCRYPT.fullmatch(encoded):
        cost, block, lanes = 1 << int(found[1]), int(found[2]), int(found[3])
        _decode(found[4]), _decode(found[5])
        fits = cost > 1 and block and lanes and 128 * cost * block * lanes <= MAX_SCRYPT_BYTES
        return "" if fits else f"This scrypt takes more than {MAX_SCRYPT_BYTES >> 20} MiB."
    if found := _PBKDF2.fullmatch(encoded) or _DJANGO.fullmatch(encoded):
        _decode(found[4])
        fits = 0 < int(found[2]) <= MAX_PBKDF2_ITERATIONS
        return "" if fits else f"PBKDF2 has more than {MAX_PBKDF2_ITERATIONS:,} rounds."
    if _ARGON2.fullmatch(encoded):
        told = extract_parameters(encoded)
        fits = told.memory_cost <= MAX_ARGON2_KIB and told.memory_cost * told.time_cost <= 4 * MAX_ARGON2_KIB
        return "" if fits else f"This argon2 takes more than {MAX_ARGON2_KIB >> 10} MiB, or too many passes."
    return "The hash is none that is known: bcrypt, scrypt, PBKDF2 and argon2 are."


def _derive(encoded: str, password: bytes) -> tuple[bytes, bytes]:
    """Return the key of a hash, and the one that the password makes."""
    if found := _SCRYPT.fullmatch(encoded):
        key, cost = _decode(found[5]), 1 << int(found[1])
        block, lanes = int(found[2]), int(found[3])
        made = hashlib.scrypt(
            password, salt=_decode(found[4]), n=cost, r=block, p=lanes, maxmem=2 * MAX_SCRYPT_BYTES, dklen=len(key)
        )
        return key, made
    own = _PBKDF2.fullmatch(encoded)
    found = own or _DJANGO.fullmatch(encoded)
    if found is None:
        raise ValueError("No such hash.")
    salt, key = _decode(found[3]) if own else found[3].encode(), _decode(found[4])
    return key, hashlib.pbkdf2_hmac(found[1], password, salt, int(found[2]), dklen=len(key))


def _argon2_matches(encoded: str, password: bytes) -> bool:
    try:
        return _VERIFIER.verify(encoded, password)
    except (VerificationError, InvalidHashError):
        return False


def _decode(text: str) -> bytes:
    plain = text.rstrip("=").translate(str.maketrans("-_.", "+/+"))
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
