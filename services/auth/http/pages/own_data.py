"""Where somebody takes what is kept of them with them, or has it erased (GDPR, articles 15, 17 and 20)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from services.auth.domain.accounts import Granter, normalize_email
from services.auth.domain.errors import LastAdministrator, ReauthenticationNeeded
from services.auth.domain.factors.setup import FRESH
from services.auth.domain.notices import Change
from services.auth.http.pages.paths import OWN_DATA, SIGN_IN
from services.auth.http.pages.visit import Problem

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from services.auth.domain.accounts import Account
    from services.auth.domain.notices import Notices
    from services.auth.domain.personal_data import Leaving
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit

_LEFT = Change(kind="user.left", sentence="your account was deleted, as you have asked")


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnDataPage:
    """Exports and deletes an account. Both need a proof that is fresh."""

    site: Site
    """What pages are built on."""
    leaving: Leaving
    """Collects what is kept, and deletes."""
    notices: Notices
    """Tells of it."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(OWN_DATA, self.show, self.submit, private=True),)

    async def show(self, visit: Visit, problem: Problem | None = None) -> Response:
        """Say what may be done."""
        self._check_fresh(visit)
        return visit.render("own_data", status=400 if problem else 200, problems=(problem,) if problem else ())

    async def submit(self, visit: Visit) -> Response:
        """Hand the data over, or delete the account."""
        self._check_fresh(visit)
        _, account = visit.signed_in
        if visit.form.get("do") == "export":
            return await self._export(account)
        if normalize_email(visit.form.get("email", "")) != account.email:
            message = "Write the email address of your account, so that nothing is deleted by mistake."
            return await self.show(visit, Problem(message=message, field="email"))
        try:
            await self._delete(visit, account)
        except LastAdministrator as error:
            return await self.show(visit, Problem(message=error.message))
        return self.site.leave(visit, visit.go(SIGN_IN, done="deleted"))

    async def _export(self, account: Account) -> Response:
        found = await self.leaving.personal.collect(account.organization, account.name)
        body = json.dumps(found, ensure_ascii=False, indent=2, default=str)
        headers = {"content-disposition": 'attachment; filename="my-data.json"'}
        return Response(body, media_type="application/json", headers=headers)

    async def _delete(self, visit: Visit, account: Account) -> None:
        granter = Granter(organization=account.organization, subject=account.name, held=account.permissions)
        async with self.leaving.changes.open(account.organization):
            await self.leaving.leave(granter)
            await self.notices.tell(account, _LEFT, visit.origin)

    def _check_fresh(self, visit: Visit) -> None:
        if self.site.sessions.clock() - visit.owner.authenticated > FRESH:
            raise ReauthenticationNeeded(FRESH.total_seconds())
