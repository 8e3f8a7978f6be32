"""How somebody who has forgotten their password chooses another one, by a link that is sent to their address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.accounts import DEFAULT_ORGANIZATION, SYSTEM_ORGANIZATION, normalize_email
from services.auth.domain.errors import MailedProofInvalid
from services.auth.domain.factors.mailed import MINUTES, RESET, generate_handle
from services.auth.domain.letters import RESET as LETTER
from services.auth.domain.letters import write_letter
from services.auth.domain.notices import Change
from services.auth.domain.throttle import Attempt

if TYPE_CHECKING:
    from services.auth.domain.accounts import Account
    from services.auth.domain.addresses import VerifiedAddresses
    from services.auth.domain.factors.mailed import MailedCodes, MailedProof
    from services.auth.domain.later import Later
    from services.auth.domain.links import Links
    from services.auth.domain.mail import Mail
    from services.auth.domain.passwords import Passwords
    from services.auth.domain.sessions import Origin


@dataclass(frozen=True, kw_only=True, slots=True)
class PasswordRecovery:
    """Replaces passwords that were forgotten. It signs nobody in, so that a second factor is asked for as ever."""

    passwords: Passwords
    """Checks and replaces passwords."""
    codes: MailedCodes
    """Makes and redeems links."""
    addresses: VerifiedAddresses
    """Keeps that an address is somebody's."""
    mail: Mail
    """Takes mail."""
    later: Later
    """Posts it after the answer."""
    links: Links
    """The addresses in mails."""

    async def request(self, organization: str, email: str, origin: Origin) -> None:
        """Send a link, if somebody has the address: nobody is told whether, and the work is the same.

        Raises `SignInThrottled`, `ThrottleUnavailable`.
        """
        organization, email = organization or DEFAULT_ORGANIZATION, normalize_email(email)
        counted = Attempt(organization=organization, email=email, address=origin.address, kind="reset", is_guess=False)
        await self.passwords.throttle.admit(counted)
        account = await self.passwords.directory.find_by_email(organization, email)
        known = account is not None and not account.disabled and organization != SYSTEM_ORGANIZATION
        user = account.name if account and known else ""
        # A member has their password where they live.
        home = account.organization if account and known else organization
        secret = await self.codes.make_link(generate_handle(), purpose=RESET, organization=home, email=email, user=user)
        if user:
            link = self.links.reset(secret)
            letter = write_letter(LETTER, to=email, organization=home, link=link, minutes=MINUTES)
            self.later.run(lambda: self.mail.post(letter))

    async def check(self, link: str) -> bool:
        """Whether a link does something yet. It is not used up by that."""
        return await self._find(link) is not None

    async def choose(self, link: str, password: str, origin: Origin) -> None:
        """Set the password, end all sessions of the user, and tell them. A password that is refused leaves the link.

        Raises:
            MailedProofInvalid: the link does nothing, or not any more.
            PasswordUnsuitable: the password would be guessed.
            HashingBusy: too many passwords wait.
        """
        found = await self._find(link)
        if found is None:
            raise MailedProofInvalid
        account, proof = found
        short = await self.passwords.check(account, password)
        password_hash = await self.passwords.hasher.hash(password)
        change = Change(kind="password.recovered", sentence=_SENTENCE, factor="password")
        async with self.passwords.changes.open(account.organization):
            if await self.codes.redeem_link(link, purpose=RESET) is None:
                raise MailedProofInvalid
            await self.addresses.verify(account.organization, account.name, proof.email)
            await self.passwords.replace(account, password_hash, change, origin, short=short)

    async def _find(self, link: str) -> tuple[Account, MailedProof] | None:
        proof = await self.codes.find_link(link, purpose=RESET)
        if proof is None or not proof.user:
            return None
        account = await self.passwords.directory.find_by_name(proof.organization, proof.user)
        usable = account is not None and not account.disabled and account.email == proof.email
        return (account, proof) if account is not None and usable else None


_SENTENCE = "your password was replaced by a link that was sent to this address, and your sessions were ended"
