"""Where an authenticator app is set up."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

import segno

from services.auth.domain.errors import EnrolmentInvalid
from services.auth.domain.factors.totp import provisioning_uri
from services.auth.http.pages.paths import APP_SETUP, AUTHENTICATORS
from services.auth.http.pages.visit import Problem

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.factors.setup import Setup
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit

_WRONG = "That code is not right. Wait for the next one and try again."


@dataclass(frozen=True, kw_only=True, slots=True)
class AppSetupPage:
    """Shows a new key, and takes the app's first code."""

    site: Site
    """What pages are built on."""
    setup: Setup
    """Sets it up."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(APP_SETUP, self.show, self.confirm, private=True),)

    async def show(self, visit: Visit) -> Response:
        """Begin."""
        begun = await self.setup.begin_totp(visit.owner)
        return self._render(visit, begun.enrolment, begun.secret, begun.uri)

    async def confirm(self, visit: Visit) -> Response:
        """Keep the app, if its code is right; the key is shown again where it is not."""
        enrolment, key = visit.form.get("enrolment", ""), visit.form.get("key", "")
        try:
            await self.setup.confirm_totp(visit.owner, enrolment, visit.form.get("code", ""))
        except EnrolmentInvalid:
            # The key came from this page, and whoever changes it on the way sees another one and no more.
            if not (seed := _seed_of(key)):
                return visit.go(APP_SETUP)
            uri = provisioning_uri(seed, account=visit.owner.account.email, issuer=self.setup.issuer)
            return self._render(visit, enrolment, key, uri, Problem(message=_WRONG, field="code"))
        return visit.go(AUTHENTICATORS, done="app")

    def _render(self, visit: Visit, enrolment: str, key: str, uri: str, problem: Problem | None = None) -> Response:
        return visit.render(
            "app_setup",
            status=400 if problem else 200,
            problems=(problem,) if problem else (),
            enrolment=enrolment,
            key=key,
            qr=segno.make(uri, error="m").svg_data_uri(border=2, scale=4),
        )


def _seed_of(key: str) -> bytes:
    """Return the bytes of a key as it was shown, or nothing."""
    plain = key.replace(" ", "")
    try:
        return base64.b32decode(plain + "=" * (-len(plain) % 8))
    except binascii.Error:
        return b""
