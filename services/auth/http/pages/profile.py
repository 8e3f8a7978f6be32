"""Where somebody says who they are, and shows that their address is theirs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.errors import SignInThrottled
from services.auth.domain.profiles import LONGEST_NAME, OwnProfile
from services.auth.http.pages.paths import PROFILE
from services.auth.http.pages.visit import Problem

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.address_verification import AddressVerification
    from services.auth.domain.profiles import OwnProfiles
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit

_LOCALE = re.compile(r"([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4})?")
_ZONE = re.compile(r"([A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,31}){0,2})?")
_NAMES = ("display_name", "given_name", "family_name")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfilePage:
    """Shows and changes a profile."""

    site: Site
    """What pages are built on."""
    profiles: OwnProfiles
    """Where profiles are kept."""
    verification: AddressVerification
    """Sends links that show whose an address is."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(PROFILE, self.show, self.submit, private=True),)

    async def show(self, visit: Visit) -> Response:
        """Show it."""
        _, account = visit.signed_in
        return await self._render(visit, await self.profiles.read(account.organization, account.name))

    async def submit(self, visit: Visit) -> Response:
        """Change it, or send a link to the address."""
        _, account = visit.signed_in
        if "verify" in visit.form:
            return await self._send(visit)
        values = {name: visit.form.get(name, "").strip() for name in (*_NAMES, "locale", "zone")}
        profile = OwnProfile(**values)
        if problems := _problems(profile):
            return await self._render(visit, profile, problems)
        await self.profiles.write(account.organization, account.name, profile)
        return visit.go(PROFILE, done="saved")

    async def _send(self, visit: Visit) -> Response:
        _, account = visit.signed_in
        try:
            await self.verification.request(account, visit.origin)
        except SignInThrottled as error:
            return self.site.refuse(visit, error)
        return visit.go(PROFILE, done="sent")

    async def _render(self, visit: Visit, profile: OwnProfile, problems: tuple[Problem, ...] = ()) -> Response:
        _, account = visit.signed_in
        verified = await self.verification.addresses.is_verified(account.organization, account.name)
        status = 400 if problems else 200
        return visit.render("profile", status=status, problems=problems, profile=profile, verified=verified)


def _problems(profile: OwnProfile) -> tuple[Problem, ...]:
    """Return what is wrong with a profile, as the contract says too."""
    found = [
        Problem(message=f"At most {LONGEST_NAME} characters, and no control characters.", field=name)
        for name in _NAMES
        if len(getattr(profile, name)) > LONGEST_NAME or not getattr(profile, name).isprintable()
    ]
    if not _LOCALE.fullmatch(profile.locale):
        found.append(Problem(message="Write a language such as en or pt-BR.", field="locale"))
    if not _ZONE.fullmatch(profile.zone):
        found.append(Problem(message="Write a time zone such as Europe/Lisbon.", field="zone"))
    return tuple(found)
