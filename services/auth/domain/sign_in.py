"""How our own client signs people in, over gRPC and REST: in one call by a password, or step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.accounts import DEFAULT_ORGANIZATION, normalize_email
from services.auth.domain.audit import AuditEntry
from services.auth.domain.authentication import PASSWORD, Authentication
from services.auth.domain.errors import HashingBusy, LevelOutOfReach, SignInExpired, SignInFailed, SignInUnfinished
from services.auth.domain.factors.kinds import Factor
from services.auth.domain.families import Proof, Request
from services.auth.domain.throttle import Attempt

if TYPE_CHECKING:
    from services.auth.domain.accounts import Account
    from services.auth.domain.audit import Audit
    from services.auth.domain.families import Families, Opened
    from services.auth.domain.sessions import Origin
    from services.auth.domain.sign_in_flow import SignInFlow, SignInState
    from services.auth.domain.tokens import AccessToken

CLIENT = "tenon"
"""`client_id` of people who sign in by a password: no other client may ask for one (OAuth 2.1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignIn:
    """Signs people in to our own client."""

    flow: SignInFlow
    """Signs in step by step."""
    families: Families
    """Gives our own client its tokens."""
    renewals: Audit
    """Where it is written down who renewed theirs, of which there is much."""

    async def sign_in(
        self, *, organization: str, email: str, password: str, origin: Origin, level: str = ""
    ) -> Opened | SignInState:
        """Open a session, or say what else has to be shown.

        The work is the same whatever is wrong: one look-up and one hash, with or without a user (ASVS 5.0 6.3.8).

        Raises:
            SignInFailed: something is wrong, and nobody is told what.
            SignInThrottled: too many attempts failed.
            HashingBusy: too many people sign in at once.
        """
        flow = self.flow
        attempt = Attempt(
            organization=organization or DEFAULT_ORGANIZATION, email=normalize_email(email), address=origin.address
        )
        await flow.throttle.admit(attempt)
        account = await flow.find(attempt.organization, attempt.email)
        try:
            shown = await flow.showing.password(account, password)
        except HashingBusy:
            await flow.throttle.withdraw(attempt)
            raise
        if account is None or shown is None:
            await flow.note_failure(attempt.organization, origin, factor=Factor.PASSWORD)
            raise SignInFailed
        await flow.throttle.forgive(attempt)
        held = await flow.holdings.of(account)
        if held.second or held.required or level:
            return await self.conclude(await flow.resume(account, Factor.PASSWORD, (PASSWORD,), level), origin)
        # Nothing more can be asked for, so that nothing has to be kept of the sign-in.
        proof = Authentication(time=flow.clock(), methods=(PASSWORD,))
        async with flow.transactions.together():
            opened = await flow.sessions.open(account, proof, origin)
            issued = await self.families.open(account, Request(client=CLIENT, session=opened.session))
            await flow.note_success(opened.session, origin, factor=Factor.PASSWORD)
        return issued

    async def renew(self, refresh_token: str, origin: Origin) -> Opened:
        """Renew what our own client holds.

        Raises:
            RefreshTokenInvalid: the token is unknown, expired, revoked or another client's.
            RefreshTokenReused: it was used up before the grace.
        """
        opened = await self.families.renew(refresh_token, Proof(client=CLIENT))
        family = opened.family
        entry = AuditEntry(
            kind="token.renewed",
            organization=family.organization,
            actor=family.user,
            subject=family.user,
            session=family.session,
            client=CLIENT,
            address=origin.address,
            agent=origin.agent,
            detail={"grant": family.id},
        )
        await self.renewals.record(entry)
        return opened

    async def conclude(self, state: SignInState, origin: Origin) -> Opened | SignInState:
        """Open the session where enough was shown, and else return what is missing.

        Raises:
            SignInExpired: the sign-in is one that strengthens a session.
        """
        if state.session:
            raise SignInExpired
        if not state.done:
            return state
        async with self.flow.transactions.together():
            opened = await self.flow.finish(state.attempt, origin, browser=False)
            account = await self._account(state)
            return await self.families.open(account, Request(client=CLIENT, session=opened.session))

    async def step_up(self, *, organization: str, session: str, level: str) -> SignInState:
        """Begin to strengthen the caller's session.

        Raises:
            SignInExpired: the session has ended, or the caller has none.
        """
        sessions = self.flow.sessions
        found = await sessions.kept.find(session) if session else None
        if found is None or not found.is_alive(self.flow.clock(), sessions.lifetimes.idle):
            raise SignInExpired
        return await self.flow.begin_step_up(found, level=level, organization=organization)

    async def check_step_up(self, attempt: str, *, session: str) -> None:
        """Refuse a sign-in that strengthens another session than the caller's. Raises `SignInExpired`."""
        state = await self.flow.look(attempt)
        if not session or state.session != session:
            raise SignInExpired

    async def conclude_step_up(
        self, state: SignInState, origin: Origin, *, session: str, family: str
    ) -> AccessToken | SignInState:
        """Strengthen the caller's session where enough was shown, and return a new access token of the client's family.

        Raises:
            SignInExpired: the sign-in belongs to another session.
            LevelOutOfReach: what the user has set up is not as strong as is asked.
        """
        if not session or state.session != session:
            raise SignInExpired
        if not state.done:
            return state
        if not state.reached:
            raise LevelOutOfReach(state.wanted)
        await self.flow.finish(state.attempt, origin, browser=False)
        return await self.families.reissue(await self._account(state), family)

    async def _account(self, state: SignInState) -> Account:
        account = await self.flow.directory.find_acting(state.organization, state.user)
        if account is None or account.disabled:
            raise SignInUnfinished("")
        return account
