"""Wires sign-in step by step, and what people prove themselves by; other topics get the parts from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from services.auth.domain.address_changes import AddressChanges
from services.auth.domain.address_verification import AddressVerification
from services.auth.domain.factors.forgetting import Forgetting
from services.auth.domain.factors.holdings import Holdings
from services.auth.domain.factors.mailed import MailedCodes
from services.auth.domain.factors.resetting import Resetting
from services.auth.domain.factors.setup import Setup
from services.auth.domain.factors.showing import Showing
from services.auth.domain.links import Links
from services.auth.domain.notices import Notices
from services.auth.domain.password_policy import PasswordPolicy
from services.auth.domain.password_recovery import PasswordRecovery
from services.auth.domain.passwords import Passwords
from services.auth.domain.session_lists import SessionLists
from services.auth.domain.sign_in_flow import SignInFlow
from services.auth.servicer import AuthenticatorServicer, RecoveryServicer
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
from services.auth.wiring.part import Part

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
        addresses=SqlVerifiedAddresses(database, kit.keeper),
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
        transactions=kit.storage.database,
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


def setup_of(kit: Kit) -> Setup:
    """Return what sets up authenticators."""
    parts = factors_of(kit)
    return Setup(
        kept=parts.authenticators,
        enrolments=parts.enrolments,
        credentials=kit.storage.credentials,
        ceremonies=parts.ceremonies,
        seal=parts.seal,
        changes=kit.storage.database,
        notices=parts.notices,
        issuer=NAME,
    )


def recovery_of(kit: Kit) -> PasswordRecovery:
    """Return what replaces forgotten passwords."""
    parts = factors_of(kit)
    return PasswordRecovery(
        passwords=passwords_of(kit),
        codes=parts.codes,
        addresses=parts.addresses,
        mail=mail_of(kit),
        later=parts.later,
        links=parts.links,
    )


def verification_of(kit: Kit) -> AddressVerification:
    """Return what verifies addresses."""
    parts = factors_of(kit)
    return AddressVerification(
        codes=parts.codes,
        addresses=parts.addresses,
        mail=mail_of(kit),
        links=parts.links,
        throttle=kit.storage.throttle,
        audit=parts.audit,
    )


def address_changes_of(kit: Kit) -> AddressChanges:
    """Return what tells people of changes of their addresses."""
    parts = factors_of(kit)
    return AddressChanges(directory=kit.storage.directory, addresses=parts.addresses, notices=parts.notices)


def session_lists_of(kit: Kit) -> SessionLists:
    """Return what lists and ends sessions."""
    return SessionLists(
        sessions=kit.sessions,
        directory=kit.storage.directory,
        changes=kit.storage.database,
        audit=audit_of(kit),
    )


def wire(kit: Kit) -> Part:
    """Serve authenticators and what is done by links in mails, and forget what has expired."""
    storage, parts = kit.storage, factors_of(kit)
    resetting = Resetting(
        directory=storage.directory,
        kept=parts.authenticators,
        credentials=storage.credentials,
        sessions=storage.sessions,
        changes=storage.database,
        notices=parts.notices,
    )
    return Part(
        servicers={
            "tenon.auth.v1.AuthenticatorService": AuthenticatorServicer(
                setup=setup_of(kit),
                resetting=resetting,
                directory=storage.directory,
                trust_headers=kit.trust_headers,
            ),
            "tenon.auth.v1.RecoveryService": RecoveryServicer(
                recovery=recovery_of(kit),
                verification=verification_of(kit),
                directory=storage.directory,
                trust_headers=kit.trust_headers,
            ),
        },
        tasks=(Forgetting(kept=(parts.attempts, parts.enrolments, parts.proofs)).run,),
    )


def relying_party(issuer: str) -> WebAuthn:
    """Return the relying party of the pages at the issuer, such as `https://id.example`: its id is the host."""
    parts = urlsplit(issuer)
    return WebAuthn(rp_id=parts.hostname or "localhost", name=NAME, origins=[f"{parts.scheme}://{parts.netloc}"])
