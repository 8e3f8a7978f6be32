"""The certified provider as the tests' oracle: what passes on it is known to be asked rightly."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.conformance.provider import CALLBACK, SECONDS, Client, Person, Step, Wish, fetch_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conformance.page import Page

FOLDER = Path(__file__).parent
SCRIPTS = FOLDER / "node"
PEOPLE = {
    "ada": {
        "name": "Ada Lovelace",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "locale": "en-GB",
        "zoneinfo": "Europe/London",
        "picture": "https://people.example.com/picture",
        "email": "ada@example.com",
        "email_verified": True,
        "phone_number": "+44 20 7946 0958",
        "address": {"locality": "London", "country": "GB"},
    },
    "grace": {"name": "Grace Hopper", "email": "grace@example.com", "email_verified": True},
}


def missing_node() -> str:
    """Return what must be installed before a script of `node/` can run, or nothing."""
    if shutil.which("node") is None:
        return "Node.js is not installed, which the certified provider and openid-client need"
    if not (FOLDER / "node_modules").is_dir():
        return "Node.js packages are not installed: run `npm ci` in tests/conformance"
    return ""


class Oracle:
    """`oidc-provider`, its clients made by its own registration endpoint, its pages those of its quick start."""

    name = "oracle"
    scopes = ("api:read", "api:write")
    grace = 0.0
    person = Person(login="ada", password="any", claims=PEOPLE["ada"])
    other = Person(login="grace", password="any", claims=PEOPLE["grace"])

    def __init__(self, issuer: str) -> None:
        """Take where it answers."""
        self.issuer = issuer
        self.metadata = fetch_metadata(issuer)

    def register(self, **metadata: Any) -> httpx.Response:
        return httpx.post(self.metadata["registration_endpoint"], json=metadata, timeout=SECONDS)

    def make_client(self, **metadata: Any) -> Client:
        key = metadata.pop("key", None)
        asked = {"redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"], **metadata}
        if not asked["redirect_uris"]:
            asked["response_types"] = []
        if key is not None:
            asked["jwks"] = {"keys": [key.as_dict(private=False)]}
        answer = self.register(**asked)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        return Client(
            id=made["client_id"],
            secret=made.get("client_secret", ""),
            method=made["token_endpoint_auth_method"],
            key=key,
            metadata=made,
        )

    def answer(self, page: Page, wish: Wish) -> Step | None:
        person = wish.person or self.person
        if form := page.form("login"):
            return Step(kind="sign-in", form=form, values={"login": person.login, "password": person.password})
        if form := page.form("prompt"):
            abort = next(link for link in page.links if link.endswith("/abort"))
            return Step(kind="consent", form=form) if wish.consent else Step(kind="consent", link=abort)
        if form := page.form("logout"):
            return Step(kind="sign-out", form=form, button=("logout", "yes") if wish.sign_out else None)
        if form := page.form("confirm"):
            return Step(kind="confirm", form=form, button=None if wish.consent else ("abort", "yes"))
        if (form := page.form("user_code")) and "incorrect" not in page.text:
            return Step(kind="code", form=form, values={"user_code": wish.user_code})
        return None

    def forget_client_keys(self) -> None:
        self.rotate_keys()

    def rotate_keys(self) -> None:
        assert httpx.post(f"{self.issuer}/oracle/rotate", timeout=SECONDS).status_code == 204


@contextmanager
def run_oracle(trusted: Path) -> Iterator[Oracle]:
    """Start the oracle on a free port, trusting an authority for the sites of clients, and end it."""
    process = subprocess.Popen(
        ["node", str(SCRIPTS / "oracle.js"), json.dumps(PEOPLE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"NODE_EXTRA_CA_CERTS": str(trusted)},
        text=True,
    )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "The oracle did not start: run `node tests/conformance/node/oracle.js '{}'` to see why."
        try:
            yield Oracle(json.loads(line)["issuer"])
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(SECONDS)
