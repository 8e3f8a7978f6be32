"""Serves IdentityProviderService: the record engine's methods, guarded where somebody could gain by a provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenon.auth.v1 import identity_provider_pb2
from tenon.auth.v1 import identity_provider_service_pb2 as pb

from services.auth.domain.federation.providers import BASIC, NAME, Kind, Provider
from services.auth.servicer.caller import granter_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from services.auth.domain.federation.guarding import ProviderGuard
    from services.auth.servicer.records import Records
    from services.chassis.call import Call

_KINDS = {
    identity_provider_pb2.IdentityProvider.KIND_OIDC: Kind.OIDC,
    identity_provider_pb2.IdentityProvider.KIND_SAML: Kind.SAML,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentityProviderServicer:
    """Keeps identity providers."""

    records: Records
    """Serves the standard methods."""
    guard: ProviderGuard
    """Guards them."""

    async def GetIdentityProvider(self, request: pb.GetIdentityProviderRequest, call: Call) -> Message | bytes:
        """Return one provider."""
        return await self.records.serve(request, call)

    async def ListIdentityProviders(self, request: pb.ListIdentityProvidersRequest, call: Call) -> Message | bytes:
        """Return a page of providers."""
        return await self.records.serve(request, call)

    async def CreateIdentityProvider(self, request: pb.CreateIdentityProviderRequest, call: Call) -> Message | bytes:
        """Make a provider."""
        granter = granter_of(call)
        async with self.guard.creating(granter, _provider(request.identity_provider, granter.organization)):
            return await self.records.serve(request, call)

    async def UpdateIdentityProvider(self, request: pb.UpdateIdentityProviderRequest, call: Call) -> Message | bytes:
        """Change a provider."""
        async with self.guard.changing(granter_of(call), request.identity_provider.name):
            return await self.records.serve(request, call)

    async def DeleteIdentityProvider(self, request: pb.DeleteIdentityProviderRequest, call: Call) -> Message | bytes:
        """Delete a provider with its secret and its identities."""
        async with self.guard.changing(granter_of(call), request.name):
            return await self.records.serve(request, call)

    async def SetIdentityProviderSecret(
        self, request: pb.SetIdentityProviderSecretRequest, call: Call
    ) -> pb.SetIdentityProviderSecretResponse:
        """Keep a secret."""
        await self.guard.set_secret(granter_of(call), request.name, request.client_secret)
        return pb.SetIdentityProviderSecretResponse()


def _provider(message: identity_provider_pb2.IdentityProvider, organization: str) -> Provider:
    """Return a provider as the domain judges it before it is made."""
    return Provider(
        organization=organization,
        name=NAME,
        display_name=message.display_name,
        kind=_KINDS.get(message.kind, Kind.OIDC),
        disabled=message.disabled,
        issuer=message.issuer,
        client_id=message.client_id,
        scopes=tuple(message.scopes),
        authentication=message.token_endpoint_auth_method or BASIC,
        sign_in_url=message.sign_in_url,
        certificates=tuple(message.certificates),
        sign_requests=message.sign_requests,
        name_id_format=message.name_id_format,
        claims=dict(message.claims),
        levels=dict(message.levels),
        email_domains=tuple(message.email_domains),
        trusts_email=message.trust_email,
        provisions=message.provisioning,
        default_roles=tuple(message.default_roles),
        sends_login_hint=message.send_login_hint,
    )
