"""Where somebody connects a device that has no browser of its own (RFC 8628 §3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from services.auth.http.pages.paths import DEVICE, SIGN_IN
from services.auth.http.pages.site import STATUSES
from services.auth.http.pages.visit import Problem
from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.sessions import Origin, Session
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit


class DeviceView(Protocol):
    """What is to be shown of a device that waits."""

    @property
    def client_name(self) -> str:
        """What people know its client by."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """What it asks for."""

    @property
    def user_code(self) -> str:
        """The code as the device shows it."""


class Devices(Protocol):
    """Leads devices to their tokens."""

    async def describe(self, user_code: str, session: Session, origin: Origin) -> DeviceView:
        """Return what is to be shown; each call is a try at a code. Raises a `TenonError` with a sentence."""

    async def approve(self, user_code: str, session: Session, origin: Origin) -> None:
        """Let the device act for the person of a session."""

    async def deny(self, user_code: str, session: Session, origin: Origin) -> None:
        """Turn the device away."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DevicePage:
    """Asks for the device's code, shows it again, and takes the decision."""

    site: Site
    """What pages are built on."""
    devices: Devices
    """The devices that wait."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(DEVICE, self.show, self.submit),)

    async def show(self, visit: Visit) -> Response:
        """Ask for the code, or say which device has it."""
        code = visit.query("user_code").strip()
        if visit.session is None:
            return visit.go(SIGN_IN, to=f"{DEVICE}?{urlencode({'user_code': code})}" if code else DEVICE)
        if not code or visit.query("done"):
            return visit.render("device", view=None, user_code="")
        try:
            view = await self.devices.describe(code, visit.session, visit.origin)
        except TenonError as error:
            return self._ask(visit, code, error)
        return visit.render("device", view=view, user_code=view.user_code)

    async def submit(self, visit: Visit) -> Response:
        """Take the code, or the decision."""
        code, decision = visit.form.get("user_code", "").strip(), visit.form.get("decision", "")
        if visit.session is None or decision not in {"allow", "deny"}:
            return visit.go(DEVICE, user_code=code)
        try:
            decide = self.devices.approve if decision == "allow" else self.devices.deny
            await decide(code, visit.session, visit.origin)
        except TenonError as error:
            return self._ask(visit, code, error)
        return visit.go(DEVICE, done="approved" if decision == "allow" else "denied")

    def _ask(self, visit: Visit, code: str, error: TenonError) -> Response:
        problem = Problem(message=error.message, field="user_code")
        status = STATUSES.get(error.code, 400)
        response = visit.render("device", status=status, problems=(problem,), view=None, user_code=code)
        return self.site.delay(response, error)
