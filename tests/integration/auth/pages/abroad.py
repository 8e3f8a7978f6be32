"""A person at another organization's identity provider, and the provider as an administrator describes it to us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import httpx
from google.protobuf.field_mask_pb2 import FieldMask
from tenon.auth.v1 import (
    identity_provider_pb2,
    identity_provider_service_pb2,
    identity_provider_service_pb2_grpc,
)

from tests.conformance.page import read_page
from tests.integration.auth.pages.browsing import ISSUER

if TYPE_CHECKING:
    from tests.conformance.oracle import Oracle
    from tests.integration.auth.pages.conftest import Auth


async def make_provider(auth: Auth, **fields: Any) -> Any:
    """Describe a provider as the administrator does, and return its record."""
    stub: Any = identity_provider_service_pb2_grpc.IdentityProviderServiceStub(auth.channel)
    described = identity_provider_pb2.IdentityProvider(**fields)
    request = identity_provider_service_pb2.CreateIdentityProviderRequest(identity_provider=described)
    return await stub.CreateIdentityProvider(request, metadata=await auth.administrator())


async def make_oidc(auth: Auth, oracle: Oracle, **fields: Any) -> Any:
    """Register us with the certified provider, and describe it; its client is for the provider's own callback."""
    stub: Any = identity_provider_service_pb2_grpc.IdentityProviderServiceStub(auth.channel)
    wanted = {"display_name": "Abroad", "kind": "KIND_OIDC", "issuer": oracle.issuer, "client_id": "later", **fields}
    made = await make_provider(auth, **wanted)
    metadata = await auth.administrator()
    client = oracle.make_client(redirect_uris=[f"{ISSUER}/federation/oidc/{made.name.split('/')[1]}/callback"])
    made.client_id = client.id
    request = identity_provider_service_pb2.UpdateIdentityProviderRequest(
        identity_provider=made, update_mask=FieldMask(paths=["client_id"])
    )
    made = await stub.UpdateIdentityProvider(request, metadata=metadata)
    secret = identity_provider_service_pb2.SetIdentityProviderSecretRequest(name=made.name, client_secret=client.secret)
    await stub.SetIdentityProviderSecret(secret, metadata=metadata)
    return made


def sign_in_abroad(url: str, login: str = "ada") -> str:
    """Sign in at the certified provider, agree, and return the address of ours that it sends the browser to."""
    with httpx.Client(follow_redirects=False) as client:
        answer = client.get(url)
        while True:
            while answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                if target.startswith(ISSUER):
                    return target.removeprefix(ISSUER)
                answer = client.get(target)
            assert answer.status_code == 200, answer.text
            page = read_page(answer.text)
            form = page.form("login") or page.form("prompt")
            assert form is not None, answer.text
            shown = {"login": login, "password": "any"} if "login" in form.kinds else {}
            answer = client.post(urljoin(str(answer.url), form.action), data={**form.values, **shown})
