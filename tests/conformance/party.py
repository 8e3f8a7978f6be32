"""A client under the tests' control: it asks for authorization, redeems codes, and checks whatever it is told."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.conformance.browser import Browser
from tests.conformance.proofs import assert_client, prove_possession
from tests.conformance.provider import CALLBACK, SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from joserfc.jwk import ECKey

    from tests.conformance.browser import Landing
    from tests.conformance.provider import Client, Provider, Wish

ID_TOKEN_ALGORITHMS = ["RS256", "ES256"]
CLOCK_SKEW = 10


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One authorization request."""

    parameters: Mapping[str, str]
    """Its parameters."""
    verifier: str = field(repr=False)
    """What its PKCE challenge was made of."""
    carried: Mapping[str, str] | None = None
    """What the browser carries instead of the parameters, where they were pushed."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What the token endpoint gave."""

    answer: Mapping[str, Any] = field(repr=False)
    """The whole answer."""
    claims: Mapping[str, Any]
    """The claims of the id token, checked; empty where there is none."""
    landing: Landing | None = field(default=None, repr=False)
    """How the browser came to the code."""

    @property
    def access(self) -> str:
        """The access token."""
        return str(self.answer["access_token"])

    @property
    def refresh(self) -> str:
        """The refresh token."""
        return str(self.answer["refresh_token"])

    @property
    def id(self) -> str:
        """The id token."""
        return str(self.answer["id_token"])


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class Party:
    """One client, in front of one provider."""

    def __init__(self, provider: Provider, client: Client) -> None:
        """Begin without connections."""
        self.provider = provider
        self.client = client
        self.http = httpx.Client(timeout=SECONDS)
        self.key: ECKey | None = None
        """The key that tokens are to be bound to (RFC 9449); None for bearer tokens."""
        self._browsers: list[Browser] = []

    def close(self) -> None:
        """Close all connections."""
        self.http.close()
        for browser in self._browsers:
            browser.close()

    def browser(self) -> Browser:
        """Return a fresh browser, closed with the party."""
        self._browsers.append(Browser(self.provider))
        return self._browsers[-1]

    def url(self, endpoint: str) -> str:
        """Return an endpoint's address, by its name in the discovery document."""
        return str(self.provider.metadata[endpoint])

    def ask(self, **changes: str | None) -> Ask:
        """Return a request for a code, with state, nonce and PKCE; changes of None take a parameter out."""
        verifier = secrets.token_urlsafe(48)
        parameters = {
            "client_id": self.client.id,
            "response_type": "code",
            "redirect_uri": str(self.client.metadata.get("redirect_uris", [CALLBACK])[0]),
            "scope": "openid",
            "state": secrets.token_urlsafe(12),
            "nonce": secrets.token_urlsafe(12),
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        chosen = {name: value for name, value in {**parameters, **changes}.items() if value is not None}
        return Ask(parameters=chosen, verifier=verifier)

    def authorize(self, ask: Ask, browser: Browser | None = None, wish: Wish | None = None) -> Landing:
        """Send the browser to the authorization endpoint."""
        url = f"{self.url('authorization_endpoint')}?{urlencode(ask.carried or ask.parameters)}"
        return (browser or self.browser()).visit(url, wish)

    def code(self, ask: Ask, landing: Landing) -> str:
        """Return the code that the browser brought, once state and issuer are as they must be (RFC 9207)."""
        told = landing.parameters
        assert landing.left, f"The browser stayed at {landing.url} ({landing.status}): {landing.page.text.strip()}"
        assert "error" not in told, told
        assert told.get("state") == ask.parameters.get("state")
        assert told["iss"] == self.provider.issuer
        return told["code"]

    def refusal(self, ask: Ask, landing: Landing) -> str:
        """Return the error that the browser brought, once state and issuer are as they must be."""
        told = landing.parameters
        assert landing.left, f"The browser stayed at {landing.url} ({landing.status}): {landing.page.text.strip()}"
        assert "code" not in told, told
        assert told.get("state") == ask.parameters.get("state")
        assert told["iss"] == self.provider.issuer
        return told["error"]

    def post(
        self, endpoint: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a form to an endpoint, the client proving who it is the way it is registered for."""

        def send(dpop: Mapping[str, str]) -> httpx.Response:
            proof, extra = self.prove()
            return self.http.post(
                self.url(endpoint), data={**proof, **fields}, headers={**extra, **dpop, **(headers or {})}
            )

        return self._with_proof("POST", self.url(endpoint), send) if headers is None else send({})

    def _with_proof(
        self, method: str, url: str, send: Callable[[Mapping[str, str]], httpx.Response], token: str = ""
    ) -> httpx.Response:
        if self.key is None:
            return send({})
        answer = send({"dpop": prove_possession(self.key, method, url, token=token)})
        nonce = answer.headers.get("dpop-nonce", "")
        if answer.status_code in {400, 401} and nonce and "use_dpop_nonce" in answer.text + str(answer.headers):
            answer = send({"dpop": prove_possession(self.key, method, url, token=token, nonce=nonce)})
        return answer

    def prove(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the form fields and headers by which the client proves who it is."""
        client = self.client
        if client.method == "client_secret_basic":
            pair = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}"
            return {}, {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        if client.method == "client_secret_post":
            return {"client_id": client.id, "client_secret": client.secret}, {}
        if client.method == "private_key_jwt":
            return assert_client(client, self.provider.issuer), {}
        return {"client_id": client.id}, {}

    def push(self, ask: Ask) -> httpx.Response:
        """Push an authorization request (RFC 9126 §2)."""
        return self.post("pushed_authorization_request_endpoint", ask.parameters)

    def pushed(self, ask: Ask) -> Ask:
        """Push an authorization request and return what the browser carries instead of it."""
        answer = self.push(ask)
        assert answer.status_code == 201, answer.text
        return replace(ask, carried={"client_id": self.client.id, "request_uri": answer.json()["request_uri"]})

    def redeem(
        self, ask: Ask, code: str, headers: Mapping[str, str] | None = None, /, **changes: str | None
    ) -> httpx.Response:
        """Ask the token endpoint to give tokens for a code."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": ask.parameters.get("redirect_uri"),
            "code_verifier": ask.verifier,
            **changes,
        }
        chosen = {name: value for name, value in fields.items() if value is not None}
        return self.post("token_endpoint", chosen, headers=headers)

    def renew(self, token: str, **fields: str) -> httpx.Response:
        """Ask the token endpoint to give tokens for a refresh token."""
        return self.post("token_endpoint", {"grant_type": "refresh_token", "refresh_token": token, **fields})

    def sign_in(self, browser: Browser | None = None, wish: Wish | None = None, /, **changes: str | None) -> Tokens:
        """Go the whole way from the request to checked tokens."""
        return self.finish(self.ask(**changes), browser, wish)

    def finish(self, ask: Ask, browser: Browser | None = None, wish: Wish | None = None) -> Tokens:
        """Go the rest of the way from a request to checked tokens."""
        landing = self.authorize(ask, browser, wish)
        answer = self.redeem(ask, self.code(ask, landing))
        return self.read(answer, nonces=(ask.parameters.get("nonce"),), landing=landing)

    def read(
        self, answer: httpx.Response, *, nonces: Collection[str | None] = (None,), landing: Landing | None = None
    ) -> Tokens:
        """Return the tokens of an answer, once it is as RFC 6749 §5.1 and OIDC Core §3.1.3.3 want it."""
        assert answer.status_code == 200, answer.text
        assert "no-store" in answer.headers["cache-control"]
        assert answer.headers["content-type"].startswith("application/json")
        told: dict[str, Any] = answer.json()
        assert told["token_type"].lower() in {"bearer", "dpop"}
        assert told["access_token"]
        assert isinstance(told["expires_in"], int)
        claims = {}
        if "id_token" in told:
            claims = self.check_id_token(told["id_token"], nonces=nonces, access=told["access_token"])
        return Tokens(answer=told, claims=claims, landing=landing)

    def check_id_token(
        self, token: str, *, nonces: Collection[str | None] = (None,), access: str = ""
    ) -> dict[str, Any]:
        """Return the claims of an id token, once it is as OIDC Core §3.1.3.7 wants it."""
        decoded = jwt.decode(token, self.keys(), algorithms=ID_TOKEN_ALGORITHMS)
        claims, now = decoded.claims, time.time()
        assert decoded.header["kid"]
        assert claims["iss"] == self.provider.issuer
        assert claims["aud"] in (self.client.id, [self.client.id])
        assert claims["exp"] > now - CLOCK_SKEW
        assert claims["iat"] <= now + CLOCK_SKEW
        assert 0 < len(claims["sub"]) <= 255
        assert claims.get("nonce") in nonces
        if access and "at_hash" in claims:
            half = hashlib.sha256(access.encode()).digest()[:16]
            assert claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
        return dict(claims)

    def wait(self, seconds: float) -> None:
        """Let time pass: that it has passed is what the test is about, so there is no event to wait for."""
        time.sleep(seconds)

    def keys(self) -> KeySet:
        """Return the provider's public keys, none of which may carry anything private."""
        answer = self.http.get(self.url("jwks_uri"))
        assert answer.status_code == 200
        keys = answer.json()["keys"]
        for key in keys:
            assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys()
        assert len({key["kid"] for key in keys}) == len(keys)
        return KeySet.import_key_set({"keys": keys})

    def userinfo(self, access: str, *, method: str = "GET", by: str = "header") -> httpx.Response:
        """Ask the userinfo endpoint, the access token standing in the header or in the form."""
        url = self.url("userinfo_endpoint")
        if by == "form":
            return self.http.request(method, url, data={"access_token": access})
        scheme = "Bearer" if self.key is None else "DPoP"

        def send(dpop: Mapping[str, str]) -> httpx.Response:
            return self.http.request(method, url, headers={"authorization": f"{scheme} {access}", **dpop})

        return self._with_proof(method, url, send, access)

    def introspect(self, token: str, **fields: str) -> dict[str, Any]:
        """Return what the introspection endpoint says of a token."""
        answer = self.post("introspection_endpoint", {"token": token, **fields})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def revoke(self, token: str, **fields: str) -> httpx.Response:
        """Ask the revocation endpoint to revoke a token."""
        return self.post("revocation_endpoint", {"token": token, **fields})
