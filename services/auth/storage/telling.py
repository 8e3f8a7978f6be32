"""Posts logout tokens to clients (OpenID Connect Back-Channel Logout 1.0 §2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from services.auth.domain.oauth.logout_notices import NotTold
from services.auth.storage.outgoing import OutgoingFailed, OutgoingRefused

if TYPE_CHECKING:
    from services.auth.storage.outgoing import Outgoing

_TRY_AGAIN = {httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY, httpx.codes.TOO_MANY_REQUESTS}


class HttpTeller:
    """Tells by HTTP (port `Teller`)."""

    def __init__(self, outgoing: Outgoing) -> None:
        """Take what makes requests."""
        self._outgoing = outgoing

    async def tell(self, uri: str, logout_token: str) -> None:
        """Post a logout token. Raises `NotTold`."""
        try:
            status = await self._outgoing.post(uri, {"logout_token": logout_token})
        except OutgoingRefused as error:
            raise NotTold(f"its address may not be called: {error}", for_good=True) from error
        except OutgoingFailed as error:
            raise NotTold(f"it cannot be reached: {error}") from error
        if not httpx.codes.is_success(status):
            # A client that refuses the token will refuse the next one too.
            for_good = httpx.codes.is_client_error(status) and status not in _TRY_AGAIN
            raise NotTold(f"it has answered {status}", for_good=for_good)
