"""Sign-ins that are under way: what was shown so far, and where that is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.authentication import Authentication
from services.auth.domain.factors.kinds import FIRST, MAIL, METHODS, SECOND, Factor, Held

if TYPE_CHECKING:
    from datetime import datetime

LIFETIME = timedelta(minutes=10)
"""For so long a sign-in may be under way."""

MOST_FAILURES = 10
"""Wrong answers that one sign-in survives. Whoever was there all the time begins another one."""

MOST_MAILS = 5
"""Mails that one sign-in sends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignInAttempt:
    """A sign-in that is under way."""

    id: bytes = field(repr=False)
    """SHA-256 of the token that whoever signs in holds."""
    organization: str
    """The organization that was named."""
    email: str = field(default="", repr=False)
    """The address that was named, in lower case, whether somebody has it or not; empty where none was."""
    user: str = ""
    """Name of the user, once something was shown; from the beginning where a session is strengthened."""
    level: str = ""
    """The level that is wanted; empty for any."""
    session: str = ""
    """The session that is to be strengthened; empty where one is to be opened."""
    prior: tuple[str, ...] = ()
    """How that session was opened."""
    shown: tuple[Factor, ...] = ()
    """What was shown, in order."""
    methods: tuple[str, ...] = ()
    """What that adds to `amr`."""
    time: datetime | None = None
    """When something was shown last."""
    challenge: bytes = field(default=b"", repr=False)
    """What a passkey has to sign; used up by the first answer."""
    failures: int = 0
    """Wrong answers so far."""
    mails: int = 0
    """Mails so far."""
    expires: datetime
    """When it is forgotten."""
    version: int = 0
    """Grows with every step, so that of two steps at once only one counts."""

    @property
    def proof(self) -> Authentication:
        """What was shown so far, with what the session was opened by."""
        time = self.time or self.expires - LIFETIME
        return Authentication(time=time, methods=self.prior).joined(Authentication(time=time, methods=self.methods))

    def is_enough(self, held: Held) -> bool:
        """Whether nothing more has to be shown, but for the level that is wanted.

        Whoever has a second factor has to show one, whatever came first: a mailbox, a new password or a session that
        is signed in already. A passkey that has verified its user is both.
        """
        if not self.shown:
            return False
        fresh = Authentication(time=self.expires, methods=self.methods)
        if fresh.level != "aal1" or not held.second:
            return True
        return bool(SECOND & set(self.shown)) and (bool(self.session) or len(self.shown) > 1)

    def is_done(self, held: Held) -> bool:
        """Whether the sign-in may be finished: enough was shown, and either it is as strong as wanted or cannot be."""
        return self.is_enough(held) and not self._strengthening(held)

    def offered(self, held: Held) -> tuple[Factor, ...]:
        """Return what may be shown next; nothing where it is done.

        What a new sign-in offers is the same for everybody. What somebody has is told to who has shown one factor.
        """
        if not self.shown and not self.session:
            return FIRST if self.email else (Factor.PASSKEY,)
        if not self.is_enough(held):
            return self._missing(held)
        return self._strengthening(held)

    def _missing(self, held: Held) -> tuple[Factor, ...]:
        if held.second:
            return tuple(f for f in Factor if f in SECOND and held.has(f) and f not in self.shown)
        first = (Factor.PASSWORD,) if held.password else (Factor.EMAIL_CODE, Factor.EMAIL_LINK)
        return first if not self.shown else ()

    def _strengthening(self, held: Held) -> tuple[Factor, ...]:
        level = self.level or ("aal2" if held.required else "")
        if not level or self.proof.satisfies(level, None, self.expires):
            return ()
        return tuple(f for f in Factor if f not in MAIL and f not in self.shown and self._helps(f, held, level))

    def _helps(self, factor: Factor, held: Held, level: str) -> bool:
        """Whether showing it too, or it and what is held beside it, reaches the level that is wanted."""
        if not held.has(factor):
            return False
        if factor is Factor.PASSKEY:
            return True
        more = Authentication(time=self.expires, methods=(*self.proof.methods, *METHODS[factor]))
        return more.satisfies(level, None, self.expires)


class SignInAttempts(Protocol):
    """Keeps sign-ins that are under way, for ten minutes."""

    async def open(self, attempt: SignInAttempt) -> None:
        """Keep a new one."""

    async def find(self, attempt: bytes, *, now: datetime) -> SignInAttempt | None:
        """Return one that has not expired."""

    async def save(self, attempt: SignInAttempt) -> bool:
        """Keep it as it is now under the next version; return False where another step was faster."""

    async def close(self, attempt: bytes, version: int) -> bool:
        """Forget one of that version; return False where another step was faster: it is finished once."""

    async def prune(self, *, now: datetime) -> None:
        """Forget those that have expired."""
