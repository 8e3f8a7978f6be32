"""Where somebody answers an invitation to an organization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.errors import HashingBusy, InvitationInvalid, PasswordUnsuitable
from services.auth.domain.sessions import digest_of
from services.auth.http.pages.paths import HOME, INVITATION, SIGN_IN
from services.auth.http.pages.site import STATUSES
from services.auth.http.pages.visit import Problem

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.invitations import Accepting
    from services.auth.domain.password_policy import PasswordPolicy
    from services.auth.domain.passwords import Hasher
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit
    from services.chassis.errors import TenonError

LONGEST_NAME = 200
"""Characters of the name of a person, as the contract says too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InvitationPage:
    """Takes the answer: as somebody new, or as whoever is signed in."""

    site: Site
    """What pages are built on."""
    accepting: Accepting
    """Answers invitations."""
    policy: PasswordPolicy
    """Says which passwords may be chosen."""
    hasher: Hasher
    """Hashes a first password."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(INVITATION, self.show, self.submit),)

    async def show(self, visit: Visit, error: TenonError | None = None) -> Response:
        """Say who is invited where."""
        link = visit.query("link")
        await self.accepting.check(link)
        invitation = await self.accepting.kept.find_by_secret(digest_of(link))
        if invitation is None:
            raise InvitationInvalid
        problems = (Problem(message=error.message, field="password"),) if error else ()
        return visit.render(
            "invitation",
            status=STATUSES[error.code] if error else 200,
            problems=problems,
            link=link,
            invitation=invitation,
            display_name=visit.form.get("display_name", ""),
            own=visit.account is not None and visit.account.email == invitation.email,
        )

    async def submit(self, visit: Visit) -> Response:
        """Accept or decline."""
        form = visit.form
        link, answer = form.get("link", ""), form.get("answer", "")
        if answer == "decline":
            await self.accepting.decline(link)
            return visit.go(SIGN_IN, done="declined")
        if answer == "join" and visit.account is not None:
            await self.accepting.join(link, visit.account)
            return visit.go(HOME, done="joined")
        await self.accepting.check(link)
        try:
            self.policy.check(form.get("password", ""))
            password_hash = await self.hasher.hash(form.get("password", ""))
        except (PasswordUnsuitable, HashingBusy) as error:
            return await self.show(visit, error)
        name = form.get("display_name", "").strip()[:LONGEST_NAME]
        await self.accepting.accept(link, display_name=name, password_hash=password_hash)
        return visit.go(SIGN_IN, done="joined")
