"""Checks what somebody shows to sign in, each kind of factor at the same cost whoever it is."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.auth.domain.errors import HashingBusy
from services.auth.domain.factors.authenticators import PASSKEY, TOTP
from services.auth.domain.factors.kinds import METHODS, Factor
from services.auth.domain.factors.mailed import MINUTES, SIGN_IN
from services.auth.domain.factors.passkeys import methods_of
from services.auth.domain.factors.recovery_codes import digest_of_code
from services.auth.domain.factors.totp import match_step
from services.auth.domain.letters import CODE, LINK, write_letter
from services.auth.domain.notices import Change

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.domain.accounts import Account, Credentials, Directory
    from services.auth.domain.addresses import VerifiedAddresses
    from services.auth.domain.factors.authenticators import Authenticator, Authenticators
    from services.auth.domain.factors.mailed import MailedCodes, MailedProof
    from services.auth.domain.factors.passkeys import Ceremonies
    from services.auth.domain.families import Seal
    from services.auth.domain.later import Later
    from services.auth.domain.links import Links
    from services.auth.domain.mail import Mail
    from services.auth.domain.notices import Notices
    from services.auth.domain.passwords import Hasher
    from services.auth.domain.sessions import Origin
    from services.auth.domain.sign_in_attempts import SignInAttempt


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A factor that was shown rightly."""

    user: str
    """Whose it is."""
    email: str = field(repr=False)
    """The user's address."""
    methods: tuple[str, ...]
    """What it adds to `amr`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Showing:
    """Checks factors. Each check returns None for whatever is wrong."""

    directory: Directory
    """Finds whose a passkey is."""
    hasher: Hasher
    """Checks passwords."""
    credentials: Credentials
    """Keeps the hashes of those that were made elsewhere as they are made here."""
    kept: Authenticators
    """Where authenticators and recovery codes are kept."""
    ceremonies: Ceremonies
    """Speaks WebAuthn."""
    codes: MailedCodes
    """Makes and redeems what is sent by mail."""
    addresses: VerifiedAddresses
    """Keeps that an address is somebody's."""
    seal: Seal = field(repr=False)
    """Opens seeds."""
    mail: Mail
    """Takes mail."""
    later: Later
    """Posts mail after the answer."""
    links: Links
    """The addresses in mails."""
    notices: Notices
    """Tells of what looks like theft."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def password(self, account: Account | None, password: str) -> Shown | None:
        """Check a password. Raises `HashingBusy`."""
        proven = await self.hasher.verify(account.password_hash if account else "", password)
        if account is None or not proven:
            return None
        if self.hasher.is_outdated(account.password_hash):
            # At the next sign-in is early enough.
            with contextlib.suppress(HashingBusy):
                made = await self.hasher.hash(password)
                await self.credentials.renew(account.organization, account.name, account.password_hash, made)
        return _shown(account, METHODS[Factor.PASSWORD])

    async def send(self, handle: str, attempt: SignInAttempt, account: Account | None, factor: Factor) -> None:
        """Send a code or a link, where there is somebody to send it to. What is kept is kept either way."""
        user = account.name if account else ""
        make = self.codes.make_code if factor is Factor.EMAIL_CODE else self.codes.make_link
        secret = await make(handle, purpose=SIGN_IN, organization=attempt.organization, email=attempt.email, user=user)
        if account is None:
            return
        if factor is Factor.EMAIL_CODE:
            letter = write_letter(
                CODE, to=account.email, organization=account.organization, code=secret, minutes=MINUTES
            )
        else:
            link = self.links.sign_in(secret)
            letter = write_letter(LINK, to=account.email, organization=account.organization, link=link, minutes=MINUTES)
        self.later.run(lambda: self.mail.post(letter))

    async def code(self, handle: str, account: Account | None, code: str) -> Shown | None:
        """Check a code that was sent."""
        return await self._own(account, await self.codes.redeem_code(handle, code, purpose=SIGN_IN), Factor.EMAIL_CODE)

    async def link(self, handle: str, account: Account | None, secret: str) -> Shown | None:
        """Check the secret of a link that was sent."""
        proof = await self.codes.redeem_link(secret, purpose=SIGN_IN, handle=handle)
        return await self._own(account, proof, Factor.EMAIL_LINK)

    async def totp(self, account: Account | None, code: str) -> Shown | None:
        """Check a code of any of the user's apps, each of which is good once."""
        if account is None:
            return None
        now = self.clock()
        for app in await self.kept.list_of(account.organization, account.name):
            if app.kind != TOTP:
                continue
            step = match_step(self.seal.open(app.seed, app.id.encode()), code, now.timestamp())
            if step is not None and await self.kept.use_step(app.id, step, now=now):
                return _shown(account, METHODS[Factor.TOTP])
        return None

    async def recovery_code(self, account: Account | None, code: str, origin: Origin) -> Shown | None:
        """Check a recovery code, which is used up, and tell the user of it."""
        if account is None:
            return None
        digest = digest_of_code(code)
        if not await self.kept.use_code(account.organization, account.name, digest, now=self.clock()):
            return None
        left = await self.kept.count_codes(account.organization, account.name)
        sentence = f"a recovery code was used to sign in, {left} are left"
        change = Change(kind="recovery_code.used", sentence=sentence, factor=Factor.RECOVERY_CODE)
        await self.notices.tell(account, change, origin)
        return _shown(account, METHODS[Factor.RECOVERY_CODE])

    async def passkey_options(self, attempt: SignInAttempt, account: Account | None) -> str:
        """Return what a browser is asked for: any passkey, or one of those of the user who has shown a factor."""
        present = await self.kept.list_of(account.organization, account.name) if account else ()
        allowed = [one for one in present if one.kind == PASSKEY and not one.suspended]
        return self.ceremonies.offer_assertion(attempt.challenge, allowed, verify=_must_verify(attempt))

    async def passkey(
        self, attempt: SignInAttempt, account: Account | None, answer: str, origin: Origin
    ) -> Shown | None:
        """Check an assertion. Alone, it has to have verified its user; beside another factor it need not."""
        claimed = self.ceremonies.read_assertion(answer)
        passkey = await self.kept.find_passkey(claimed.credential) if claimed else None
        if claimed is None or passkey is None or not attempt.challenge or passkey.suspended:
            return None
        if claimed.user_handle not in {b"", passkey.user.encode()}:
            return None
        owner = await self._owner(attempt, account, passkey)
        asserted = self.ceremonies.check_assertion(answer, attempt.challenge, passkey) if owner else None
        if owner is None or asserted is None or (_must_verify(attempt) and not asserted.verified):
            return None
        if not await self.kept.count_signature(passkey.id, asserted.sign_count, now=self.clock()):
            await self._tell_of_copy(owner, passkey, origin)
            return None
        return _shown(owner, methods_of(passkey, asserted))

    async def _owner(self, attempt: SignInAttempt, account: Account | None, passkey: Authenticator) -> Account | None:
        """Return whose passkey it is, where that is who signs in; without an address, whoever it is signs in."""
        owner = account
        if not attempt.email:
            owner = await self.directory.find_acting(attempt.organization, passkey.user)
        if owner is None or owner.disabled:
            return None
        return owner if (owner.organization, owner.name) == (passkey.organization, passkey.user) else None

    async def _own(self, account: Account | None, proof: MailedProof | None, factor: Factor) -> Shown | None:
        """Return what a redeemed mail shows: that the address is theirs, too, unless it is another one by now."""
        if account is None or proof is None or (proof.user, proof.email) != (account.name, account.email):
            return None
        await self.addresses.verify(account.organization, account.name, proof.email)
        return _shown(account, METHODS[factor])

    async def _tell_of_copy(self, account: Account, passkey: Authenticator, origin: Origin) -> None:
        sentence = f"the passkey {passkey.display_name} was suspended, since somebody seems to have a copy of it"
        detail = {"authenticator": passkey.id}
        change = Change(kind="factor.suspended", sentence=sentence, factor=Factor.PASSKEY, detail=detail)
        await self.notices.tell(account, change, origin)


def _must_verify(attempt: SignInAttempt) -> bool:
    """Whether the device must verify its user: where nothing else was shown, or the highest level is wanted."""
    return not (attempt.shown or attempt.session) or attempt.level == "aal3"


def _shown(account: Account, methods: tuple[str, ...]) -> Shown:
    return Shown(user=account.name, email=account.email, methods=methods)
