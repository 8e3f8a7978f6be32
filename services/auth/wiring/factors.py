"""Wires sign-in step by step, and what people prove themselves by; other topics get the parts from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from services.auth.domain.factors.holdings import Holdings
from services.auth.domain.factors.mailed import MailedCodes
from services.auth.domain.factors.showing import Showing
from services.auth.domain.links import Links
from services.auth.domain.notices import Notices
from services.auth.domain.password_policy import PasswordPolicy
from services.auth.domain.passwords import Passwords
from services.auth.domain.sign_in_flow import SignInFlow
from services.auth.storage.addresses import SqlVerifiedAddresses
from services.auth.storage.authenticators import SqlAuthenticators
from services.auth.storage.background import Background
from services.auth.storage.blocklist import read_common_passwords
from services.auth.storage.enrolments import SqlEnrolments
from services.auth.storage.mailed_proofs import SqlMailedProofs
from services.auth.storage.sign_in_attempts import SqlSignInAttempts
from services.auth.storage.webauthn import WebAuthn
from services.auth.wiring.audit import audit_of
from services.auth.wiring.mail import mail_of

if TYPE_CHECKING:
    from services.auth.domain.audit import Audit
    from services.auth.domain.families import Seal
    from services.auth.wiring.kit import Kit

NAME = "Tenon"
"""What authenticator apps and browsers show as the name of whoever asks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FactorKit:
    """The adapters and the parts of the domain that this topic is made of."""

    attempts: SqlSignInAttempts
    """Sign-ins under way."""
    authenticators: SqlAuthenticators
    """What people have set up."""
    enrolments: SqlEnrolments
    """What they are setting up."""
    proofs: SqlMailedProofs
    """Codes and links that were sent."""
    addresses: SqlVerifiedAddresses
    """Addresses that are verified."""
    ceremonies: WebAuthn
    """Speaks WebAuthn."""
    codes: MailedCodes
    """Makes and redeems codes and links."""
    holdings: Holdings
    """Says which factors people have."""
    links: Links
    """Addresses in mails."""
    later: Background
    """Runs what nobody waits for."""
    seal: Seal
    """Seals seeds."""
    audit: Audit
    """Writes down."""
    notices: Notices
    """Tells of changes."""


def factors_of(kit: Kit) -> FactorKit:
    """Return the parts of this topic, on the storage that is open."""
    database, issuer = kit.storage.database, kit.frame.settings.issuer
    authenticators, proofs, audit = SqlAuthenticators(database), SqlMailedProofs(database), audit_of(kit)
    return FactorKit(
        attempts=SqlSignInAttempts(database),
        authenticators=authenticators,
        enrolments=SqlEnrolments(database),
        proofs=proofs,
        addresses=SqlVerifiedAddresses(database),
        ceremonies=relying_party(issuer),
        codes=MailedCodes(kept=proofs),
        holdings=Holdings(kept=authenticators),
        links=Links(issuer=issuer),
        later=Background(),
        seal=kit.frame.keyring.sealer("auth authenticator seed"),
        audit=audit,
        notices=Notices(mail=mail_of(kit), audit=audit),
    )


def flow_of(kit: Kit) -> SignInFlow:
    """Return the sign-in step by step."""
    parts = factors_of(kit)
    showing = Showing(
        directory=kit.storage.directory,
        hasher=kit.storage.hasher,
        credentials=kit.storage.credentials,
        kept=parts.authenticators,
        ceremonies=parts.ceremonies,
        codes=parts.codes,
        addresses=parts.addresses,
        seal=parts.seal,
        mail=mail_of(kit),
        later=parts.later,
        links=parts.links,
        notices=parts.notices,
    )
    return SignInFlow(
        directory=kit.storage.directory,
        attempts=parts.attempts,
        holdings=parts.holdings,
        showing=showing,
        throttle=kit.storage.throttle,
        sessions=kit.sessions,
        audit=parts.audit,
    )


def passwords_of(kit: Kit) -> Passwords:
    """Return what changes and resets passwords."""
    storage, parts = kit.storage, factors_of(kit)
    return Passwords(
        directory=storage.directory,
        credentials=storage.credentials,
        hasher=storage.hasher,
        throttle=storage.throttle,
        sessions=storage.sessions,
        changes=storage.database,
        policy=PasswordPolicy(common=read_common_passwords()),
        holdings=parts.holdings,
        notices=parts.notices,
    )


def relying_party(issuer: str) -> WebAuthn:
    """Return the relying party of the pages at the issuer, such as `https://id.example`: its id is the host."""
    parts = urlsplit(issuer)
    return WebAuthn(rp_id=parts.hostname or "localhost", name=NAME, origins=[f"{parts.scheme}://{parts.netloc}"])
