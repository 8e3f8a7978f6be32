"""Serves ApiKeyService: for those who look after everybody's keys, and for people who look after their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from google.protobuf import empty_pb2
from tenon.auth.v1 import api_key_pb2
from tenon.auth.v1 import api_key_service_pb2 as pb

from services.auth.domain.api_keys import Listed, Wish
from services.auth.servicer.caller import granter_of
from services.records.reading.pages import fingerprint, page_size

if TYPE_CHECKING:
    from services.auth.domain.api_keys import ApiKey, ApiKeys
    from services.chassis.call import Call
    from services.records.reading.pages import PageTokens


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKeyServicer:
    """Keeps API keys."""

    keys: ApiKeys
    """Keeps them."""
    tokens: PageTokens
    """Seals page tokens."""

    async def GetApiKey(self, request: pb.GetApiKeyRequest, call: Call) -> api_key_pb2.ApiKey:
        """Return one key."""
        return _message(await self.keys.get(call.caller.organization, request.name))

    async def ListApiKeys(self, request: pb.ListApiKeysRequest, call: Call) -> pb.ListApiKeysResponse:
        """Return a page of keys."""
        found, token = await self._list(request, call, owner=request.owner)
        return pb.ListApiKeysResponse(api_keys=found, next_page_token=token)

    async def CreateApiKey(self, request: pb.CreateApiKeyRequest, call: Call) -> api_key_pb2.ApiKey:
        """Make a key and show its text this once."""
        return await self._create(request.api_key, call, owner=request.api_key.owner)

    async def RevokeApiKey(self, request: pb.RevokeApiKeyRequest, call: Call) -> pb.RevokeApiKeyResponse:
        """End a key."""
        return pb.RevokeApiKeyResponse(api_key=_message(await self.keys.revoke(granter_of(call), request.name)))

    async def DeleteApiKey(self, request: pb.DeleteApiKeyRequest, call: Call) -> empty_pb2.Empty:
        """End a key and forget it."""
        await self.keys.delete(granter_of(call), request.name)
        return empty_pb2.Empty()

    async def ListOwnApiKeys(self, request: pb.ListOwnApiKeysRequest, call: Call) -> pb.ListOwnApiKeysResponse:
        """Return a page of the caller's own keys."""
        found, token = await self._list(request, call, owner=call.caller.subject)
        return pb.ListOwnApiKeysResponse(api_keys=found, next_page_token=token)

    async def CreateOwnApiKey(self, request: pb.CreateOwnApiKeyRequest, call: Call) -> pb.CreateOwnApiKeyResponse:
        """Make a key that acts as the caller, and show its text this once."""
        return pb.CreateOwnApiKeyResponse(api_key=await self._create(request.api_key, call, owner=call.caller.subject))

    async def RevokeOwnApiKey(self, request: pb.RevokeOwnApiKeyRequest, call: Call) -> pb.RevokeOwnApiKeyResponse:
        """End a key of the caller's own."""
        key = await self.keys.revoke(granter_of(call), request.name, owner=call.caller.subject)
        return pb.RevokeOwnApiKeyResponse(api_key=_message(key))

    async def _create(self, wanted: api_key_pb2.ApiKey, call: Call, *, owner: str) -> api_key_pb2.ApiKey:
        expires = wanted.expire_time.ToDatetime(UTC) if wanted.HasField("expire_time") else None
        wish = Wish(owner=owner, display_name=wanted.display_name, scopes=tuple(wanted.scopes), expires=expires)
        key, text = await self.keys.create(granter_of(call), wish)
        call.set_header("cache-control", "no-store")
        message = _message(key)
        message.text = str(text)
        return message

    async def _list(
        self, request: pb.ListApiKeysRequest | pb.ListOwnApiKeysRequest, call: Call, *, owner: str
    ) -> tuple[list[api_key_pb2.ApiKey], str]:
        organization = call.caller.organization
        size = page_size(request.page_size)
        bound_to = fingerprint(call.method.path, f"{organization}\n{owner}", request)
        after = str(self.tokens.open(request.page_token, bound_to)[0]) if request.page_token else ""
        found = await self.keys.list(Listed(organization=organization, owner=owner, after=after, limit=size + 1))
        token = self.tokens.seal([found[size - 1].id], bound_to) if len(found) > size else ""
        return [_message(key) for key in found[:size]], token


def _message(key: ApiKey) -> api_key_pb2.ApiKey:
    message = api_key_pb2.ApiKey(
        name=key.name, owner=key.owner, display_name=key.display_name, scopes=key.scopes, creator=key.creator
    )
    message.create_time.FromDatetime(key.created)
    if key.expires is not None:
        message.expire_time.FromDatetime(key.expires)
    if key.revoked is not None:
        message.revoke_time.FromDatetime(key.revoked)
    if key.used is not None:
        message.last_use_time.FromDatetime(key.used)
    return message
