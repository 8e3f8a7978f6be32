"""Speaks OpenID Connect to providers: the code flow with PKCE, Authlib making and reading its messages."""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from services.auth.domain.errors import FederatedSignInInvalid, FederatedSignInRefused, IdentityProviderUnavailable
from services.auth.domain.federation.assertions import Asked, Said
from services.auth.domain.federation.providers import NONE
from services.auth.storage.federation.discovery import Discovery
from services.auth.storage.federation.fetching import FetchFailed
from services.auth.storage.federation.id_tokens import (
    Expected,
    check_access_token,
    check_claims,
    check_signature,
    read_header,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.auth.domain.federation.assertions import Wish
    from services.auth.domain.federation.providers import Provider, ProviderSecrets
    from services.auth.storage.federation.fetching import Fetching

_BYTES = 32
_LONGEST_CODE = 4096

_log = logging.getLogger(__name__)


def callback_path(provider: str) -> str:
    """Return where a provider's answers come: each has an address of its own (RFC 9700 §4.4.2.2)."""
    return f"/federation/oidc/{provider}/callback"


@dataclass(kw_only=True, slots=True)
class OidcSpeaking:
    """OpenID Connect (port `Speaking`)."""

    fetching: Fetching
    """Fetches."""
    secrets: ProviderSecrets
    """Knows what we prove ourselves by."""
    issuer: str
    """Where we are."""
    clock: Callable[[], float] = time.time
    """Seconds since the epoch."""
    discovery: Discovery = field(init=False)
    """What providers say of themselves."""

    def __post_init__(self) -> None:
        """Begin to remember."""
        self.discovery = Discovery(fetching=self.fetching)

    async def ask(self, provider: Provider, state: str, wish: Wish) -> Asked:
        """Return an authorization request with state, nonce and the challenge of PKCE (RFC 7636)."""
        metadata = await self._describe(provider)
        nonce, verifier = secrets.token_urlsafe(_BYTES), secrets.token_urlsafe(_BYTES)
        more: dict[str, str] = {"nonce": nonce}
        if wish.login_hint and provider.sends_login_hint:
            more["login_hint"] = wish.login_hint
        if wish.fresh:
            more |= {"prompt": "login", "max_age": "0"}
        elif wish.max_age is not None:
            more["max_age"] = str(wish.max_age)
        client = await self._client(provider)
        url, _ = client.create_authorization_url(
            str(metadata["authorization_endpoint"]), state=state, code_verifier=verifier, **more
        )
        kept = {"nonce": nonce, "verifier": verifier, "max_age": more.get("max_age", "")}
        return Asked(url=url, kept=kept)

    async def hear(self, provider: Provider, answer: Mapping[str, str], kept: Mapping[str, str]) -> Said:
        """Return what the provider says of whoever has come back with a code."""
        metadata = await self._describe(provider)
        _check_issuer(provider, metadata, answer)
        if "error" in answer:
            raise FederatedSignInRefused(provider.display_name, _code_of(answer["error"]))
        code = answer.get("code", "")
        if not 0 < len(code) <= _LONGEST_CODE:
            raise FederatedSignInInvalid("There is no code.")
        token = await self._redeem(provider, metadata, code, kept["verifier"])
        algorithm, kid = read_header(token.get("id_token"))
        keys = await self._find_keys(provider, kid)
        claims = check_signature(token["id_token"], algorithm, keys)
        max_age = int(kept["max_age"]) if kept["max_age"] else None
        now = int(self.clock())
        expected = Expected(
            issuer=provider.issuer, client_id=provider.client_id, nonce=kept["nonce"], now=now, max_age=max_age
        )
        check_claims(claims, expected)
        check_access_token(claims, algorithm, token.get("access_token"))
        known = await self._ask_more(provider, metadata, token, claims)
        # Whoever was asked just now was asked just now, whatever the provider's clock says.
        seen = None if max_age == 0 else _seen(claims, now)
        return Said(subject=claims["sub"], claims=known, contexts=_contexts(claims), time=seen)

    async def _describe(self, provider: Provider) -> Mapping[str, Any]:
        try:
            return await self.discovery.describe(provider.issuer)
        except FetchFailed as error:
            _log.warning("%s cannot be used: %s", provider.name, error)
            raise IdentityProviderUnavailable(provider.display_name) from error

    async def _find_keys(self, provider: Provider, kid: str | None) -> list[dict[str, Any]]:
        try:
            return await self.discovery.find_keys(provider.issuer, kid)
        except FetchFailed as error:
            raise IdentityProviderUnavailable(provider.display_name) from error

    async def _redeem(
        self, provider: Provider, metadata: Mapping[str, Any], code: str, verifier: str
    ) -> Mapping[str, Any]:
        from authlib.common.errors import AuthlibBaseError  # noqa: PLC0415 - see `_client`

        client = await self._client(provider)
        try:
            found: Mapping[str, Any] = await client.fetch_token(
                str(metadata["token_endpoint"]),
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
                redirect_uri=client.redirect_uri,
            )
        except AuthlibBaseError as error:
            _log.warning("%s has not redeemed a code: %s", provider.name, _code_of(error.error))
            raise FederatedSignInInvalid("The provider does not know the code.") from error
        except (FetchFailed, ValueError) as error:
            _log.warning("%s has not redeemed a code: %s", provider.name, error)
            raise IdentityProviderUnavailable(provider.display_name) from error
        return found

    async def _ask_more(
        self, provider: Provider, metadata: Mapping[str, Any], token: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> dict[str, object]:
        """Return the claims of the id token, with those of the userinfo endpoint where there is one.

        What the token says is signed, so that it stands where both say something.
        """
        if not metadata.get("userinfo_endpoint") or not isinstance(token.get("access_token"), str):
            return dict(claims)
        headers = {"authorization": f"Bearer {token['access_token']}", "accept": "application/json"}
        try:
            found = await self.fetching.get_json(str(metadata["userinfo_endpoint"]), headers)
        except FetchFailed as error:
            _log.warning("%s does not say who somebody is: %s", provider.name, error)
            raise IdentityProviderUnavailable(provider.display_name) from error
        if found.get("sub") != claims["sub"]:
            raise FederatedSignInInvalid("The provider speaks of somebody else.")
        return {**found, **claims}

    async def _client(self, provider: Provider) -> Any:
        """Return Authlib's client, which speaks by our own HTTP client."""
        from services.auth.storage.federation.authlib_client import AuthlibClient  # noqa: PLC0415 - few need it

        secret = ""
        if provider.authentication != NONE:
            secret = await self.secrets.find_secret(provider.organization, provider.name)
        return AuthlibClient(
            self.fetching,
            client_id=provider.client_id,
            client_secret=secret or None,
            token_endpoint_auth_method=provider.authentication if secret else NONE,
            scope=provider.scope,
            redirect_uri=self.issuer.rstrip("/") + callback_path(provider.id),
            code_challenge_method="S256",
        )


def _check_issuer(provider: Provider, metadata: Mapping[str, Any], answer: Mapping[str, str]) -> None:
    """Check who has answered, where the provider says that it says so (RFC 9207 §2.4)."""
    said = answer.get("iss")
    if said is None and metadata.get("authorization_response_iss_parameter_supported") is not True:
        return
    if said != provider.issuer:
        raise FederatedSignInInvalid("Another provider has answered than the one that was asked.")


def _contexts(claims: Mapping[str, Any]) -> tuple[str, ...]:
    methods = claims.get("amr")
    found = [claims.get("acr"), *(methods if isinstance(methods, list) else ())]
    return tuple(one for one in found if isinstance(one, str))


def _seen(claims: Mapping[str, Any], now: int) -> datetime | None:
    seen = claims.get("auth_time")
    if not isinstance(seen, int | float) or isinstance(seen, bool) or not 0 < seen <= now:
        return None
    return datetime.fromtimestamp(seen, UTC)


def _code_of(error: object) -> str:
    """Return a provider's code as it may be shown: letters and underscores."""
    text = str(error)[:64]
    return text if text.isascii() and text.replace("_", "").isalnum() else "unknown"
