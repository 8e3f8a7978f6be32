"""Wires the pages that people see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.http import federation
from services.auth.http.pages.app_setup import AppSetupPage
from services.auth.http.pages.applications import ApplicationsPage
from services.auth.http.pages.authenticators import AuthenticatorsPage
from services.auth.http.pages.confirm import ConfirmPage
from services.auth.http.pages.consent import ConsentPage
from services.auth.http.pages.device import DevicePage
from services.auth.http.pages.entering import Entering
from services.auth.http.pages.factor import FactorPage
from services.auth.http.pages.invitation import InvitationPage
from services.auth.http.pages.link import LinkPage
from services.auth.http.pages.linked import LinkedPage
from services.auth.http.pages.missing import MissingPage
from services.auth.http.pages.overview import OverviewPage
from services.auth.http.pages.own_data import OwnDataPage
from services.auth.http.pages.passkey_setup import PasskeySetupPage
from services.auth.http.pages.password import PasswordPage
from services.auth.http.pages.profile import ProfilePage
from services.auth.http.pages.recovery_codes import RecoveryCodesPage
from services.auth.http.pages.refusing import load_look
from services.auth.http.pages.reset import ResetPage
from services.auth.http.pages.sessions import SessionsPage
from services.auth.http.pages.sign_in import SignInPage
from services.auth.http.pages.sign_out import SignOutPage
from services.auth.http.pages.site import Site
from services.auth.http.pages.verify import VerifyPage
from services.auth.storage.profiles import RecordProfiles
from services.auth.wiring.factors import (
    flow_of,
    passwords_of,
    recovery_of,
    session_lists_of,
    setup_of,
    verification_of,
)
from services.auth.wiring.federation import federating_of, federation_of, linking_of
from services.auth.wiring.oauth_devices import devices_of
from services.auth.wiring.oauth_logout import returns_of
from services.auth.wiring.oauth_parts import build_parts
from services.auth.wiring.organizations import accepting_of, leaving_of
from services.auth.wiring.part import Part

if TYPE_CHECKING:
    from services.auth.wiring.kit import Kit


def wire(kit: Kit) -> Part:
    """Serve the pages."""
    look = load_look()
    site = Site(look=look, issuer=kit.frame.settings.issuer, sessions=kit.sessions, directory=kit.storage.directory)
    passwords = passwords_of(kit)
    oauth = build_parts(kit)
    entering = Entering(site=site, steps=flow_of(kit), flows=oauth.flows)
    setup, lists, federating = setup_of(kit), session_lists_of(kit), federating_of(kit)
    pages = (
        OverviewPage(site=site),
        SignInPage(entering=entering, federating=federating),
        FactorPage(entering=entering),
        LinkPage(entering=entering),
        ConfirmPage(entering=entering),
        ConsentPage(entering=entering),
        DevicePage(site=site, devices=devices_of(oauth)),
        SignOutPage(site=site, lists=lists, returns=returns_of(kit)),
        ResetPage(site=site, recovery=recovery_of(kit)),
        VerifyPage(site=site, verification=verification_of(kit)),
        ProfilePage(
            site=site,
            profiles=RecordProfiles(kit.keeper, kit.storage.database),
            verification=verification_of(kit),
        ),
        InvitationPage(
            site=site,
            accepting=accepting_of(kit),
            policy=passwords.policy,
            hasher=kit.storage.hasher,
        ),
        PasswordPage(site=site, passwords=passwords),
        AuthenticatorsPage(site=site, setup=setup),
        AppSetupPage(site=site, setup=setup),
        PasskeySetupPage(site=site, setup=setup),
        RecoveryCodesPage(site=site, setup=setup),
        SessionsPage(site=site, lists=lists),
        LinkedPage(entering=entering, linking=linking_of(kit), federating=federating),
        ApplicationsPage(site=site, consents=oauth.consents),
        OwnDataPage(site=site, leaving=leaving_of(kit), notices=passwords.notices),
        MissingPage(site=site),
    )
    own = (route for page in pages for route in page.routes())
    return Part(routes=(look.route(), *federation.routes(entering, federating, federation_of(kit).saml), *own))
