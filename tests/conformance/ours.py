"""Tenon's own provider: a whole running stack, asked through its edge and managed over its REST API."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from tests.conformance.provider import CALLBACK, SECONDS, Client, Person, Step, Wish, fetch_metadata
from tests.e2e.stack import Stack, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conformance.page import Page

SCOPES = ("commerce.products.get", "commerce.products.list")
"""What the tests' people and machines hold."""
OPENID_SCOPES = ("openid", "profile", "email", "address", "phone", "offline_access")
MACHINE = "client_credentials"
SIGN_OUT = "Sign out?"
"""What the page is headed that asks whether somebody wants to sign out."""

SIGNED_OUT = "You are signed out."
"""What the page says to which somebody comes who has signed out."""


class Tenon:
    """Tenon, its clients and people made by its administrator."""

    name = "tenon"
    scopes = SCOPES
    grace = 10.0

    def __init__(self, stack: Stack) -> None:
        """Take a running stack, and make the people who sign in."""
        self.issuer = f"http://localhost:{stack.port}"
        self.metadata = fetch_metadata(self.issuer)
        self._stack = stack
        self._admin = stack.client(stack.token())
        self._role = self._post("roles?roleId=conformance", displayName="Conformance", permissions=list(SCOPES))["name"]
        self.person = self._make_person("Ada Lovelace", "ada@example.com")
        self.other = self._make_person("Grace Hopper", "grace@example.com")

    def close(self) -> None:
        """Close its connections."""
        self._admin.close()

    def register(self, **metadata: Any) -> httpx.Response:
        token = self._stack.token()
        headers = {"authorization": f"Bearer {token}"}
        url = self.metadata["registration_endpoint"]
        return httpx.post(url, json=metadata, headers=headers, timeout=SECONDS)

    def make_client(self, **metadata: Any) -> Client:
        key = metadata.pop("key", None)
        asked = {
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "client_secret_basic",
            **metadata,
        }
        kept = {_camel(name): value for name, value in asked.items() if name not in LEFT_OUT}
        kept["displayName"] = asked.get("client_name", "Conformance")
        kept["scopes"] = [*OPENID_SCOPES, *SCOPES]
        if key is not None:
            kept["jwks"] = json.dumps({"keys": [key.as_dict(private=False)]})
        if EXCHANGE in asked["grant_types"]:
            # It is a service, for which the tokens are meant that it exchanges.
            kept["audiences"] = ["tenon"]
        if MACHINE in asked["grant_types"]:
            kept["serviceAccount"] = self._make_service_account()
        made = self._post("clients", **kept)
        secret = ""
        if asked["token_endpoint_auth_method"].startswith("client_secret_"):
            secret = self._post(f"{made['name']}:addSecret")["clientSecret"]
        return Client(
            id=made["name"].rpartition("/")[2],
            secret=secret,
            method=asked["token_endpoint_auth_method"],
            key=key,
            metadata=asked,
        )

    def answer(self, page: Page, wish: Wish) -> Step | None:
        person = wish.person or self.person
        if SIGNED_OUT in page.text:
            return None
        if SIGN_OUT in page.text:
            stay = next(link for link in page.links if link.endswith("/account"))
            return Step(kind="sign-out", form=page.forms[0]) if wish.sign_out else Step(kind="sign-out", link=stay)
        if form := page.form("password"):
            who = {"email": person.login} if form.asks("email") else {}
            return Step(kind="sign-in", form=form, values={**who, "password": person.password})
        if form := page.form("decision"):
            kind = "confirm" if "user_code" in form.kinds else "consent"
            return Step(kind=kind, form=form, button=form.button("allow" if wish.consent else "deny"))
        if (form := page.form("user_code")) and not form.values["user_code"]:
            return Step(kind="code", form=form, values={"user_code": wish.user_code})
        return None

    def rotate_keys(self) -> None:
        self._stack.tenon("auth", "keys", "rotate")

    def forget_client_keys(self) -> None:
        """Wait until it may look again, as it does for a key that it does not know: once a second at most."""
        time.sleep(1.1)

    def _make_person(self, name: str, email: str) -> Person:
        given, family = name.split()
        user = self._post(
            "users",
            displayName=name,
            givenName=given,
            familyName=family,
            email=email,
            locale="en-GB",
            zone="Europe/London",
            pictureUri="https://people.example.com/picture",
            phoneNumber="+442079460958",
            roles=[self._role],
        )
        password = self._post(f"{user['name']}:resetPassword")["password"]
        claims = {
            "name": name,
            "given_name": given,
            "family_name": family,
            "email": email,
            "email_verified": False,
            "locale": "en-GB",
            "zoneinfo": "Europe/London",
            "picture": "https://people.example.com/picture",
            "phone_number": "+442079460958",
        }
        return Person(login=email, password=password, claims=claims)

    def _make_service_account(self) -> str:
        account = self._post("serviceAccounts", displayName=f"machine-{secrets.token_hex(4)}", roles=[self._role])
        name: str = account["name"]
        return name

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self._admin.post(f"/auth/v1/{path}", json=body)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
"""The grant of services that call others for the people who call them."""

LEFT_OUT = {"response_types", "application_type", "client_name"}
"""RFC 7591 metadata that follow from others here."""


def _camel(name: str) -> str:
    """Return a field's name as it stands in JSON."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@contextmanager
def run_tenon(home: Path, trusted: Path) -> Iterator[Tenon]:
    """Start a stack on a free port, trusting an authority for the sites of clients, and end it."""
    # Clients' own sites are on this machine, and the administrator's token is what registers clients.
    environ = {"SSL_CERT_FILE": str(trusted), "TENON_OUTGOING_PRIVATE": "1", "TENON_REGISTRATION": "token"}
    stack = Stack(home=home, port=free_port(), options=("--no-demo",), environ=environ)
    stack.start()
    try:
        tenon = Tenon(stack)
        try:
            yield tenon
        finally:
            tenon.close()
    finally:
        stack.stop()
