"""Whether people whose passwords another system has hashed sign in by them."""

from __future__ import annotations

import base64
import hashlib

import bcrypt
import pytest
from argon2 import PasswordHasher, Type

from services.auth.storage.foreign_hashes import matches, problem_of

PASSWORD = "correct horse battery stäple".encode()


def b64(value: bytes, *, passlib: bool = False) -> str:
    text = base64.b64encode(value).decode()
    return text.rstrip("=").replace("+", ".") if passlib else text


def pbkdf2(kind: str, rounds: int, salt: bytes = b"salt" * 4) -> bytes:
    return hashlib.pbkdf2_hmac(kind, PASSWORD, salt, rounds)


SCRYPT = hashlib.scrypt(PASSWORD, salt=b"salt" * 4, n=1 << 10, r=8, p=1, dklen=32)
HASHES = {
    "bcrypt": bcrypt.hashpw(PASSWORD, bcrypt.gensalt(4)).decode(),
    "bcrypt of PHP": bcrypt.hashpw(PASSWORD, bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$"),
    "scrypt": f"$scrypt$ln=10,r=8,p=1${b64(b'salt' * 4)}${b64(SCRYPT)}",
    "scrypt of passlib": f"$scrypt$ln=10,r=8,p=1${b64(b'salt' * 4, passlib=True)}${b64(SCRYPT, passlib=True)}",
    "PBKDF2": f"$pbkdf2-sha512$i=1000${b64(b'salt' * 4)}${b64(pbkdf2('sha512', 1000))}",
    "PBKDF2 of passlib": "$pbkdf2-sha256$1000$"
    + "$".join(b64(part, passlib=True) for part in (b"salt" * 4, pbkdf2("sha256", 1000))),
    "PBKDF2 of Django": f"pbkdf2_sha256$1000$NaCl${b64(pbkdf2('sha256', 1000, b'NaCl'))}",
    "argon2i": PasswordHasher(time_cost=1, memory_cost=1024, parallelism=2, type=Type.I).hash(PASSWORD),
}


@pytest.mark.parametrize("encoded", HASHES.values(), ids=HASHES.keys())
def test_the_password_that_was_hashed_matches_and_no_other(encoded: str) -> None:
    assert problem_of(encoded) == ""
    assert matches(encoded, PASSWORD)
    assert not matches(encoded, PASSWORD + b"!")
    assert not matches(encoded, b"")


@pytest.mark.parametrize(
    ("encoded", "said"),
    [
        ("$2b$15$" + "a" * 53, "above 14"),
        ("$scrypt$ln=20,r=8,p=1$c2FsdA$" + "a" * 43, "MiB"),
        ("$scrypt$ln=10,r=0,p=1$c2FsdA$" + "a" * 43, "MiB"),
        ("$pbkdf2-sha256$i=2000001$c2FsdA$" + "a" * 43, "rounds"),
        ("$pbkdf2-sha256$i=0$c2FsdA$" + "a" * 43, "rounds"),
        ("$pbkdf2-sha256$i=10$c2FsdA$" + "a" * 41, "well-formed"),
        ("$argon2id$v=19$m=1048576,t=1,p=1$c2FsdHNhbHQ$" + "a" * 43, "MiB"),
        ("$argon2id$nonsense, and more of it", "well-formed"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "none that is known"),
        ("password", "none that is known"),
        ("", "none that is known"),
    ],
)
def test_what_nobody_could_sign_in_by_says_why(encoded: str, said: str) -> None:
    assert said in problem_of(encoded)
    assert not matches(encoded, PASSWORD)


def test_bcrypt_looks_at_as_much_of_a_password_as_it_did_elsewhere() -> None:
    long = b"x" * 80
    encoded = bcrypt.hashpw(long[:72], bcrypt.gensalt(4)).decode()
    assert matches(encoded, long)
