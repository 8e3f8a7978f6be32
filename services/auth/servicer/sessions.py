"""Serves SessionService."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tenon.auth.v1 import session_service_pb2 as pb

from services.auth.servicer.caller import session_of, source_address

if TYPE_CHECKING:
    from services.auth.domain.sessions import Opened, Sessions
    from services.auth.domain.sign_in import SignIn
    from services.chassis.call import Call

Response = TypeVar("Response", pb.SignInResponse, pb.RefreshSessionResponse)


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionServicer:
    """Opens, renews and ends sessions."""

    entrance: SignIn
    """Signs people in."""
    sessions: Sessions
    """Renews and ends sessions."""
    trust_headers: bool = False
    """Whether headers about the client are believed without a certificate, for tests."""

    async def SignIn(self, request: pb.SignInRequest, call: Call) -> pb.SignInResponse:
        """Open a session by a password."""
        opened = await self.entrance.sign_in(
            organization=request.organization,
            email=request.email,
            password=request.password,
            address=source_address(call, trust_headers=self.trust_headers),
        )
        call.set_header("cache-control", "no-store")
        return _fill(pb.SignInResponse(), opened)

    async def RefreshSession(self, request: pb.RefreshSessionRequest, call: Call) -> pb.RefreshSessionResponse:
        """Renew a session by its refresh token."""
        opened = await self.sessions.renew(request.refresh_token)
        call.set_header("cache-control", "no-store")
        return _fill(pb.RefreshSessionResponse(), opened)

    async def SignOut(self, request: pb.SignOutRequest, call: Call) -> pb.SignOutResponse:
        """End a session."""
        await self.sessions.close(
            organization=call.caller.organization,
            user=call.caller.subject,
            session=session_of(call.token),
            refresh_token=request.refresh_token,
        )
        return pb.SignOutResponse()


def _fill(response: Response, opened: Opened) -> Response:
    response.access_token = opened.access.text
    response.access_token_expire_time.FromDatetime(opened.access.expires)
    response.refresh_token = opened.refresh.text
    response.refresh_token_expire_time.FromDatetime(opened.refresh.expires)
    response.user = opened.user
    response.organization = opened.organization
    return response
