"""How a person proves who they are by a password, so that nobody learns who has an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.accounts import DEFAULT_ORGANIZATION, SYSTEM_ORGANIZATION, normalize_email
from services.auth.domain.authentication import PASSWORD, Authentication
from services.auth.domain.errors import HashingBusy, SignInFailed
from services.auth.domain.families import Request
from services.auth.domain.throttle import Attempt

if TYPE_CHECKING:
    from services.auth.domain.accounts import Directory
    from services.auth.domain.families import Families, Opened
    from services.auth.domain.passwords import Hasher
    from services.auth.domain.sessions import Origin, Sessions
    from services.auth.domain.throttle import Throttle

CLIENT = "tenon"
"""`client_id` of people who sign in by a password: no other client may ask for one (OAuth 2.1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignIn:
    """Signs people in."""

    directory: Directory
    """Finds the user."""
    hasher: Hasher
    """Checks the password."""
    throttle: Throttle
    """Bounds how often it may be tried."""
    sessions: Sessions
    """Opens the session."""
    families: Families
    """Gives our own client its tokens."""

    async def sign_in(self, *, organization: str, email: str, password: str, origin: Origin) -> Opened:
        """Open a session.

        The work is the same whatever is wrong: one look-up and one hash, with or without a user (ASVS 5.0 6.3.8).

        Raises:
            SignInFailed: something is wrong, and nobody is told what.
            SignInThrottled: too many attempts failed.
            HashingBusy: too many people sign in at once.
        """
        attempt = Attempt(
            organization=organization or DEFAULT_ORGANIZATION, email=normalize_email(email), address=origin.address
        )
        await self.throttle.admit(attempt)
        account = await self.directory.find_by_email(attempt.organization, attempt.email)
        try:
            proven = await self.hasher.verify(account.password_hash if account else "", password)
        except HashingBusy:
            await self.throttle.withdraw(attempt)
            raise
        if account is None or not proven or account.disabled or account.organization == SYSTEM_ORGANIZATION:
            raise SignInFailed
        proof = Authentication(time=self.sessions.clock(), methods=(PASSWORD,))
        opened = await self.sessions.open(account, proof, origin)
        issued = await self.families.open(account, Request(client=CLIENT, session=opened.session))
        await self.throttle.forgive(attempt)
        return issued
