"""A sign-in step by step: what is offered, what was shown, and when that is enough.

Nobody learns from it who has an account: what it offers first, what it answers, and what it costs are the same for a
user, a disabled one and nobody (ASVS 5.0 6.3.8). Wrong answers make whoever gives them wait, by account and source,
each kind of factor on its own: a right password must not buy further guesses at a code.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.auth.domain import sign_in_attempts
from services.auth.domain.accounts import DEFAULT_ORGANIZATION, SYSTEM_ORGANIZATION, normalize_email
from services.auth.domain.audit import AuditEntry
from services.auth.domain.authentication import reaches
from services.auth.domain.errors import (
    FactorNotOffered,
    HashingBusy,
    SignInExpired,
    SignInFailed,
    SignInOvertaken,
    SignInThrottled,
    SignInUnfinished,
)
from services.auth.domain.factors.holdings import NOTHING
from services.auth.domain.factors.kinds import MAIL, Factor
from services.auth.domain.factors.passkeys import generate_challenge
from services.auth.domain.sessions import digest_of
from services.auth.domain.sign_in_attempts import MOST_FAILURES, MOST_MAILS, SignInAttempt
from services.auth.domain.throttle import Attempt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.auth.domain.accounts import Account, Directory
    from services.auth.domain.audit import Audit
    from services.auth.domain.factors.holdings import Holdings
    from services.auth.domain.factors.kinds import Held
    from services.auth.domain.factors.showing import Showing, Shown
    from services.auth.domain.oauth.transactions import Transactions
    from services.auth.domain.sessions import OpenedSession, Origin, Session, Sessions
    from services.auth.domain.sign_in_attempts import SignInAttempts
    from services.auth.domain.throttle import Throttle

    Judge = Callable[[SignInAttempt, Account | None], Awaitable[Shown | None]]

_TOKEN_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class SignInState:
    """Where a sign-in stands."""

    attempt: str = field(repr=False)
    """The token of the sign-in, 256 random bits: whoever signs in holds it, and nobody else."""
    organization: str
    """The organization that was named."""
    email: str = field(repr=False)
    """The address that was named, or empty."""
    user: str = ""
    """Name of the user; empty until something was shown."""
    offered: tuple[Factor, ...]
    """What may be shown next. Where it is not done and nothing is offered, only an administrator can help."""
    shown: tuple[Factor, ...] = ()
    """What was shown, in order."""
    done: bool = False
    """Whether `finish` may be called."""
    level: str = ""
    """How strong it is by now: `aal1` to `aal3`."""
    session: str = ""
    """The session that it strengthens; empty where it opens one."""
    wanted: str = ""
    """The level that was asked for, or empty."""
    expires: datetime
    """When it is forgotten."""

    @property
    def reached(self) -> bool:
        """Whether it is as strong as was asked for."""
        return not self.wanted or reaches(self.level, self.wanted)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignInFlow:
    """Signs people in, step by step. Each step returns where the sign-in stands then.

    Each raises `SignInExpired` where it is not under way, `SignInOvertaken` where another step was made at the same
    time, `FactorNotOffered` where something else is asked for, `SignInFailed` for whatever is wrong, `SignInThrottled`
    and `ThrottleUnavailable`.
    """

    directory: Directory
    """Finds users."""
    attempts: SignInAttempts
    """Where sign-ins are kept that are under way."""
    holdings: Holdings
    """Says which factors users have."""
    transactions: Transactions
    """Makes the end of a sign-in one: the session, what its client holds, and what is written down."""
    showing: Showing
    """Checks what is shown."""
    throttle: Throttle
    """Bounds how often something wrong may be shown."""
    sessions: Sessions
    """Opens sessions."""
    audit: Audit
    """Where every attempt is written down."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def begin(self, organization: str = "", email: str = "", *, level: str = "") -> SignInState:
        """Begin a sign-in; without an address, a passkey says who it is. `level` is wanted where it can be reached."""
        return await self._open(organization=organization or DEFAULT_ORGANIZATION, email=email, level=level)

    async def begin_step_up(self, session: Session, *, level: str = "", organization: str = "") -> SignInState:
        """Begin to strengthen a session, or to show anew who its user is.

        `organization` is where its user acts, if not where they live. Raises `SignInFailed`.
        """
        account = await self.directory.find_acting(organization or session.organization, session.user)
        if account is None or account.disabled:
            raise SignInFailed
        return await self._open(
            organization=account.acts_in,
            email=account.email,
            level=level,
            user=account.name,
            session=session.id,
            prior=session.authentication.methods,
        )

    async def resume(
        self, account: Account, shown: Factor, methods: tuple[str, ...], level: str = "", time: datetime | None = None
    ) -> SignInState:
        """Begin a sign-in whose first factor was shown elsewhere, such as by a password in one call, at that time."""
        return await self._open(
            organization=account.acts_in,
            email=account.email,
            level=level,
            user=account.name,
            shown=(shown,),
            methods=methods,
            time=time or self.clock(),
        )

    async def find(self, organization: str, email: str) -> Account | None:
        """Return whoever has the address, if they may sign in. The work is the same if there is nobody."""
        account = await self.directory.find_by_email(organization, email)
        return None if account is None or _is_barred(account) else account

    async def look(self, attempt: str) -> SignInState:
        """Return where a sign-in stands."""
        return await self._state(attempt, await self._find(attempt))

    async def identify(self, attempt: str, email: str) -> SignInState:
        """Name the address of whoever signs in, as long as nothing was shown; an earlier one is forgotten."""
        found = await self._find(attempt)
        if found.shown or found.session:
            raise FactorNotOffered("email", ", ".join(found.offered(NOTHING)))
        named = replace(found, email=normalize_email(email), challenge=b"")
        return await self._state(attempt, await self._save(named))

    async def password(self, attempt: str, password: str, origin: Origin) -> SignInState:
        """Show the password. Raises `HashingBusy` too."""
        return await self._show(attempt, Factor.PASSWORD, origin, lambda _, a: self.showing.password(a, password))

    async def send(self, attempt: str, factor: Factor, origin: Origin) -> SignInState:
        """Send a code or a link to the address that was named, if somebody has it: nobody is told whether."""
        found, account, held = await self._expect(attempt, factor)
        if factor not in MAIL:
            raise FactorNotOffered(factor, ", ".join(found.offered(held)))
        if found.mails >= MOST_MAILS:
            raise SignInThrottled((found.expires - self.clock()).total_seconds())
        # Not forgiven: each mail counts, whoever it goes to.
        await self.throttle.admit(replace(_counted(found, "mail", origin), is_guess=False))
        sent = await self._save(replace(found, mails=found.mails + 1))
        await self.showing.send(attempt, sent, account, factor)
        return await self._state(attempt, sent)

    async def send_code(self, attempt: str, origin: Origin) -> SignInState:
        """Send a code of eight digits."""
        return await self.send(attempt, Factor.EMAIL_CODE, origin)

    async def send_link(self, attempt: str, origin: Origin) -> SignInState:
        """Send a link."""
        return await self.send(attempt, Factor.EMAIL_LINK, origin)

    async def code(self, attempt: str, code: str, origin: Origin) -> SignInState:
        """Show the code that was sent."""
        return await self._show(attempt, Factor.EMAIL_CODE, origin, lambda _, a: self.showing.code(attempt, a, code))

    async def link(self, attempt: str, secret: str, origin: Origin) -> SignInState:
        """Show the secret of the link that was sent. It does nothing for another browser than the one that asked."""
        return await self._show(attempt, Factor.EMAIL_LINK, origin, lambda _, a: self.showing.link(attempt, a, secret))

    async def totp(self, attempt: str, code: str, origin: Origin) -> SignInState:
        """Show a code of an authenticator app."""
        return await self._show(attempt, Factor.TOTP, origin, lambda _, a: self.showing.totp(a, code))

    async def recovery_code(self, attempt: str, code: str, origin: Origin) -> SignInState:
        """Show a recovery code."""
        return await self._show(
            attempt, Factor.RECOVERY_CODE, origin, lambda _, a: self.showing.recovery_code(a, code, origin)
        )

    async def passkey_options(self, attempt: str) -> tuple[SignInState, str]:
        """Return the options of `navigator.credentials.get`, as JSON, with a new challenge.

        As long as nothing was shown they list no passkey, so that they are the same for everybody.
        """
        found, account, _ = await self._expect(attempt, Factor.PASSKEY)
        asked = await self._save(replace(found, challenge=generate_challenge()))
        known = account if found.shown or found.session else None
        return await self._state(attempt, asked), await self.showing.passkey_options(asked, known)

    async def passkey(self, attempt: str, answer: str, origin: Origin) -> SignInState:
        """Show a passkey: `answer` is the JSON of `PublicKeyCredential.toJSON()`."""
        return await self._show(
            attempt, Factor.PASSKEY, origin, lambda found, a: self.showing.passkey(found, a, answer, origin)
        )

    async def finish(self, attempt: str, origin: Origin, *, browser: bool = True, replaces: str = "") -> OpenedSession:
        """Open the session, once, or strengthen the one that was named at the beginning.

        `replaces` is a session that the browser had before: it ends, so that nobody has planted it (ASVS 5.0 7.2.4).

        Raises:
            SignInUnfinished: more has to be shown.
        """
        # All or nothing: whatever stops us, the sign-in is still under way, and no session is there that nobody has.
        async with self.transactions.together():
            found, account = await self._close(attempt)
            opened = await self._open_session(found, account, origin, browser=browser)
            if replaces and replaces != opened.session.id:
                await self.sessions.end(replaces)
            kind = "session.strengthened" if found.session else "session.opened"
            await self.note_success(opened.session, origin, factor=" ".join(found.shown), kind=kind)
        return opened

    async def _close(self, attempt: str) -> tuple[SignInAttempt, Account]:
        """Forget a sign-in that is done, and return it as it was; a wrong step at the same time does not matter."""
        for _ in range(MOST_FAILURES):
            found = await self._find(attempt)
            account = await self._account(found)
            held = await self.holdings.of(account) if account and found.shown else NOTHING
            if account is None or not found.is_done(held):
                raise SignInUnfinished(", ".join(found.offered(held)))
            if await self.attempts.close(found.id, found.version):
                return found, account
        raise SignInOvertaken

    async def _open_session(
        self, found: SignInAttempt, account: Account, origin: Origin, *, browser: bool
    ) -> OpenedSession:
        proof = replace(found.proof, methods=found.methods)
        if not found.session:
            return await self.sessions.open(account, proof, origin, browser=browser)
        session = await self.sessions.kept.find(found.session)
        if session is None or not session.is_alive(self.clock(), self.sessions.lifetimes.idle):
            raise SignInExpired
        return await self.sessions.strengthen(session, proof, browser=browser)

    async def _open(self, *, organization: str, email: str, **fields: object) -> SignInState:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        attempt = SignInAttempt(
            id=digest_of(token),
            organization=organization,
            email=normalize_email(email),
            expires=self.clock() + sign_in_attempts.LIFETIME,
            **fields,  # type: ignore[arg-type]  # fields of an attempt
        )
        await self.attempts.open(attempt)
        return await self._state(token, attempt)

    async def _find(self, attempt: str) -> SignInAttempt:
        found = await self.attempts.find(digest_of(attempt), now=self.clock())
        if found is None:
            raise SignInExpired
        return found

    async def _save(self, attempt: SignInAttempt) -> SignInAttempt:
        if not await self.attempts.save(attempt):
            raise SignInOvertaken
        return replace(attempt, version=attempt.version + 1)

    async def _account(self, attempt: SignInAttempt) -> Account | None:
        """Return the user, if there is one who may sign in. The work is the same if there is none."""
        if not attempt.user:
            return await self.find(attempt.organization, attempt.email)
        account = await self.directory.find_acting(attempt.organization, attempt.user)
        return None if account is None or _is_barred(account) else account

    async def _expect(self, attempt: str, factor: Factor) -> tuple[SignInAttempt, Account | None, Held]:
        """Return the sign-in, its user and the user's factors, if the factor is asked for now."""
        found = await self._find(attempt)
        account = await self._account(found)
        known = account is not None and (found.shown or found.session)
        held = await self.holdings.of(account) if account and known else NOTHING
        offered = found.offered(held)
        if factor not in offered:
            raise FactorNotOffered(factor, ", ".join(offered))
        return found, account, held

    async def _show(self, attempt: str, factor: Factor, origin: Origin, judge: Judge) -> SignInState:
        found, account, _ = await self._expect(attempt, factor)
        # Whoever brings a passkey alone names nobody, and a signature is not guessed.
        counted = _counted(found, factor, origin) if found.email else None
        if counted:
            await self.throttle.admit(counted)
        # Counted before it is looked at, so that of many guesses at once only one is looked at.
        tried = await self._save(replace(found, failures=found.failures + 1, challenge=b""))
        try:
            shown = await judge(found, account)
        except HashingBusy:
            if counted:
                await self.throttle.withdraw(counted)
            raise
        if shown is None or (found.user and shown.user != found.user):
            await self._note_wrong(tried, factor, origin)
            raise SignInFailed
        if counted:
            await self.throttle.forgive(counted)
        return await self._state(attempt, await self._keep(tried, factor, shown))

    async def _keep(self, tried: SignInAttempt, factor: Factor, shown: Shown) -> SignInAttempt:
        """Keep what was shown rightly. It is used up, so that a step that was made meanwhile must not lose it."""
        latest: SignInAttempt | None = tried
        for _ in range(MOST_FAILURES):
            if latest is None or latest.user not in {"", shown.user}:
                raise SignInExpired
            kept = replace(
                latest,
                user=shown.user,
                email=shown.email,
                failures=max(0, latest.failures - 1),
                shown=tuple(dict.fromkeys((*latest.shown, factor))),
                methods=tuple(dict.fromkeys((*latest.methods, *shown.methods))),
                challenge=b"",
                time=self.clock(),
            )
            if await self.attempts.save(kept):
                return replace(kept, version=kept.version + 1)
            latest = await self.attempts.find(tried.id, now=self.clock())
        raise SignInOvertaken

    async def _note_wrong(self, tried: SignInAttempt, factor: Factor, origin: Origin) -> None:
        if tried.failures >= MOST_FAILURES:
            await self.attempts.close(tried.id, tried.version)
        await self.note_failure(tried.organization, origin, factor=factor, user=tried.user, session=tried.session)

    async def note_failure(
        self, organization: str, origin: Origin, *, factor: Factor, user: str = "", session: str = ""
    ) -> None:
        """Write down that something wrong was shown."""
        await self.audit.record(
            AuditEntry(
                kind="sign_in.failed",
                outcome="failure",
                organization=organization,
                subject=user,
                session=session,
                address=origin.address,
                agent=origin.agent,
                factor=factor,
            )
        )

    async def note_success(
        self, session: Session, origin: Origin, *, factor: str, kind: str = "session.opened"
    ) -> None:
        """Write down that a session was opened, or strengthened."""
        await self.audit.record(
            AuditEntry(
                kind=kind,
                organization=session.organization,
                actor=session.user,
                subject=session.user,
                session=session.id,
                address=origin.address,
                agent=origin.agent,
                factor=factor,
                detail={"acr": session.authentication.level},
            )
        )

    async def _state(self, token: str, attempt: SignInAttempt) -> SignInState:
        held = NOTHING
        if attempt.shown or attempt.session:
            account = await self._account(attempt)
            held = await self.holdings.of(account) if account else NOTHING
        return SignInState(
            attempt=token,
            organization=attempt.organization,
            email=attempt.email,
            user=attempt.user,
            offered=attempt.offered(held),
            shown=attempt.shown,
            done=attempt.is_done(held),
            level=attempt.proof.level if attempt.shown else "",
            session=attempt.session,
            wanted=attempt.level,
            expires=attempt.expires,
        )


def _is_barred(account: Account) -> bool:
    return account.disabled or SYSTEM_ORGANIZATION in {account.organization, account.acts_in}


def _counted(attempt: SignInAttempt, factor: str, origin: Origin) -> Attempt:
    """Return what is counted: an account's password under its address, as everywhere, and other factors beside it."""
    kind = "" if factor == Factor.PASSWORD else factor
    return Attempt(organization=attempt.organization, email=attempt.email, address=origin.address, kind=kind)
