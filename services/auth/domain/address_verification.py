"""How somebody shows that an address is theirs. Nobody says it of themselves (CVE-2026-27946)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.audit import AuditEntry
from services.auth.domain.errors import MailedProofInvalid
from services.auth.domain.factors.mailed import MINUTES, VERIFY, generate_handle
from services.auth.domain.letters import VERIFICATION, write_letter
from services.auth.domain.throttle import Attempt

if TYPE_CHECKING:
    from services.auth.domain.accounts import Account
    from services.auth.domain.addresses import VerifiedAddresses
    from services.auth.domain.audit import Audit
    from services.auth.domain.factors.mailed import MailedCodes
    from services.auth.domain.links import Links
    from services.auth.domain.mail import Mail
    from services.auth.domain.sessions import Origin
    from services.auth.domain.throttle import Throttle


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressVerification:
    """Sends links, and takes them back."""

    codes: MailedCodes
    """Makes and redeems links."""
    addresses: VerifiedAddresses
    """Keeps what was shown."""
    mail: Mail
    """Takes mail."""
    links: Links
    """The addresses in mails."""
    throttle: Throttle
    """Bounds how much mail there is."""
    audit: Audit
    """Writes it down."""

    async def request(self, account: Account, origin: Origin) -> None:
        """Send a link to the address that the user has now. Raises `SignInThrottled`, `ThrottleUnavailable`."""
        counted = Attempt(
            organization=account.organization,
            email=account.email,
            address=origin.address,
            kind="verify",
            is_guess=False,
        )
        await self.throttle.admit(counted)
        secret = await self.codes.make_link(
            generate_handle(),
            purpose=VERIFY,
            organization=account.organization,
            email=account.email,
            user=account.name,
        )
        link = self.links.verify(secret)
        letter = write_letter(
            VERIFICATION, to=account.email, organization=account.organization, link=link, minutes=MINUTES
        )
        await self.mail.post(letter)

    async def confirm(self, link: str, origin: Origin) -> str:
        """Take a link back, and return the name of the user whose address is verified.

        Raises:
            MailedProofInvalid: the link does nothing, or the user has another address by now.
        """
        proof = await self.codes.redeem_link(link, purpose=VERIFY)
        if proof is None or not await self.addresses.verify(proof.organization, proof.user, proof.email):
            raise MailedProofInvalid
        await self.audit.record(
            AuditEntry(
                kind="address.verified",
                organization=proof.organization,
                actor=proof.user,
                subject=proof.user,
                address=origin.address,
                agent=origin.agent,
            )
        )
        return proof.user
