"""Wires the pages that people see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.address_verification import AddressVerification
from services.auth.domain.factors.setup import Setup
from services.auth.domain.password_recovery import PasswordRecovery
from services.auth.http.pages.app_setup import AppSetupPage
from services.auth.http.pages.applications import ApplicationsPage
from services.auth.http.pages.authenticators import AuthenticatorsPage
from services.auth.http.pages.confirm import ConfirmPage
from services.auth.http.pages.consent import ConsentPage
from services.auth.http.pages.entering import Entering
from services.auth.http.pages.factor import FactorPage
from services.auth.http.pages.link import LinkPage
from services.auth.http.pages.missing import MissingPage
from services.auth.http.pages.overview import OverviewPage
from services.auth.http.pages.passkey_setup import PasskeySetupPage
from services.auth.http.pages.password import PasswordPage
from services.auth.http.pages.recovery_codes import RecoveryCodesPage
from services.auth.http.pages.refusing import load_look
from services.auth.http.pages.reset import ResetPage
from services.auth.http.pages.sessions import SessionsPage
from services.auth.http.pages.sign_in import SignInPage
from services.auth.http.pages.sign_out import SignOutPage
from services.auth.http.pages.site import Site
from services.auth.http.pages.verify import VerifyPage
from services.auth.wiring.factors import NAME, factors_of, flow_of, passwords_of
from services.auth.wiring.mail import mail_of
from services.auth.wiring.oauth import build_parts
from services.auth.wiring.part import Part

if TYPE_CHECKING:
    from services.auth.wiring.kit import Kit


def wire(kit: Kit) -> Part:
    """Serve the pages."""
    look = load_look()
    site = Site(look=look, issuer=kit.frame.settings.issuer, sessions=kit.sessions, directory=kit.storage.directory)
    oauth = build_parts(kit)
    entering = Entering(site=site, steps=flow_of(kit), flows=oauth.flows)
    setup = _setup(kit)
    pages = (
        OverviewPage(site=site),
        SignInPage(entering=entering),
        FactorPage(entering=entering),
        LinkPage(entering=entering),
        ConfirmPage(entering=entering),
        ConsentPage(entering=entering),
        SignOutPage(site=site),
        ResetPage(site=site, recovery=_recovery(kit)),
        VerifyPage(site=site, verification=_verification(kit)),
        PasswordPage(site=site, passwords=passwords_of(kit)),
        AuthenticatorsPage(site=site, setup=setup),
        AppSetupPage(site=site, setup=setup),
        PasskeySetupPage(site=site, setup=setup),
        RecoveryCodesPage(site=site, setup=setup),
        SessionsPage(site=site),
        ApplicationsPage(site=site, consents=oauth.consents),
        MissingPage(site=site),
    )
    return Part(routes=(look.route(), *(route for page in pages for route in page.routes())))


def _setup(kit: Kit) -> Setup:
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


def _recovery(kit: Kit) -> PasswordRecovery:
    parts = factors_of(kit)
    return PasswordRecovery(
        passwords=passwords_of(kit),
        codes=parts.codes,
        addresses=parts.addresses,
        mail=mail_of(kit),
        later=parts.later,
        links=parts.links,
    )


def _verification(kit: Kit) -> AddressVerification:
    parts = factors_of(kit)
    return AddressVerification(
        codes=parts.codes,
        addresses=parts.addresses,
        mail=mail_of(kit),
        links=parts.links,
        throttle=kit.storage.throttle,
        audit=parts.audit,
    )
