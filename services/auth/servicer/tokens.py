"""Serves TokenService."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenon.auth.v1 import token_service_pb2 as pb

if TYPE_CHECKING:
    from services.auth.domain.tokens import Minting
    from services.chassis.call import Call


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenServicer:
    """Makes access tokens for workloads."""

    minting: Minting
    """Makes them."""

    async def MintToken(self, request: pb.MintTokenRequest, call: Call) -> pb.MintTokenResponse:
        """Make an access token for a user without a password."""
        account, organization, token = await self.minting.mint(
            email=request.email, organization=request.organization, client=call.caller.workload
        )
        response = pb.MintTokenResponse(access_token=token.text, user=account.name, organization=organization)
        response.expire_time.FromDatetime(token.expires)
        return response
