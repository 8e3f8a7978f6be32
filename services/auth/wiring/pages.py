"""Wires the pages that people see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.errors import FlowUnknown
from services.auth.domain.passwords import Passwords
from services.auth.http.pages.confirm import ConfirmPage
from services.auth.http.pages.consent import ConsentPage
from services.auth.http.pages.entering import Entering
from services.auth.http.pages.factor import FactorPage
from services.auth.http.pages.link import LinkPage
from services.auth.http.pages.look import Look
from services.auth.http.pages.overview import OverviewPage
from services.auth.http.pages.password import PasswordPage
from services.auth.http.pages.sessions import SessionsPage
from services.auth.http.pages.sign_in import SignInPage
from services.auth.http.pages.sign_out import SignOutPage
from services.auth.http.pages.site import Site
from services.auth.wiring.factors import flow_of
from services.auth.wiring.part import Part

if TYPE_CHECKING:
    from services.auth.wiring.kit import Kit


class NoFlows:
    async def describe(self, flow, session=None):
        raise FlowUnknown


def wire(kit: Kit) -> Part:
    """Serve the pages."""
    storage = kit.storage
    look = Look()
    site = Site(look=look, issuer=kit.frame.settings.issuer, sessions=kit.sessions, directory=storage.directory)
    passwords = Passwords(
        directory=storage.directory,
        credentials=storage.credentials,
        hasher=storage.hasher,
        throttle=storage.throttle,
        sessions=storage.sessions,
        changes=storage.database,
    )
    entering = Entering(site=site, steps=flow_of(kit), flows=NoFlows())
    pages = (
        OverviewPage(site=site),
        SignInPage(entering=entering),
        FactorPage(entering=entering),
        LinkPage(entering=entering),
        ConfirmPage(entering=entering),
        ConsentPage(entering=entering),
        PasswordPage(site=site, passwords=passwords),
        SessionsPage(site=site),
        SignOutPage(site=site),
    )
    return Part(routes=(look.route(), *(route for page in pages for route in page.routes())))
