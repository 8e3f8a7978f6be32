"""The ports of sign-in and factors kept in memory: each passes the same conformance suite as its real adapter."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from services.auth.domain.factors.passkeys import Asserted, Claimed, Registered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from datetime import datetime

    from services.auth.domain.accounts import Account
    from services.auth.domain.audit import AuditEntry
    from services.auth.domain.factors.authenticators import Authenticator, Enrolment
    from services.auth.domain.factors.mailed import MailedProof
    from services.auth.domain.mail import Message
    from services.auth.domain.sign_in_attempts import SignInAttempt
    from tests.fakes.auth import FakePeople


@dataclass
class FakeMail:
    """Mail that nobody carries (port `Mail`)."""

    posted: list[Message] = field(default_factory=list)

    async def post(self, message: Message) -> None:
        self.posted.append(message)


@dataclass
class FakeAudit:
    """Entries in a list (port `Audit`)."""

    entries: list[AuditEntry] = field(default_factory=list)

    async def record(self, *entries: AuditEntry) -> None:
        self.entries.extend(entries)

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.entries]


@dataclass
class FakeLater:
    """Work that is kept until somebody asks for it (port `Later`)."""

    waiting: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    def run(self, work: Callable[[], Awaitable[None]]) -> None:
        self.waiting.append(work)

    async def drain(self) -> None:
        waiting, self.waiting = self.waiting, []
        await asyncio.gather(*(work() for work in waiting))


@dataclass
class FakeAttempts:
    """Sign-ins under way, in memory (port `SignInAttempts`)."""

    kept: dict[bytes, SignInAttempt] = field(default_factory=dict)

    async def open(self, attempt: SignInAttempt) -> None:
        self.kept[attempt.id] = attempt

    async def find(self, attempt: bytes, *, now: datetime) -> SignInAttempt | None:
        found = self.kept.get(attempt)
        return found if found is not None and found.expires > now else None

    async def save(self, attempt: SignInAttempt) -> bool:
        found = self.kept.get(attempt.id)
        if found is None or found.version != attempt.version:
            return False
        self.kept[attempt.id] = replace(attempt, version=attempt.version + 1)
        return True

    async def close(self, attempt: bytes, version: int) -> bool:
        found = self.kept.get(attempt)
        return found is not None and found.version == version and self.kept.pop(attempt) is not None

    async def prune(self, *, now: datetime) -> None:
        self.kept = {key: one for key, one in self.kept.items() if one.expires >= now}


@dataclass
class FakeMailedProofs:
    """Codes and links in memory (port `MailedProofs`)."""

    kept: dict[bytes, MailedProof] = field(default_factory=dict)
    tries: dict[bytes, int] = field(default_factory=dict)

    async def keep(self, proof: MailedProof) -> None:
        self.kept[proof.handle] = proof
        self.tries[proof.handle] = 0

    async def try_code(self, handle: bytes, *, tries: int, now: datetime) -> MailedProof | None:
        proof = self.kept.get(handle)
        if proof is None or proof.link or proof.expires <= now or self.tries[handle] >= tries:
            return None
        self.tries[handle] += 1
        return proof

    async def find_link(self, link: bytes, *, now: datetime) -> MailedProof | None:
        return next((one for one in self.kept.values() if one.link == link and one.expires > now), None)

    async def use(self, handle: bytes) -> bool:
        return self.kept.pop(handle, None) is not None

    async def prune(self, *, now: datetime) -> None:
        self.kept = {handle: proof for handle, proof in self.kept.items() if proof.expires >= now}


@dataclass
class FakeAuthenticators:
    """Authenticators and recovery codes in memory (port `Authenticators`)."""

    kept: dict[str, Authenticator] = field(default_factory=dict)
    codes: dict[tuple[str, str], dict[bytes, bool]] = field(default_factory=dict)

    async def add(self, authenticator: Authenticator) -> bool:
        credential = authenticator.credential
        if credential and await self.find_passkey(credential) is not None:
            return False
        self.kept[authenticator.id] = authenticator
        return True

    async def list_of(self, organization: str, user: str) -> Sequence[Authenticator]:
        found = [one for one in self.kept.values() if (one.organization, one.user) == (organization, user)]
        return sorted(found, key=lambda one: (one.created, one.id))

    async def find_passkey(self, credential: bytes) -> Authenticator | None:
        found = (one for one in self.kept.values() if one.credential and one.credential == credential)
        return next(found, None)

    async def use_step(self, authenticator: str, step: int, *, now: datetime) -> bool:
        one = self.kept.get(authenticator)
        if one is None or one.last_step >= step:
            return False
        self.kept[authenticator] = replace(one, last_step=step, used=now)
        return True

    async def count_signature(self, authenticator: str, sign_count: int, *, now: datetime) -> bool:
        one = self.kept.get(authenticator)
        if one is None:
            return False
        if one.suspended or (one.sign_count >= sign_count and (one.sign_count, sign_count) != (0, 0)):
            self.kept[authenticator] = replace(one, suspended=True)
            return False
        self.kept[authenticator] = replace(one, sign_count=sign_count, used=now)
        return True

    async def rename(self, organization: str, user: str, authenticator: str, display_name: str) -> Authenticator | None:
        one = self._owned(organization, user, authenticator)
        if one is not None:
            self.kept[authenticator] = one = replace(one, display_name=display_name)
        return one

    async def remove(self, organization: str, user: str, authenticator: str) -> Authenticator | None:
        one = self._owned(organization, user, authenticator)
        return self.kept.pop(authenticator) if one is not None else None

    async def replace_codes(self, organization: str, user: str, digests: Iterable[bytes]) -> None:
        self.codes[organization, user] = dict.fromkeys(digests, False)

    async def use_code(self, organization: str, user: str, digest: bytes, *, now: datetime) -> bool:
        del now
        codes = self.codes.get((organization, user), {})
        if codes.get(digest, True):
            return False
        codes[digest] = True
        return True

    async def count_codes(self, organization: str, user: str) -> int:
        return sum(not used for used in self.codes.get((organization, user), {}).values())

    async def forget(self, organization: str, user: str) -> None:
        self.codes.pop((organization, user), None)
        self.kept = {k: one for k, one in self.kept.items() if (one.organization, one.user) != (organization, user)}

    def _owned(self, organization: str, user: str, authenticator: str) -> Authenticator | None:
        one = self.kept.get(authenticator)
        return one if one is not None and (one.organization, one.user) == (organization, user) else None


@dataclass
class FakeEnrolments:
    """Enrolments in memory (port `Enrolments`)."""

    kept: dict[bytes, Enrolment] = field(default_factory=dict)

    async def open(self, enrolment: Enrolment) -> None:
        self.kept[enrolment.id] = enrolment

    async def find(self, enrolment: bytes, *, now: datetime) -> Enrolment | None:
        found = self.kept.get(enrolment)
        return found if found is not None and found.expires > now else None

    async def count_failure(self, enrolment: bytes) -> None:
        self.kept[enrolment] = replace(self.kept[enrolment], failures=self.kept[enrolment].failures + 1)

    async def close(self, enrolment: bytes) -> bool:
        return self.kept.pop(enrolment, None) is not None

    async def prune(self, *, now: datetime) -> None:
        self.kept = {key: one for key, one in self.kept.items() if one.expires >= now}


@dataclass
class FakeAddresses:
    """Verified addresses in memory (port `VerifiedAddresses`)."""

    people: FakePeople
    verified: dict[tuple[str, str], str] = field(default_factory=dict)

    async def verify(self, organization: str, user: str, email: str) -> bool:
        account = await self.people.find_by_name(organization, user)
        if account is None or account.email != email:
            return False
        self.verified[organization, user] = email
        return True

    async def forget(self, organization: str, user: str) -> None:
        self.verified.pop((organization, user), None)

    async def is_verified(self, organization: str, user: str) -> bool:
        account = await self.people.find_by_name(organization, user)
        return account is not None and self.verified.get((organization, user)) == account.email


@dataclass
class FakeCeremonies:
    """WebAuthn without signatures (port `Ceremonies`): an answer is JSON that repeats the challenge."""

    def offer_registration(self, account: Account, challenge: bytes, present: Sequence[Authenticator]) -> str:
        excluded = [one.credential.hex() for one in present]
        return json.dumps({"user": account.name, "challenge": challenge.hex(), "excluded": excluded})

    def check_registration(self, answer: str, challenge: bytes) -> Registered | None:
        said = json.loads(answer)
        if said["challenge"] != challenge.hex():
            return None
        return Registered(
            credential=bytes.fromhex(said["credential"]),
            public_key=b"key",
            sign_count=said.get("count", 0),
            backup_eligible=said.get("backup", False),
        )

    def offer_assertion(self, challenge: bytes, allowed: Sequence[Authenticator], *, verify: bool) -> str:
        listed = [one.credential.hex() for one in allowed]
        return json.dumps({"challenge": challenge.hex(), "allowed": listed, "verify": verify})

    def read_assertion(self, answer: str) -> Claimed | None:
        said = json.loads(answer)
        return Claimed(credential=bytes.fromhex(said["credential"]), user_handle=said.get("handle", "").encode())

    def check_assertion(self, answer: str, challenge: bytes, passkey: Authenticator) -> Asserted | None:
        del passkey
        said = json.loads(answer)
        if said["challenge"] != challenge.hex() or said.get("forged"):
            return None
        return Asserted(sign_count=said.get("count", 0), verified=said.get("verified", True))


def assertion(options: str, credential: bytes, **said: object) -> str:
    """Return the answer of a passkey to options of `FakeCeremonies`."""
    return json.dumps({"challenge": json.loads(options)["challenge"], "credential": credential.hex(), **said})
