"""A client that proves a key gets a token by way of the edge, which opens a service with that key alone."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.jwk import ECKey

from tests.e2e.test_three_protocols import REST

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

TOKEN = "/oauth2/token"


def register(stack: Stack) -> tuple[str, str]:
    """Register a client that acts as a service account which may read airports; return its id and secret."""
    slug = f"robot-{uuid.uuid4().hex[:8]}"
    with stack.client(stack.token()) as admin:
        role = admin.post(f"/auth/v1/roles?roleId={slug}", json={"displayName": slug, "permissions": ["flightops.*"]})
        body = {"displayName": slug, "roles": [role.json()["name"]]}
        account = admin.post("/auth/v1/serviceAccounts", json=body).json()["name"]
        described = {
            "displayName": slug,
            "grantTypes": ["client_credentials"],
            "scopes": ["flightops.*"],
            "serviceAccount": account,
            "dpopBoundAccessTokens": True,
        }
        made = admin.post("/auth/v1/clients", json=described)
        assert made.status_code == 200, made.text
        name = made.json()["name"]
        secret = admin.post(f"/auth/v1/{name}:addSecret", json={})
        assert secret.status_code == 200, secret.text
    return name.removeprefix("clients/"), secret.json()["clientSecret"]


def test_a_token_of_the_token_endpoint_opens_a_service_with_its_key_alone(stack: Stack) -> None:
    """Auth statement 28: from the proof at the token endpoint to the call through the edge."""
    key = ECKey.generate_key("P-256")

    def prove(method: str, path: str, token: str = "") -> dict[str, str]:
        url = f"http://localhost:{stack.port}{path}"
        said: dict[str, Any] = {"jti": uuid.uuid4().hex, "htm": method, "htu": url, "iat": int(time.time())}
        if token:
            said["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
        return {"dpop": jwt.encode(head, said, key, algorithms=["ES256"])}

    client_id, secret = register(stack)
    form = {"grant_type": "client_credentials"}
    path = REST.partition("?")[0]
    with stack.client() as client:
        assert client.post(TOKEN, data=form, auth=(client_id, secret)).json()["error"] == "invalid_dpop_proof"
        granted = client.post(TOKEN, data=form, auth=(client_id, secret), headers=prove("POST", TOKEN))
        assert granted.status_code == 200, granted.text
        assert granted.json()["token_type"] == "DPoP"
        token = granted.json()["access_token"]
        bound = {"authorization": f"DPoP {token}"}
        assert client.get(REST, headers={**bound, **prove("GET", path, token)}).status_code == 200
        assert client.get(REST, headers={"authorization": f"Bearer {token}"}).status_code == 401
        assert client.get(REST, headers=bound).status_code == 401
