"""How people set up, name and remove what they prove themselves by (ASVS 5.0 7.5.1, 6.3.7)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.auth.domain.errors import (
    AuthenticatorExists,
    AuthenticatorUnknown,
    EnrolmentInvalid,
    PasswordTooShortAlone,
    ReauthenticationNeeded,
    SecondFactorMissing,
    TooManyAuthenticators,
)
from services.auth.domain.factors.authenticators import MOST, PASSKEY, TOTP, Authenticator, Enrolment
from services.auth.domain.factors.mailed import generate_handle
from services.auth.domain.factors.passkeys import generate_challenge
from services.auth.domain.factors.recovery_codes import digest_of_code, generate_codes
from services.auth.domain.factors.totp import generate_seed, match_step, provisioning_uri, readable_seed
from services.auth.domain.notices import Change
from services.auth.domain.sessions import Origin, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.auth.domain.accounts import Account, Changes, Credentials
    from services.auth.domain.factors.authenticators import Authenticators, Enrolments
    from services.auth.domain.factors.passkeys import Ceremonies
    from services.auth.domain.families import Seal
    from services.auth.domain.notices import Notices

LIFETIME = timedelta(minutes=10)
"""For so long something may be being set up."""

FRESH = timedelta(minutes=10)
"""Whoever changes what they prove themselves by has done so within this time."""

_MOST_FAILURES = 10
_ID_BYTES = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """Somebody who changes what they prove themselves by."""

    account: Account
    """Who they are."""
    authenticated: datetime
    """When they have proven it."""
    session: str = ""
    """The session in which they act."""
    origin: Origin = field(default_factory=Origin)
    """Where they are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BegunTotp:
    """An authenticator app that is being set up."""

    enrolment: str = field(repr=False)
    """The token to confirm it by."""
    secret: str = field(repr=False)
    """The seed in base32, to be typed."""
    uri: str = field(repr=False)
    """The same as an `otpauth://` address, to be shown as a QR code."""
    expires: datetime
    """When it is forgotten."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BegunPasskey:
    """A passkey that is being set up."""

    enrolment: str = field(repr=False)
    """The token to confirm it by."""
    options: str = field(repr=False)
    """The options of `navigator.credentials.create`, as JSON."""
    expires: datetime
    """When it is forgotten."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """Sets up authenticators. Every change needs a proof that is fresh, is written down, and its owner is told of it.

    Each change raises `ReauthenticationNeeded`.
    """

    kept: Authenticators
    """Where authenticators and recovery codes are kept."""
    enrolments: Enrolments
    """Where those are that are being set up."""
    credentials: Credentials
    """Says whether a password is good beside a second factor alone."""
    ceremonies: Ceremonies
    """Speaks WebAuthn."""
    seal: Seal = field(repr=False)
    """Seals seeds."""
    changes: Changes
    """Makes a change and its notice one."""
    notices: Notices
    """Tells of changes."""
    issuer: str = "Tenon"
    """The name that apps show."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def list_of(self, account: Account) -> Sequence[Authenticator]:
        """Return somebody's authenticators."""
        return await self.kept.list_of(account.organization, account.name)

    async def count_codes(self, account: Account) -> int:
        """Return how many recovery codes somebody has left."""
        return await self.kept.count_codes(account.organization, account.name)

    async def begin_totp(self, owner: Owner, display_name: str = "") -> BegunTotp:
        """Begin to set up an authenticator app. Raises `TooManyAuthenticators`."""
        await self._check_begin(owner)
        token, seed = generate_handle(), generate_seed()
        sealed = self.seal.seal(seed, digest_of(token))
        expires = await self._open(owner, token, TOTP, display_name or "Authenticator app", seed=sealed)
        uri = provisioning_uri(seed, account=owner.account.email, issuer=self.issuer)
        return BegunTotp(enrolment=token, secret=readable_seed(seed), uri=uri, expires=expires)

    async def confirm_totp(self, owner: Owner, enrolment: str, code: str) -> Authenticator:
        """Keep an app that shows the right code; that code signs nobody in. Raises `EnrolmentInvalid`."""
        found = await self._find(owner, enrolment, TOTP)
        seed = self.seal.open(found.seed, found.id)
        step = match_step(seed, code, self.clock().timestamp())
        if step is None:
            await self.enrolments.count_failure(found.id)
            raise EnrolmentInvalid
        made = self._new(owner, found)
        app = replace(made, seed=self.seal.seal(seed, made.id.encode()), last_step=step)
        return await self._keep(owner, found, app)

    async def begin_passkey(self, owner: Owner, display_name: str = "") -> BegunPasskey:
        """Begin to set up a passkey. Raises `TooManyAuthenticators`."""
        present = await self._check_begin(owner)
        token, challenge = generate_handle(), generate_challenge()
        expires = await self._open(owner, token, PASSKEY, display_name or "Passkey", challenge=challenge)
        options = self.ceremonies.offer_registration(owner.account, challenge, present)
        return BegunPasskey(enrolment=token, options=options, expires=expires)

    async def confirm_passkey(self, owner: Owner, enrolment: str, answer: str) -> Authenticator:
        """Keep a passkey: `answer` is the JSON of `PublicKeyCredential.toJSON()`.

        Raises:
            EnrolmentInvalid: the answer is wrong, or what it answers has expired; a challenge is answered once.
            AuthenticatorExists: somebody has that passkey already.
        """
        found = await self._find(owner, enrolment, PASSKEY)
        registered = self.ceremonies.check_registration(answer, found.challenge)
        if registered is None:
            await self.enrolments.close(found.id)
            raise EnrolmentInvalid
        made = self._new(owner, found)
        passkey = replace(
            made,
            credential=registered.credential,
            public_key=registered.public_key,
            sign_count=registered.sign_count,
            backup_eligible=registered.backup_eligible,
            transports=registered.transports,
        )
        return await self._keep(owner, found, passkey)

    async def regenerate_codes(self, owner: Owner) -> list[str]:
        """Return new recovery codes, shown this once, in place of all before. Raises `SecondFactorMissing`."""
        self._check_fresh(owner)
        account, codes = owner.account, generate_codes()
        async with self.changes.open(account.organization):
            if not await self.list_of(account):
                raise SecondFactorMissing
            digests = [digest_of_code(code) for code in codes]
            await self.kept.replace_codes(account.organization, account.name, digests)
            await self._tell(owner, "recovery_codes.replaced", "new recovery codes were made", "recovery_code")
        return codes

    async def rename(self, owner: Owner, authenticator: str, display_name: str) -> Authenticator:
        """Give an authenticator another name. Raises `AuthenticatorUnknown`."""
        account = owner.account
        found = await self.kept.rename(account.organization, account.name, authenticator, display_name)
        if found is None:
            raise AuthenticatorUnknown(f"authenticators/{authenticator}")
        return found

    async def remove(self, owner: Owner, authenticator: str) -> None:
        """Remove an authenticator; the last one takes the recovery codes with it.

        Raises:
            AuthenticatorUnknown: there is none such.
            PasswordTooShortAlone: it is the last one, and the password is too short to be the only factor.
        """
        self._check_fresh(owner)
        account = owner.account
        async with self.changes.open(account.organization):
            found = await self.kept.remove(account.organization, account.name, authenticator)
            if found is None:
                raise AuthenticatorUnknown(f"authenticators/{authenticator}")
            if not await self.list_of(account):
                if await self.credentials.is_short(account.organization, account.name):
                    raise PasswordTooShortAlone
                await self.kept.replace_codes(account.organization, account.name, ())
            await self._tell(owner, "factor.removed", f"{_named(found)} was removed", found.kind)

    async def _check_begin(self, owner: Owner) -> Sequence[Authenticator]:
        self._check_fresh(owner)
        present = await self.list_of(owner.account)
        if len(present) >= MOST:
            raise TooManyAuthenticators(MOST)
        return present

    def _check_fresh(self, owner: Owner) -> None:
        if self.clock() - owner.authenticated > FRESH:
            raise ReauthenticationNeeded(FRESH.total_seconds())

    async def _open(
        self, owner: Owner, token: str, kind: str, display_name: str, *, seed: bytes = b"", challenge: bytes = b""
    ) -> datetime:
        enrolment = Enrolment(
            id=digest_of(token),
            organization=owner.account.organization,
            user=owner.account.name,
            kind=kind,
            display_name=display_name,
            seed=seed,
            challenge=challenge,
            expires=self.clock() + LIFETIME,
        )
        await self.enrolments.open(enrolment)
        return enrolment.expires

    async def _find(self, owner: Owner, token: str, kind: str) -> Enrolment:
        self._check_fresh(owner)
        found = await self.enrolments.find(digest_of(token), now=self.clock())
        account = owner.account
        if found is None or (found.organization, found.user, found.kind) != (account.organization, account.name, kind):
            raise EnrolmentInvalid
        if found.failures >= _MOST_FAILURES:
            raise EnrolmentInvalid
        return found

    def _new(self, owner: Owner, enrolment: Enrolment) -> Authenticator:
        return Authenticator(
            id=secrets.token_hex(_ID_BYTES),
            organization=owner.account.organization,
            user=owner.account.name,
            kind=enrolment.kind,
            display_name=enrolment.display_name,
            created=self.clock(),
        )

    async def _keep(self, owner: Owner, enrolment: Enrolment, made: Authenticator) -> Authenticator:
        async with self.changes.open(made.organization):
            if not await self.enrolments.close(enrolment.id):
                raise EnrolmentInvalid
            if not await self.kept.add(made):
                raise AuthenticatorExists
            await self._tell(owner, "factor.added", f"{_named(made)} was added", made.kind)
        return made

    async def _tell(self, owner: Owner, kind: str, sentence: str, factor: str) -> None:
        change = Change(kind=kind, sentence=sentence, factor=factor, session=owner.session)
        await self.notices.tell(owner.account, change, owner.origin)


def _named(authenticator: Authenticator) -> str:
    kind = "passkey" if authenticator.kind == PASSKEY else "authenticator app"
    return f"the {kind} {authenticator.display_name}"
