"""Wires the pages that people see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.passwords import Passwords
from services.auth.http.pages.look import Look
from services.auth.http.pages.overview import OverviewPage
from services.auth.http.pages.password import PasswordPage
from services.auth.http.pages.sessions import SessionsPage
from services.auth.http.pages.sign_out import SignOutPage
from services.auth.http.pages.site import Site
from services.auth.wiring.part import Part

if TYPE_CHECKING:
    from services.auth.wiring.kit import Kit


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
    pages = (
        OverviewPage(site=site),
        PasswordPage(site=site, passwords=passwords),
        SessionsPage(site=site),
        SignOutPage(site=site),
    )
    return Part(routes=(look.route(), *(route for page in pages for route in page.routes())))
