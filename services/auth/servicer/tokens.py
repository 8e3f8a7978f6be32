"""Serves TokenService."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenon.auth.v1 import token_service_pb2 as pb

if TYPE_CHECKING:
    from services.auth.domain.tokens import Minting
    from services.auth.domain.workloads import WorkloadExchange
    from services.chassis.call import Call


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenServicer:
    """Makes access tokens for workloads."""

    minting: Minting
    """Makes them."""
    workloads: WorkloadExchange
    """Makes those of workloads that act for themselves."""

    async def MintToken(self, request: pb.MintTokenRequest, call: Call) -> pb.MintTokenResponse:
        """Make an access token for a user without a password."""
        account, organization, token = await self.minting.mint(
            email=request.email, organization=request.organization, client=call.caller.workload
        )
        response = pb.MintTokenResponse(access_token=token.text, user=account.name, organization=organization)
        response.expire_time.FromDatetime(token.expires)
        return response

    async def ExchangeWorkloadIdentity(
        self, request: pb.ExchangeWorkloadIdentityRequest, call: Call
    ) -> pb.ExchangeWorkloadIdentityResponse:
        """Make an access token for the service account that stands for the calling workload."""
        account, token = await self.workloads.exchange(
            workload=call.caller.workload, organization=request.organization, scope=request.scope
        )
        response = pb.ExchangeWorkloadIdentityResponse(access_token=token.text, service_account=account.name)
        response.expire_time.FromDatetime(token.expires)
        return response
