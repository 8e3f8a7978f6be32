"""Serves SessionService."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tenon.auth.v1 import session_service_pb2 as pb

from services.auth.domain.families import Opened, Proof
from services.auth.domain.sign_in import CLIENT
from services.auth.servicer.caller import origin_of

if TYPE_CHECKING:
    from services.auth.domain.sign_in import SignIn
    from services.auth.domain.signing_out import SigningOut
    from services.chassis.call import Call

Response = TypeVar("Response", pb.SignInResponse, pb.RefreshSessionResponse)


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionServicer:
    """Opens, renews and ends sessions."""

    entrance: SignIn
    """Signs people in."""
    exits: SigningOut
    """Signs people out."""
    trust_headers: bool = False
    """Whether headers about the client are believed without a certificate, for tests."""

    async def SignIn(self, request: pb.SignInRequest, call: Call) -> pb.SignInResponse:
        """Open a session by a password."""
        opened = await self.entrance.sign_in(
            organization=request.organization,
            email=request.email,
            password=request.password,
            origin=origin_of(call, trust_headers=self.trust_headers),
        )
        assert isinstance(opened, Opened)
        call.set_header("cache-control", "no-store")
        return _fill(pb.SignInResponse(), opened)

    async def RefreshSession(self, request: pb.RefreshSessionRequest, call: Call) -> pb.RefreshSessionResponse:
        """Renew a session by its refresh token."""
        opened = await self.entrance.families.renew(request.refresh_token, Proof(client=CLIENT))
        call.set_header("cache-control", "no-store")
        return _fill(pb.RefreshSessionResponse(), opened)

    async def SignOut(self, request: pb.SignOutRequest, call: Call) -> pb.SignOutResponse:
        """End a session."""
        caller = call.caller
        await self.exits.sign_out(
            organization=caller.organization,
            user=caller.subject,
            session=caller.session,
            family=caller.grant,
            refresh_token=request.refresh_token,
        )
        return pb.SignOutResponse()


def _fill(response: Response, opened: Opened) -> Response:
    response.access_token = opened.access.text
    response.access_token_expire_time.FromDatetime(opened.access.expires)
    if opened.refresh is not None:
        response.refresh_token = opened.refresh.text
        response.refresh_token_expire_time.FromDatetime(opened.refresh.expires)
    response.user = opened.user
    response.organization = opened.organization
    return response
