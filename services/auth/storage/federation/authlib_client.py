"""Authlib's client of OAuth 2.0, whose messages go by an HTTP client that connects to nothing private."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import httpx
from authlib.oauth2.client import OAuth2Client

from services.auth.domain.federation.providers import BASIC
from services.auth.storage.federation.fetching import FetchFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.auth.storage.federation.fetching import Fetching


class AuthlibClient(OAuth2Client):
    """Makes requests and reads answers by Authlib, and sends them asynchronously."""

    def __init__(self, fetching: Fetching, **options: Any) -> None:
        """Take what sends, and what Authlib's client takes."""
        super().__init__(session=None, **options)
        self.register_client_auth_method((BASIC, _prove_by_basic))
        self._fetching = fetching

    async def _fetch_token(
        self, url: str, body: str = "", headers: Mapping[str, str] | None = None, auth: Any = None, method: str = "POST"
    ) -> Any:
        uri, sent, content = auth.prepare(method, url, dict(headers or {}), body)
        response = await self._fetching.send(method, uri, headers=sent, body=content)
        try:
            return self.parse_response_token(response)  # type: ignore[no-untyped-call]  # Authlib's own
        except httpx.HTTPStatusError as error:
            raise FetchFailed(f"The token endpoint answers with the status {response.status_code}.") from error


def _prove_by_basic(
    client: Any, _method: str, uri: str, headers: Mapping[str, str], body: str
) -> tuple[str, dict[str, str], str]:
    """Name client and secret as RFC 6749 §2.3.1 has it: each is form-encoded first, which Authlib leaves out."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    encoded = base64.b64encode(pair.encode()).decode()
    return uri, {**headers, "Authorization": f"Basic {encoded}"}, body
