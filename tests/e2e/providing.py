"""Auth as browsers, clients and apps of one stack meet it: through the edge, or at one of its workers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
import ssl
import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import asyncpg
import httpx

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

REDIRECT = "https://app.example/callback"
PASSWORD = "a long password of somebody"
_FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
_LINK = re.compile(r"[?&]link=([A-Za-z0-9_-]+)")
_CODE = re.compile(r"^\s*(\d{6,})\s*$", re.MULTILINE)
_MAIL_SECONDS = 15


@dataclass(frozen=True, kw_only=True)
class Client:
    """A client of OAuth."""

    id: str
    secret: str = field(repr=False)

    @property
    def auth(self) -> httpx.BasicAuth:
        return httpx.BasicAuth(self.id, self.secret)


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with a password."""

    name: str
    email: str
    password: str = field(repr=False)


@dataclass
class Authority:
    """Auth of one stack."""

    stack: Stack

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.stack.port}"

    def workers(self) -> int:
        """Return how many workers auth has."""
        return len(self.stack.endpoints("auth"))

    def edge(self) -> httpx.Client:
        """Return a browser, or a client, at the edge."""
        return httpx.Client(base_url=self.issuer, timeout=20)

    def worker(self, number: int, address: str = "203.0.113.1") -> httpx.Client:
        """Return a browser, or a client, at one worker, as if the edge had handed it on."""
        certs = self.stack.home / "certs" / "edge" / "current"
        context = ssl.create_default_context(cafile=str(certs / "ca.pem"))
        context.load_cert_chain(certs / "cert.pem", certs / "key.pem")
        socket = self.stack.endpoints("auth")[number].removeprefix("unix:").removesuffix(".sock") + ".http.sock"
        transport = httpx.HTTPTransport(uds=socket, verify=context)
        headers = {"x-forwarded-for": address}
        return httpx.Client(transport=transport, base_url="https://auth", headers=headers, timeout=20)

    def admin(self) -> httpx.Client:
        """Return the administrator at the edge."""
        return self.stack.client(self.stack.token())

    def register(self, **fields: Any) -> Client:
        """Register a client of our own, whom nobody is asked about."""
        described = {
            "displayName": "An application",
            "redirectUris": [REDIRECT],
            "grantTypes": ["authorization_code", "refresh_token"],
            "scopes": ["openid", "offline_access"],
            "firstParty": True,
            **fields,
        }
        with self.admin() as admin:
            name = posted(admin, "/auth/v1/clients", described)["name"]
            secret = posted(admin, f"/auth/v1/{name}:addSecret", {})["clientSecret"]
        return Client(id=name.removeprefix("clients/"), secret=secret)

    def add_person(self) -> Person:
        """Make somebody who holds nothing."""
        email = f"person-{secrets.token_hex(6)}@example.com"
        with self.admin() as admin:
            name = posted(admin, "/auth/v1/users", {"email": email})["name"]
            password = posted(admin, f"/auth/v1/{name}:resetPassword", {})["password"]
        return Person(name=name, email=email, password=password)

    def invite(self, email: str) -> str:
        """Invite somebody, and return the secret in the mail."""
        with self.admin() as admin:
            posted(admin, "/auth/v1/invitations", {"email": email})
        return self.mailed_link(email)

    def mailed_link(self, email: str) -> str:
        """Return what a mail to an address links to, the newest that does."""
        return self._await_mailed(email, _LINK)

    def mailed_code(self, email: str) -> str:
        """Return the code in a mail to an address, the newest that has one."""
        return self._await_mailed(email, _CODE)

    def _await_mailed(self, email: str, wanted: re.Pattern[str]) -> str:
        deadline = time.monotonic() + _MAIL_SECONDS
        while not (found := self._find_mailed(email, wanted)):
            assert time.monotonic() < deadline, f"no mail for {email}"
            time.sleep(0.05)  # files of another process; nothing there can be awaited
        return found

    def _find_mailed(self, email: str, wanted: re.Pattern[str]) -> str:
        for path in sorted((self.stack.home / "mail").glob("*.eml"), reverse=True):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            body = mail.get_body(("plain",)) if mail["to"] == email else None
            found = wanted.search(str(body.get_content())) if body else None
            if found:
                return found[1]
        return ""

    def count(self, sql: str, *arguments: Any) -> int:
        """Return what a statement counts, straight from Postgres."""
        return int(self.rows(sql, *arguments)[0][0])

    def rows(self, sql: str, *arguments: Any) -> list[Any]:
        """Return what a statement finds, straight from Postgres."""

        async def ask() -> list[Any]:
            connection = await self.connect()
            try:
                return list(await connection.fetch(sql, *arguments))
            finally:
                await connection.close()

        return asyncio.run(ask())

    async def connect(self) -> Any:
        """Return a connection to the stack's Postgres, as the superuser."""
        endpoint = next(p["endpoint"] for p in self.stack.status()["processes"] if p["name"] == "postgres")
        socket = Path(endpoint.removeprefix("unix:"))
        return await asyncpg.connect(host=str(socket.parent), user="tenon", database="tenon")


def posted(client: httpx.Client, path: str, body: Any) -> Any:
    """Post JSON and return what is answered."""
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def press(browser: httpx.Client, issuer: str, page: str, **fields: str) -> httpx.Response:
    """Open a page with a form, fill it in and send it."""
    own = {"origin": issuer, "sec-fetch-site": "same-origin"}
    return browser.post(page, data={"form_token": form_token(browser, page), **fields}, headers=own)


def form_token(browser: httpx.Client, page: str) -> str:
    """Return what proves that a form is of this page."""
    shown = browser.get(page)
    found = _FORM_TOKEN.search(shown.text)
    assert found, f"{shown.status_code} {shown.headers} {shown.text}"
    return str(found[1])


def sign_in(browser: httpx.Client, authority: Authority, person: Person) -> None:
    """Sign a browser in by a password."""
    email, password = person.email, person.password
    answer = press(browser, authority.issuer, "/account/sign-in", email=email, password=password)
    assert answer.status_code == 303, answer.text
    assert any("tenon-session" in name for name in browser.cookies), answer.headers


def new_verifier() -> tuple[str, str]:
    """Return a verifier of PKCE and its challenge."""
    verifier = secrets.token_urlsafe(48)
    return verifier, base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def get_code(browser: httpx.Client, client: Client, challenge: str) -> str:
    """Return a code for a browser that is signed in, or nothing where it gets none."""
    answer = browser.get(
        "/oauth2/authorize",
        params={
            "response_type": "code",
            "client_id": client.id,
            "redirect_uri": REDIRECT,
            "scope": "openid offline_access",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        },
    )
    return str(dict(parse_qsl(urlsplit(answer.headers.get("location", "")).query)).get("code", ""))


def redeem(http: httpx.Client, client: Client, code: str, verifier: str) -> httpx.Response:
    """Redeem a code."""
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": REDIRECT}
    return http.post("/oauth2/token", data=form, auth=client.auth)


def refresh(http: httpx.Client, client: Client, token: str) -> httpx.Response:
    """Renew what a client holds."""
    return http.post("/oauth2/token", data={"grant_type": "refresh_token", "refresh_token": token}, auth=client.auth)


def is_active(http: httpx.Client, client: Client, token: str) -> bool:
    """Whether auth says that a token is good."""
    answer = http.post("/oauth2/introspect", data={"token": token}, auth=client.auth)
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["active"])
