"""Serves ClientService: the record engine's methods, guarded where somebody could gain by a client, and secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from tenon.auth.v1 import client_pb2
from tenon.auth.v1 import client_service_pb2 as pb

from services.auth.domain.oauth.clients import BASIC, Client
from services.auth.servicer.caller import granter_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from services.auth.domain.oauth.client_secrets import ClientSecret, ClientSecrets
    from services.auth.domain.oauth.registering import Registering
    from services.auth.servicer.records import Records
    from services.chassis.call import Call


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientServicer:
    """Keeps clients and their secrets."""

    records: Records
    """Serves the standard methods."""
    registering: Registering
    """Guards them."""
    secrets: ClientSecrets
    """Makes and removes secrets."""

    async def GetClient(self, request: pb.GetClientRequest, call: Call) -> Message | bytes:
        """Return one client."""
        return await self.records.serve(request, call)

    async def ListClients(self, request: pb.ListClientsRequest, call: Call) -> Message | bytes:
        """Return a page of clients."""
        return await self.records.serve(request, call)

    async def CreateClient(self, request: pb.CreateClientRequest, call: Call) -> Message | bytes:
        """Register a client."""
        granter = granter_of(call)
        async with self.registering.creating(granter, client_of(request.client, granter.organization)):
            return await self.records.serve(request, call)

    async def UpdateClient(self, request: pb.UpdateClientRequest, call: Call) -> Message | bytes:
        """Change a client."""
        async with self.registering.changing(granter_of(call), request.client.name):
            return await self.records.serve(request, call)

    async def DeleteClient(self, request: pb.DeleteClientRequest, call: Call) -> Message | bytes:
        """Delete a client with its secrets."""
        async with self.registering.changing(granter_of(call), request.name):
            return await self.records.serve(request, call)

    async def AddClientSecret(self, request: pb.AddClientSecretRequest, call: Call) -> pb.AddClientSecretResponse:
        """Make a secret and show it once."""
        expires = request.expire_time.ToDatetime(tzinfo=UTC) if request.HasField("expire_time") else None
        secret, text = await self.secrets.add(granter_of(call), request.name, expires)
        call.set_header("cache-control", "no-store")
        return pb.AddClientSecretResponse(client_secret=text, secret=_described(secret))

    async def DescribeClientSecrets(
        self, request: pb.DescribeClientSecretsRequest, call: Call
    ) -> pb.DescribeClientSecretsResponse:
        """Return what may be known of a client's secrets."""
        found = await self.secrets.list(granter_of(call), request.name)
        return pb.DescribeClientSecretsResponse(secrets=[_described(secret) for secret in found])

    async def RemoveClientSecret(
        self, request: pb.RemoveClientSecretRequest, call: Call
    ) -> pb.RemoveClientSecretResponse:
        """Remove a secret."""
        await self.secrets.remove(granter_of(call), request.name, request.secret)
        return pb.RemoveClientSecretResponse()


def client_of(message: client_pb2.Client, organization: str) -> Client:
    """Return a client as the domain judges it before it is registered."""
    return Client(
        id="",
        organization=organization,
        redirect_uris=tuple(message.redirect_uris),
        post_logout_redirect_uris=tuple(message.post_logout_redirect_uris),
        grant_types=frozenset(message.grant_types),
        authentication=message.token_endpoint_auth_method or BASIC,
        keys=message.jwks,
        keys_uri=message.jwks_uri,
        certificate_uri=message.tls_client_auth_san_uri,
        scopes=tuple(message.scopes),
        first_party=message.first_party,
        impersonates=message.impersonates,
        any_organization=message.any_organization,
        service_account=message.service_account,
    )


def _described(secret: ClientSecret) -> client_pb2.ClientSecret:
    message = client_pb2.ClientSecret(id=secret.id)
    message.create_time.FromDatetime(secret.created)
    if secret.expires is not None:
        message.expire_time.FromDatetime(secret.expires)
    return message
