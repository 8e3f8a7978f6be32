"""An OpenID provider in memory that lies where it is told to."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from services.auth.storage.federation.fetching import FetchFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

ISSUER = "https://op.test"
CLIENT = "tenon-at-op"
SECRET = "s+cret/with=signs"


@dataclass
class FakeOpenIdProvider:
    """Answers as the HTTP client of providers would (`Fetching`)."""

    now: int = 1_795_000_000
    """Seconds of the Unix epoch, at which its clock stands."""
    private: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    published: list[dict[str, Any]] | None = None
    signing: Any = None
    token: str = ""
    fetched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "first", "use": "sig"})
        self.rsa = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
        self.asked: dict[str, str] = {}

    def authorize(self, url: str) -> dict[str, str]:
        """Take a request as a browser brings it, and return the answer."""
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        return {"code": "the-code", "iss": ISSUER}

    async def get_json(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        self.fetched.append(url)
        if url == f"{ISSUER}/.well-known/openid-configuration":
            return {
                "issuer": ISSUER,
                "authorization_endpoint": f"{ISSUER}/authorize",
                "token_endpoint": f"{ISSUER}/token",
                "jwks_uri": f"{ISSUER}/jwks",
                "userinfo_endpoint": f"{ISSUER}/userinfo",
                "authorization_response_iss_parameter_supported": True,
                **self.metadata,
            }
        if url == f"{ISSUER}/jwks":
            own = [self.key.as_dict(private=False), self.rsa.as_dict(private=False)]
            return {"keys": own if self.published is None else self.published}
        assert url == f"{ISSUER}/userinfo"
        assert headers is not None
        assert headers["authorization"] == "Bearer the-access-token"
        return {"sub": "ada", "email": "ada@example.com", "email_verified": True, "name": "Ada", **self.userinfo}

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> httpx.Response:
        request = httpx.Request(method, url, headers=dict(headers or {}))
        if url != f"{ISSUER}/token":
            raise FetchFailed(url)
        form = {name: values[0] for name, values in parse_qs(body).items()}
        proof = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        assert proof == f"{CLIENT}:s%2Bcret%2Fwith%3Dsigns"
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        good = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self.asked["code_challenge"]
        if not good or form["code"] != "the-code" or form["redirect_uri"] != self.asked["redirect_uri"]:
            return httpx.Response(400, json={"error": "invalid_grant"}, request=request)
        answer = {"access_token": "the-access-token", "token_type": "Bearer", "id_token": self.token or self.sign()}
        return httpx.Response(200, json=answer, request=request)

    def sign(self) -> str:
        """Return an id token, with what is told to be wrong with it."""
        now = self.now
        claims = {
            "iss": ISSUER,
            "aud": CLIENT,
            "sub": "ada",
            "nonce": self.asked["nonce"],
            "iat": now,
            "exp": now + 300,
            **self.claims,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "ES256", "kid": "first", **self.header}
        algorithms = [str(header["alg"])]
        registry = jws.JWSRegistry(algorithms=algorithms, strict_check_header=False)
        key = self.signing or self.key
        return jws.serialize_compact(header, json.dumps(said).encode(), key, algorithms=algorithms, registry=registry)
