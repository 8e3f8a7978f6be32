"""By which identities elsewhere somebody signs in, and how they link and unlink them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.errors import LinkedIdentityUnknown, ReauthenticationNeeded
from services.auth.http.cookies import FEDERATION
from services.auth.http.pages.paths import CONFIRM, CONTINUE, LINKED, LINKED_CONFIRM, SIGN_IN

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.federation.federating import Federating
    from services.auth.domain.federation.linking import Linking
    from services.auth.http.pages.entering import Entering
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkedPage:
    """Lists, links and unlinks."""

    entering: Entering
    """Knows what waits for a sign-in."""
    linking: Linking
    """Changes them."""
    federating: Federating
    """Says which providers there are."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (
            self.entering.site.page(LINKED, self.show, self.unlink, private=True),
            self.entering.site.page(LINKED_CONFIRM, self.ask, self.link),
        )

    async def show(self, visit: Visit) -> Response:
        """List the identities, and the providers at which there may be others."""
        _, account = visit.signed_in
        providers = await self.federating.list_of(account.organization)
        names = {provider.name: provider.display_name for provider in providers}
        found = await self.linking.list_of(account)
        return visit.render("linked", identities=found, names=names, providers=providers)

    async def unlink(self, visit: Visit) -> Response:
        """Unlink one."""
        try:
            await self.linking.unlink(visit.owner, visit.form.get("identity", ""))
        except LinkedIdentityUnknown:
            return visit.go(LINKED)
        return visit.go(LINKED, done="unlinked")

    async def ask(self, visit: Visit) -> Response:
        """Ask whether to link what a provider has said, once it is clear whose account it would open."""
        token = visit.query("link")
        offer = await self.linking.describe(token, self._browser(visit))
        if offer.flow:
            # The form leads on to the client that waits, against which browsers hold `form-action`.
            view = await self.entering.flows.describe(offer.flow, visit.session)
            visit.targets = (view.redirect_uri,)
        back = f"{LINKED_CONFIRM}?link={token}"
        account = visit.account
        theirs = account is not None and account.name == offer.account.name
        return visit.render(
            "linked_confirm", offer=offer, theirs=theirs, token=token, sign_in=SIGN_IN, back=back, other=account
        )

    async def link(self, visit: Visit) -> Response:
        """Link it, and go on with what the person came for."""
        token = visit.query("link")
        try:
            purpose = await self.linking.link(token, self._browser(visit), visit.owner)
        except ReauthenticationNeeded:
            return visit.go(CONFIRM, to=f"{LINKED_CONFIRM}?link={token}")
        if purpose.flow:
            return visit.go(CONTINUE, flow=purpose.flow)
        return visit.go(LINKED, done="linked")

    def _browser(self, visit: Visit) -> str:
        return self.entering.site.cookie(FEDERATION).read(visit.request)
