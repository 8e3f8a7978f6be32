"""Codes and links that are sent by mail: each works once, for ten minutes, and a code for five tries."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.sessions import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

LIFETIME = timedelta(minutes=10)
"""For so long they work (NIST SP 800-63B-4 §3.1.3.2; ASVS 5.0 6.5.5)."""

MINUTES = int(LIFETIME / timedelta(minutes=1))
"""The same, for the mail."""

TRIES = 5
"""How often a code may be tried."""

SIGN_IN, RESET, VERIFY = "sign_in", "reset", "verify"
"""What for: what proves one thing proves no other."""

_DIGITS = 8
_HANDLE_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class MailedProof:
    """A code or a link, as it is kept."""

    handle: bytes
    """SHA-256 of what whoever asked for it holds."""
    purpose: str
    """What for."""
    organization: str
    """The organization of the account."""
    email: str = field(repr=False)
    """The address that it was sent to, in lower case."""
    user: str
    """Name of the account, or empty where there is none: then nothing was sent."""
    code: bytes = field(default=b"", repr=False)
    """Digest of the code; empty where it is a link."""
    link: bytes = field(default=b"", repr=False)
    """Digest of the secret in the link; empty where it is a code."""
    expires: datetime
    """When it stops working."""


class MailedProofs(Protocol):
    """Keeps what was sent by mail, by digests."""

    async def keep(self, proof: MailedProof) -> None:
        """Keep one, in place of what the same handle had before."""

    async def try_code(self, handle: bytes, *, tries: int, now: datetime) -> MailedProof | None:
        """Count a try and return the code; None where it has expired, was used, or was tried so often before."""

    async def find_link(self, link: bytes, *, now: datetime) -> MailedProof | None:
        """Return the link of that digest, if it has neither expired nor been used."""

    async def use(self, handle: bytes) -> bool:
        """Use it up; return False where it was used before."""

    async def prune(self, *, now: datetime) -> None:
        """Forget what has expired."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MailedCodes:
    """Makes and redeems codes and links."""

    kept: MailedProofs
    """Where they are kept."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def make_code(self, handle: str, *, purpose: str, organization: str, email: str, user: str) -> str:
        """Return a new code of eight digits. It is worth nothing without the handle, even to who reads the database."""
        code = str(secrets.randbelow(10**_DIGITS)).zfill(_DIGITS)
        await self.kept.keep(
            MailedProof(
                handle=digest_of(handle),
                purpose=purpose,
                organization=organization,
                email=email,
                user=user,
                code=_digest_code(handle, code),
                expires=self.clock() + LIFETIME,
            )
        )
        return code

    async def make_link(self, handle: str, *, purpose: str, organization: str, email: str, user: str) -> str:
        """Return the secret of a new link, 256 random bits."""
        secret = secrets.token_urlsafe(_HANDLE_BYTES)
        await self.kept.keep(
            MailedProof(
                handle=digest_of(handle),
                purpose=purpose,
                organization=organization,
                email=email,
                user=user,
                link=digest_of(secret),
                expires=self.clock() + LIFETIME,
            )
        )
        return secret

    async def redeem_code(self, handle: str, code: str, *, purpose: str) -> MailedProof | None:
        """Use a code up and return it, or None where it is wrong; each call is a try."""
        digest = digest_of(handle)
        proof = await self.kept.try_code(digest, tries=TRIES, now=self.clock())
        given = _digest_code(handle, "".join(code.split()))
        matches = hmac.compare_digest(given, proof.code if proof else bytes(len(given)))
        if proof is None or not matches or proof.purpose != purpose:
            return None
        return proof if await self.kept.use(digest) else None

    async def find_link(self, secret: str, *, purpose: str) -> MailedProof | None:
        """Return what a link is for, and leave it as it is."""
        proof = await self.kept.find_link(digest_of(secret), now=self.clock())
        return proof if proof is not None and proof.purpose == purpose else None

    async def redeem_link(self, secret: str, *, purpose: str, handle: str | None = None) -> MailedProof | None:
        """Use a link up and return it; where a handle is given, it must be that of whoever asked for the link."""
        proof = await self.find_link(secret, purpose=purpose)
        if proof is None or (handle is not None and not hmac.compare_digest(digest_of(handle), proof.handle)):
            return None
        return proof if await self.kept.use(proof.handle) else None


def generate_handle() -> str:
    """Return 256 random bits for whoever asks for a mail."""
    return secrets.token_urlsafe(_HANDLE_BYTES)


def _digest_code(handle: str, code: str) -> bytes:
    """Return what is kept of a code, which has 27 bits alone and would be found by trying them all."""
    return hashlib.sha256(f"mailed code\0{handle}\0{code}".encode("utf-8", "replace")).digest()
