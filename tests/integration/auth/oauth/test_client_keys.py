"""Clients that prove who they are by a key, or by the certificate of their workload."""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from services.auth.domain.oauth.clients import Client
from services.auth.storage.client_keys import ClientKeys
from services.auth.storage.outgoing import Outgoing
from services.chassis.http_listener import behind_sidecar, peer_of, serve_http
from services.chassis.tls import CertificateFolder
from tests.fakes.auth_provider import ISSUER, Registered, started
from tests.fakes.chassis_certs import issue_certs

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from tests.fakes.auth_provider import Authority

FAR = int(time.time()) + 86_400
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Keyed:
    """A client with a key of its own."""

    def __init__(self, kid: str = "one") -> None:
        self.key: ECKey | RSAKey = ECKey.generate_key("P-256", {"kid": kid})
        self.id = ""

    @property
    def published(self) -> str:
        return json.dumps({"keys": [self.key.as_dict(private=False)]})

    async def register(self, authority: Authority, **fields: Any) -> None:
        described = {
            "grant_types": ["client_credentials"],
            "redirect_uris": [],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": self.published,
        }
        self.id = (await authority.register(**{**described, **fields})).id

    def sign(self, *, algorithm: str = "ES256", header: dict[str, Any] | None = None, **claims: Any) -> str:
        now = int(time.time())
        said = {"iss": self.id, "sub": self.id, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": secrets.token_hex(8)}
        said = {name: value for name, value in (said | claims).items() if value is not None}
        head = {"alg": algorithm, "kid": self.key.kid, **(header or {})}
        return jwt.encode(head, said, self.key, algorithms=[algorithm])

    async def ask(
        self, authority: Authority, assertion: str, path: str = "/oauth2/token", **fields: str
    ) -> httpx.Response:
        form = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": assertion}
        return await authority.http.post(path, data={**form, **fields})


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


@pytest.fixture
async def keyed(authority: Authority) -> Keyed:
    client = Keyed()
    await client.register(authority)
    return client


async def test_a_client_proves_who_it_is_by_its_key(authority: Authority, keyed: Keyed) -> None:
    """Auth statements 13 and 15."""
    assert (await keyed.ask(authority, keyed.sign())).status_code == 200
    told = await keyed.ask(authority, keyed.sign(), "/oauth2/introspect", token="unknown")
    assert told.json() == {"active": False}
    assert (await keyed.ask(authority, keyed.sign(), client_id=keyed.id)).status_code == 200
    assert refusal(await keyed.ask(authority, keyed.sign(), client_id="another")) == (401, "invalid_client")
    wrong = await keyed.ask(authority, keyed.sign(), client_assertion_type="urn:of:another")
    assert refusal(wrong) == (401, "invalid_client")


async def test_an_assertion_is_good_once(authority: Authority, keyed: Keyed) -> None:
    """Auth statement 15: jti is single-use, in parallel too."""
    assertion = keyed.sign()
    answers = await asyncio.gather(*(keyed.ask(authority, assertion) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401]


WRONG: tuple[dict[str, Any], ...] = (
    {"aud": f"{ISSUER}/oauth2/token"},
    {"aud": f"{ISSUER}/oauth2/par"},
    {"aud": f"{ISSUER}/"},
    {"aud": [ISSUER]},
    {"aud": [ISSUER, "https://elsewhere.test"]},
    {"aud": None},
    {"exp": None},
    {"exp": 1},
    {"exp": FAR},
    {"exp": True},
    {"iat": FAR},
    {"nbf": FAR},
    {"jti": None},
    {"jti": ""},
    {"jti": 7},
    {"iss": "https://elsewhere.test"},
    {"iss": None},
)


async def test_an_assertion_that_is_not_for_us_and_now_is_refused(authority: Authority, keyed: Keyed) -> None:
    """Auth statement 15: aud is the issuer and nothing else, exp is checked and near, jti is there.

    FAPI2 par-test-array-as-audience-fails, -token-endpoint-url-as-audience-fails, -par-endpoint-url-as-audience-fails.
    """
    for claims in WRONG:
        assert refusal(await keyed.ask(authority, keyed.sign(**claims))) == (401, "invalid_client"), claims
    assert (await keyed.ask(authority, keyed.sign())).status_code == 200


async def test_an_assertion_of_another_key_or_kind_is_refused(authority: Authority, keyed: Keyed) -> None:
    """Auth statements 15 and 21: no other key, `none`, no HMAC by the public key, no key out of the header."""
    thief = Keyed()
    thief.id = keyed.id
    public = thief.key.as_dict(private=False)
    none = keyed.sign().split(".")
    head = "eyJhbGciOiJub25lIn0"
    for assertion in (
        thief.sign(),
        thief.sign(header={"jwk": public}),
        f"{head}.{none[1]}.",
        f"{none[0]}.{none[1]}.",
        keyed.sign(header={"typ": "at+jwt"}),
        "a.b.c",
    ):
        assert refusal(await keyed.ask(authority, assertion)) == (401, "invalid_client")
    secret = await authority.register(grant_types=["client_credentials"], redirect_uris=[])
    thief.id = secret.id
    assert refusal(await thief.ask(authority, thief.sign())) == (401, "invalid_client"), "registered for Basic"
    named = await authority.http.post("/oauth2/token", data={"grant_type": "client_credentials", "client_id": keyed.id})
    assert refusal(named) == (401, "invalid_client")
    rows = await authority.pool.fetch("SELECT DISTINCT factor FROM auth.audit_events WHERE kind = 'client.refused'")
    assert "private_key_jwt" in {row["factor"] for row in rows}


async def test_an_rsa_key_signs_too(authority: Authority) -> None:
    client = Keyed()
    client.key = RSAKey.generate_key(2048, {"kid": "rsa"})
    await client.register(authority)
    for algorithm in ("PS256", "RS256"):
        assert (await client.ask(authority, client.sign(algorithm=algorithm))).status_code == 200


class Site:
    """Where a client publishes its keys."""

    def __init__(self) -> None:
        self.document = "{}"
        self.asked = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        body = self.document.encode()
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()


async def test_published_keys_are_kept_and_looked_for_again_when_they_change() -> None:
    """Auth statement 15, refresh-token-rp-key-rotation: a new key is found at once, a stranger's costs little."""
    site, now = Site(), [1000.0]
    server = await asyncio.start_server(site.answer, "127.0.0.1", 0)
    outgoing = Outgoing(private=True)
    async with server:
        place = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
        client = Client(id="c", organization="default", keys_uri=place)
        keys = ClientKeys(outgoing, clock=lambda: now[0])
        one, two = Keyed("one"), Keyed("two")
        site.document = one.published
        assert await keys.read(client, one.sign())
        assert await keys.read(client, one.sign())
        assert site.asked == 1
        site.document = two.published
        assert await keys.read(client, two.sign()) is None, "nobody makes us ask again and again"
        assert site.asked == 1
        now[0] += 11
        assert await keys.read(client, two.sign())
        assert await keys.read(client, one.sign()) is None
        assert site.asked == 2
    now[0] += 3600
    assert await keys.read(client, two.sign()), "a site that is down locks nobody out"
    private = ClientKeys(Outgoing())
    assert await private.read(client, two.sign()) is None, "no private address is called"
    await outgoing.aclose()


async def test_a_workload_is_the_client_that_its_certificate_names(environ: dict[str, str], tmp_path: Path) -> None:
    """Auth statement 13: tls_client_auth within the mesh, and never by way of the edge."""
    certs = issue_certs(tmp_path / "certs", "auth", "orders", "stranger", "edge")
    spiffe = "spiffe://tenon.local/ns/tenon/sa/"
    async with started(environ) as authority:
        described = {"grant_types": ["client_credentials"], "redirect_uris": []}
        client = await authority.register(
            **described, token_endpoint_auth_method="tls_client_auth", tls_client_auth_san_uri=f"{spiffe}orders"
        )
        by_edge = await authority.register(
            **described, token_endpoint_auth_method="tls_client_auth", tls_client_auth_san_uri=f"{spiffe}edge"
        )
        folder = Path(tempfile.mkdtemp(prefix="tenon-mtls-"))
        endpoint = f"unix:{folder}/auth.sock"

        async def ask(name: str, who: Registered, **headers: str) -> int:
            transport = httpx.AsyncHTTPTransport(uds=f"{folder}/auth.sock", verify=trusting(certs[name]))
            async with httpx.AsyncClient(transport=transport, base_url="https://auth") as http:
                form = {"grant_type": "client_credentials", "client_id": who.id}
                return (await http.post("/oauth2/token", data=form, headers=headers)).status_code

        async with serve_http(authority.app, endpoint, CertificateFolder(certs["auth"]).server_context()):
            assert await ask("orders", client) == 200
            assert await ask("stranger", client) == 401
            said = {"x-forwarded-client-cert": f'URI="{spiffe}orders"'}
            assert await ask("stranger", client, **said) == 401, "a header is no certificate"
            assert await ask("edge", by_edge) == 401
        plain = {"grant_type": "client_credentials", "client_id": client.id}
        assert (await authority.http.post("/oauth2/token", data=plain, headers=said)).status_code == 401
        document = (await authority.http.get("/.well-known/openid-configuration")).json()
        assert "private_key_jwt" in document["token_endpoint_auth_methods_supported"]
        assert "tls_client_auth" not in document["token_endpoint_auth_methods_supported"]
        assert "ES256" in document["token_endpoint_auth_signing_alg_values_supported"]


def trusting(certs: Path) -> ssl.SSLContext:
    """Return the TLS of a workload, which knows others by the mesh's authority and not by their host."""
    context = ssl.create_default_context(cafile=str(certs / "ca.pem"))
    context.check_hostname = False
    context.load_cert_chain(certs / "cert.pem", certs / "key.pem")
    return context


async def test_behind_a_sidecar_its_own_words_count() -> None:
    found: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(peer_of(scope))

    header = b'By=x;URI="spiffe://evil",By=spiffe://t/auth;URI=spiffe://t/orders'
    scope: Scope = {"type": "http", "headers": [(b"x-forwarded-client-cert", header)]}
    receive: Any = None
    send: Any = None
    await behind_sidecar(app)(scope, receive, send)
    await app(scope, receive, send)
    assert found == ["spiffe://t/orders", ""]
