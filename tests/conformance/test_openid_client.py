"""npm `openid-client`, unchanged, in front of both providers."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.browser import Browser
from tests.conformance.oracle import SCRIPTS, missing_node
from tests.conformance.provider import CALLBACK, SIGNED_OUT, Wish

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.party import Party
    from tests.conformance.provider import Client, Provider

OFFLINE = "openid email offline_access"
DEVICE = {
    "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
    "redirect_uris": [],
    "response_types": [],
    "token_endpoint_auth_method": "none",
    "application_type": "native",
}


@pytest.fixture(autouse=True)
def _node() -> None:
    """Skip where there is no Node.js."""
    if reason := missing_node():
        pytest.skip(reason)


def run(provider: Provider, flow: str, client: Client, scope: str = OFFLINE) -> dict[str, Any]:
    """Run one flow of `node/openid_client.js`, a browser opening what it asks to be opened, and return its result."""
    told = {"id": client.id, "secret": client.secret, "redirect": CALLBACK, "signedOut": SIGNED_OUT}
    argument = json.dumps({"flow": flow, "issuer": provider.issuer, "client": told, "scope": scope})
    browser = Browser(provider)
    with subprocess.Popen(
        ["node", "--no-warnings", str(SCRIPTS / "openid_client.js"), argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for line in process.stdout:
                message = json.loads(line)
                if "open" not in message:
                    break
                landing = browser.visit(message["open"], Wish(user_code=message.get("code", "")))
                process.stdin.write(json.dumps({"url": landing.url}) + "\n")
                process.stdin.flush()
        finally:
            process.stdin.close()
            browser.close()
    assert "result" in message, message
    result: dict[str, Any] = message["result"]
    return result


def test_code_with_pkce_userinfo_refresh_introspection_and_revocation(provider: Provider, party: Party) -> None:
    done = run(provider, "code", party.client)
    assert done["told"]["sub"] == done["sub"]
    assert done["told"]["email"] == provider.person.claims["email"]
    assert done["renewed"] is True
    assert done["living"]["active"] is True
    assert done["dead"] == {"active": False}


def test_pushed_requests_with_tokens_bound_to_a_key(provider: Provider, parties: Callable[..., Party]) -> None:
    done = run(provider, "pushed", parties(dpop_bound_access_tokens=True).client)
    assert done["told"]["sub"] == done["sub"]
    assert {done["kind"].lower(), done["renewed"].lower()} == {"dpop"}


def test_client_credentials(provider: Provider, parties: Callable[..., Party]) -> None:
    client = parties(grant_types=["client_credentials"], redirect_uris=[], response_types=[]).client
    done = run(provider, "machine", client, provider.scopes[0])
    assert done["living"]["active"] is True
    assert done["living"]["client_id"] == client.id


def test_device_flow(provider: Provider, parties: Callable[..., Party]) -> None:
    done = run(provider, "device", parties(**DEVICE).client, "openid email")
    assert done["told"]["sub"] == done["sub"]


def test_signing_out(provider: Provider, parties: Callable[..., Party]) -> None:
    done = run(provider, "logout", parties(post_logout_redirect_uris=[SIGNED_OUT]).client)
    assert done["came"] == f"{SIGNED_OUT}?state=after"
