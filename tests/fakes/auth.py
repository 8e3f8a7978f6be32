"""Auth's ports kept in memory: each passes the same conformance suite as its real adapter."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.auth.domain.accounts import Account
from services.auth.domain.errors import HashingBusy, SignInThrottled, ThrottleUnavailable
from services.auth.domain.families import Family, KeptToken
from services.auth.domain.revocations import Revocation
from services.auth.domain.throttle import Limits
from services.auth.domain.tokens import AccessToken, Grant
from services.auth.storage.signing_keys import generate_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Sequence

    from services.auth.domain.authentication import Authentication
    from services.auth.domain.families import Proof, Successor
    from services.auth.domain.sessions import Session
    from services.auth.domain.signing_keys import Rotation, SigningKey
    from services.auth.domain.throttle import Allowance, Attempt

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
"""When a fake clock starts."""


@dataclass
class FakeClock:
    """A clock that goes when it is told to."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@dataclass
class FakePeople:
    """Users, roles and hashes (ports `Directory`, `Credentials`, `Changes` and `Founding`)."""

    users: dict[tuple[str, str], Account] = field(default_factory=dict)
    roles: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    hashes: dict[tuple[str, str], str] = field(default_factory=dict)
    short: set[tuple[str, str]] = field(default_factory=set)
    opened: int = 0

    def add_role(self, name: str, *permissions: str, organization: str = "default") -> None:
        self.roles[organization, name] = frozenset(permissions)

    def add_user(
        self, name: str, *roles: str, email: str = "", password_hash: str = "", organization: str = "default"
    ) -> None:
        account = Account(organization=organization, name=name, email=email or f"{name[6:]}@x.test", roles=roles)
        self.users[organization, name] = account
        if password_hash:
            self.hashes[organization, name] = password_hash

    def change(self, name: str, *, organization: str = "default", **fields: object) -> None:
        key = (organization, name)
        self.users[key] = replace(self.users[key], **fields)  # type: ignore[arg-type]  # fields of an account

    async def find_by_email(self, organization: str, email: str) -> Account | None:
        found = (a for (o, _), a in self.users.items() if o == organization and a.email == email)
        return next((self._complete(account) for account in found), None)

    async def find_by_name(self, organization: str, name: str) -> Account | None:
        account = self.users.get((organization, name))
        return self._complete(account) if account else None

    async def find_acting(self, organization: str, name: str) -> Account | None:
        return await self.find_by_name(organization, name)

    async def find_accounts(self, organization: str, names: Collection[str]) -> Collection[str]:
        return {name for name in names if await self.find_acting(organization, name)}

    async def find_roles(self, organization: str, roles: Sequence[str]) -> dict[str, frozenset[str]]:
        return {role: self.roles[organization, role] for role in roles if (organization, role) in self.roles}

    async def is_role_in_use(self, organization: str, role: str) -> bool:
        return any(o == organization and role in account.roles for (o, _), account in self.users.items())

    async def find_holders(self, organization: str, role: str) -> Sequence[str]:
        return sorted(a.name for (o, _), a in self.users.items() if o == organization and role in a.roles)

    async def count_administrators(self, organization: str) -> int:
        return sum(o == organization and self._complete(a).is_administrator for (o, _), a in self.users.items())

    async def set(self, organization: str, user: str, password_hash: str, *, short: bool = False) -> None:
        self.hashes[organization, user] = password_hash
        (self.short.add if short else self.short.discard)((organization, user))

    async def renew(self, organization: str, user: str, former: str, password_hash: str) -> None:
        if self.hashes.get((organization, user)) == former:
            self.hashes[organization, user] = password_hash

    async def is_short(self, organization: str, user: str) -> bool:
        return (organization, user) in self.short

    async def remove(self, organization: str, user: str) -> None:
        self.hashes.pop((organization, user), None)

    @asynccontextmanager
    async def open(self, organization: str) -> AsyncIterator[None]:
        del organization
        kept = (dict(self.users), dict(self.roles), dict(self.hashes))
        self.opened += 1
        try:
            yield
        except BaseException:
            self.users, self.roles, self.hashes = kept
            raise

    async def create_role(self, organization: str, role: str) -> None:
        self.roles[organization, role] = frozenset({"*"})

    async def create_user(self, organization: str, email: str, role: str) -> str:
        name = f"users/{len(self.users) + 1}"
        self.add_user(name, role, email=email, organization=organization)
        return name

    def _complete(self, account: Account) -> Account:
        key = (account.organization, account.name)
        granted = [self.roles.get((account.organization, role), frozenset()) for role in account.roles]
        return replace(account, permissions=frozenset().union(*granted), password_hash=self.hashes.get(key, ""))


@dataclass
class FakeHasher:
    """Hashes that cost nothing and are counted (port `Hasher`)."""

    hashed: int = 0
    verified: int = 0
    busy: bool = False

    async def hash(self, password: str) -> str:
        self._count()
        self.hashed += 1
        return f"hash:{password}"

    async def verify(self, password_hash: str, password: str) -> bool:
        self._count()
        self.verified += 1
        return password_hash == f"hash:{password}"

    def is_outdated(self, password_hash: str) -> bool:
        return not password_hash.startswith("hash:")

    def _count(self) -> None:
        if self.busy:
            raise HashingBusy


@dataclass
class _Counter:
    failures: int = 0
    until: float = 0.0


@dataclass
class FakeThrottle:
    """Counters in memory (port `Throttle`)."""

    clock: FakeClock = field(default_factory=FakeClock)
    limits: Limits = field(default_factory=Limits)
    down: bool = False
    counters: dict[str, _Counter] = field(default_factory=dict)
    known: set[tuple[str, str]] = field(default_factory=set)

    async def admit(self, attempt: Attempt) -> None:
        if self.down:
            raise ThrottleUnavailable
        self._count({f"address {attempt.address}": self.limits.address})
        counted = {_pair(attempt): self.limits.pair}
        anywhere = {_anywhere(attempt): self.limits.pair}
        if (attempt.known_by, attempt.address) not in self.known:
            counted[f"account {attempt.account}"] = self.limits.account
            anywhere[f"person {attempt.person}"] = self.limits.account
        self._count(counted)
        self._count(anywhere)

    async def withdraw(self, attempt: Attempt) -> None:
        own = (f"address {attempt.address}", f"account {attempt.account}", _pair(attempt))
        for key in (*own, f"person {attempt.person}", _anywhere(attempt)):
            if counter := self.counters.get(key):
                counter.failures -= 1

    async def forgive(self, attempt: Attempt) -> None:
        for key in (f"address {attempt.address}", f"account {attempt.account}"):
            if counter := self.counters.get(key):
                counter.failures -= 1
                counter.until = 0.0
        pair = self.counters.pop(_pair(attempt), _Counter())
        for key, failures, allowance in (
            (_anywhere(attempt), pair.failures, self.limits.pair),
            (f"person {attempt.person}", 1, self.limits.account),
        ):
            if counter := self.counters.get(key):
                counter.failures -= failures
                counter.until = counter.until if counter.failures > allowance.free else 0.0
        self.known |= {(name, attempt.address) for name in (attempt.account, attempt.owner)}

    def _count(self, counted: dict[str, Allowance]) -> None:
        now = self.clock.seconds()
        wait = max(self.counters.setdefault(key, _Counter()).until for key in counted) - now
        if wait > 0:
            raise SignInThrottled(wait)
        for key, allowance in counted.items():
            counter = self.counters[key]
            counter.failures += 1
            counter.until = now + allowance.wait_after(counter.failures)


def _pair(attempt: Attempt) -> str:
    return f"{attempt.account} {attempt.address}"


def _anywhere(attempt: Attempt) -> str:
    return f"{attempt.person} {attempt.address}"


@dataclass
class FakeRevocations:
    """Revocations in memory (port `Revocations`)."""

    kept: dict[str, int] = field(default_factory=dict)

    async def revoke(self, revocations: Iterable[Revocation]) -> None:
        for one in revocations:
            self.kept[one.key] = max(one.before, self.kept.get(one.key, 0))

    async def living(self) -> Sequence[Revocation]:
        return [Revocation(key=key, before=before) for key, before in sorted(self.kept.items())]

    async def prune(self, now: datetime) -> None:
        """Forget nothing: no test lasts that long."""


@dataclass
class FakeFamilies:
    """Families in memory (port `RefreshFamilies`)."""

    families: dict[str, Family] = field(default_factory=dict)
    tokens: dict[bytes, KeptToken] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    closed_sessions: set[str] = field(default_factory=set)

    async def open(self, family: Family, digest: bytes | None, expires: datetime) -> bool:
        if family.session in self.closed_sessions:
            return False
        self.families[family.id] = family
        if digest is not None:
            self.tokens[digest] = KeptToken(family=family, expires=expires, revoked=False)
        return True

    async def rotate(self, digest: bytes, proof: Proof, successor: Successor, *, now: datetime) -> KeptToken | None:
        token = await self.find(digest)
        if token is None or token.used or token.revoked or now >= min(token.expires, token.family.expires):
            return None
        if not proof.fits(token.family):
            return None
        idle = token.family.idle
        until = min(successor.expires, token.family.expires, *([now + idle] if idle else []))
        used = replace(token, used=now, sealed_successor=successor.sealed, successor_expires=until)
        self.tokens |= {
            before: replace(kept, sealed_successor=b"")
            for before, kept in self.tokens.items()
            if kept.family.id == token.family.id
        }
        self.tokens[digest] = used
        self.tokens[successor.digest] = KeptToken(family=token.family, expires=until, revoked=False)
        return used

    async def find(self, digest: bytes) -> KeptToken | None:
        token = self.tokens.get(digest)
        return replace(token, revoked=token.family.id in self.ended) if token else None

    def replace(self, family: Family) -> None:
        former, self.families[family.id] = self.families[family.id], family
        self.tokens = {
            digest: replace(token, family=family) if token.family == former else token
            for digest, token in self.tokens.items()
        }

    async def find_living(self, family: str, *, now: datetime) -> Family | None:
        found = self.families.get(family)
        return found if found is not None and family not in self.ended and found.expires > now else None

    async def end(self, family: str, *, now: datetime) -> None:
        del now
        self.ended.add(family)

    async def prune(self, *, now: datetime, grace: timedelta) -> None:
        self.families = {key: family for key, family in self.families.items() if family.expires >= now}
        self.tokens = {
            digest: replace(token, sealed_successor=b"") if token.used and token.used < now - grace else token
            for digest, token in self.tokens.items()
            if token.family.id in self.families
        }


@dataclass
class FakeSessions:
    """Sessions in memory (port `SessionStore`), which end what is in `families` with them."""

    families: FakeFamilies = field(default_factory=FakeFamilies)
    sessions: dict[str, Session] = field(default_factory=dict)
    cookies: dict[bytes, str] = field(default_factory=dict)

    async def open(self, session: Session, cookie: bytes | None) -> None:
        self.sessions[session.id] = session
        if cookie is not None:
            self.cookies[cookie] = session.id

    async def find(self, session: str) -> Session | None:
        return self.sessions.get(session)

    async def find_by_cookie(self, cookie: bytes) -> Session | None:
        return self.sessions.get(self.cookies.get(cookie, ""))

    async def touch(self, session: str, *, now: datetime) -> None:
        kept = self.sessions[session]
        self.sessions[session] = replace(kept, used=max(kept.used, now))

    async def strengthen(self, session: str, authentication: Authentication, cookie: bytes | None) -> None:
        kept = self.sessions[session]
        if kept.ended is not None:
            return
        self.sessions[session] = replace(kept, authentication=authentication)
        for family in self.families.families.values():
            if family.session == session:
                self.families.replace(replace(family, authentication=authentication))
        if cookie is not None:
            self._forget_cookie(session)
            self.cookies[cookie] = session

    async def list_living(self, organization: str, user: str, *, now: datetime) -> Sequence[Session]:
        found = [s for s in self._of(organization, user) if s.ended is None and s.expires > now]
        return sorted(found, key=lambda session: session.used, reverse=True)

    async def end(self, session: str, *, now: datetime) -> None:
        kept = self.sessions.get(session)
        if kept is not None and kept.ended is None:
            self.sessions[session] = replace(kept, ended=now)
            self._forget_cookie(session)
        self.families.closed_sessions.add(session)
        self.families.ended |= {f.id for f in self.families.families.values() if f.session == session}

    async def end_all(self, organization: str, user: str, *, now: datetime, keep: str = "") -> None:
        for session in self._of(organization, user):
            if session.id != keep:
                await self.end(session.id, now=now)
        of_user = [f for f in self.families.families.values() if (f.organization, f.user) == (organization, user)]
        self.families.ended |= {family.id for family in of_user if (family.session or family.id) != keep}

    async def prune(self, *, now: datetime) -> None:
        self.sessions = {key: session for key, session in self.sessions.items() if session.expires >= now}

    def _of(self, organization: str, user: str) -> list[Session]:
        return [s for s in self.sessions.values() if (s.organization, s.user) == (organization, user)]

    def _forget_cookie(self, session: str) -> None:
        self.cookies = {cookie: kept for cookie, kept in self.cookies.items() if kept != session}


@dataclass
class FakeSeal:
    """Seals nothing, and notices a wrong context (port `Seal`)."""

    def seal(self, value: bytes, context: bytes = b"") -> bytes:
        return context + b"|" + value

    def open(self, sealed: bytes, context: bytes = b"") -> bytes:
        if not sealed.startswith(context + b"|"):
            raise ValueError("sealed for something else")
        return sealed[len(context) + 1 :]


@dataclass
class FakeTokens:
    """Tokens that anybody can read (port `Tokens`)."""

    clock: FakeClock = field(default_factory=FakeClock)
    issued: list[Grant] = field(default_factory=list)

    async def issue(self, grant: Grant) -> AccessToken:
        self.issued.append(grant)
        return AccessToken(text=f"token {len(self.issued)}", expires=self.clock() + timedelta(minutes=10))


@dataclass
class FakeSigningKeys:
    """Key pairs in memory (ports `SigningKeys` and `KeySource`)."""

    keys: list[SigningKey] = field(default_factory=list)

    async def list(self) -> Sequence[SigningKey]:
        return tuple(self.keys)

    async def rotate(self, rotation: Rotation, *, now: datetime) -> Sequence[SigningKey]:
        activates = rotation.next_activation(self.keys, now)
        if activates is not None:
            self.keys.append(generate_key(activates))
        outdated = rotation.outdated(self.keys, now)
        self.keys = [key for key in self.keys if key.id not in outdated]
        return tuple(self.keys)
