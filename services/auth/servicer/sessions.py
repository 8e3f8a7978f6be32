"""Serves SessionService."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tenon.auth.v1 import session_pb2
from tenon.auth.v1 import session_service_pb2 as pb

from services.auth.domain.accounts import find_home
from services.auth.domain.errors import FactorNotOffered, UserUnknown
from services.auth.domain.factors.kinds import Factor
from services.auth.domain.sign_in_flow import SignInState
from services.auth.servicer.caller import granter_of, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.auth.domain.accounts import Account
    from services.auth.domain.families import Opened
    from services.auth.domain.session_lists import SessionLists
    from services.auth.domain.sessions import Origin, Session
    from services.auth.domain.sign_in import SignIn
    from services.auth.domain.signing_out import SigningOut
    from services.auth.domain.switching import Switching
    from services.chassis.call import Call

Response = TypeVar(
    "Response",
    pb.SignInResponse,
    pb.ContinueSignInResponse,
    pb.RefreshSessionResponse,
    pb.SwitchOrganizationResponse,
)

_PREFIX = "sessions/"
_FACTORS = {factor: pb.Factor.Value(f"FACTOR_{factor.name}") for factor in Factor}


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionServicer:
    """Opens, strengthens, renews, lists and ends sessions."""

    entrance: SignIn
    """Signs people in."""
    exits: SigningOut
    """Signs people out."""
    switching: Switching
    """Lets people act in another of their organizations."""
    lists: SessionLists
    """Lists and ends sessions."""
    trust_headers: bool = False
    """Whether headers about the client are believed without a certificate, for tests."""

    async def SignIn(self, request: pb.SignInRequest, call: Call) -> pb.SignInResponse:
        """Open a session by a password, or say what else has to be shown."""
        opened = await self.entrance.sign_in(
            organization=request.organization,
            email=request.email,
            password=request.password,
            origin=self._origin(call),
            level=request.acr,
        )
        return _fill(pb.SignInResponse(), opened, call)

    async def BeginSignIn(self, request: pb.BeginSignInRequest, call: Call) -> pb.BeginSignInResponse:
        """Begin a sign-in."""
        state = await self.entrance.flow.begin(request.organization, request.email, level=request.acr)
        call.set_header("cache-control", "no-store")
        return pb.BeginSignInResponse(challenge=_challenge(state))

    async def ContinueSignIn(self, request: pb.ContinueSignInRequest, call: Call) -> pb.ContinueSignInResponse:
        """Show one factor."""
        state = await self._show(request, call)
        return _fill(pb.ContinueSignInResponse(), await self.entrance.conclude(state, self._origin(call)), call)

    async def SendSignInCode(self, request: pb.SendSignInCodeRequest, call: Call) -> pb.SendSignInCodeResponse:
        """Send a code by mail."""
        await self.entrance.flow.send_code(request.attempt, self._origin(call))
        return pb.SendSignInCodeResponse()

    async def CreatePasskeyChallenge(
        self, request: pb.CreatePasskeyChallengeRequest, call: Call
    ) -> pb.CreatePasskeyChallengeResponse:
        """Return what a browser has to be asked to show a passkey."""
        _, options = await self.entrance.flow.passkey_options(request.attempt)
        call.set_header("cache-control", "no-store")
        return pb.CreatePasskeyChallengeResponse(options_json=options)

    async def StepUp(self, request: pb.StepUpRequest, call: Call) -> pb.StepUpResponse:
        """Strengthen the caller's session."""
        caller, response = call.caller, pb.StepUpResponse()
        call.set_header("cache-control", "no-store")
        if not request.attempt:
            begun = await self.entrance.step_up(
                organization=caller.organization, session=caller.session, level=request.acr
            )
            response.challenge.CopyFrom(_challenge(begun))
            return response
        await self.entrance.check_step_up(request.attempt, session=caller.session)
        state = await self._show(request, call)
        token = await self.entrance.conclude_step_up(
            state, self._origin(call), session=caller.session, family=caller.grant
        )
        if isinstance(token, SignInState):
            response.challenge.CopyFrom(_challenge(token))
            return response
        response.access_token = token.text
        response.access_token_expire_time.FromDatetime(token.expires)
        return response

    async def RefreshSession(self, request: pb.RefreshSessionRequest, call: Call) -> pb.RefreshSessionResponse:
        """Renew a session by its refresh token."""
        opened = await self.entrance.renew(request.refresh_token, self._origin(call))
        return _fill(pb.RefreshSessionResponse(), opened, call)

    async def SwitchOrganization(
        self, request: pb.SwitchOrganizationRequest, call: Call
    ) -> pb.SwitchOrganizationResponse:
        """Give tokens for another organization, of the same session."""
        opened = await self.switching.switch(granter_of(call), call.caller.session, request.organization)
        return _fill(pb.SwitchOrganizationResponse(), opened, call)

    async def ListMyOrganizations(
        self, request: pb.ListMyOrganizationsRequest, call: Call
    ) -> pb.ListMyOrganizationsResponse:
        """Return the organizations that the caller may act in."""
        del request
        mine = await self.switching.list_mine(granter_of(call))
        return pb.ListMyOrganizationsResponse(
            organizations=[pb.MyOrganization(organization=one.id, display_name=one.shown) for one in mine]
        )

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

    async def ListSessions(self, request: pb.ListSessionsRequest, call: Call) -> pb.ListSessionsResponse:
        """Return the caller's sessions."""
        del request
        account = await self._account(call)
        found = await self.lists.list_of(account.organization, account.name)
        return pb.ListSessionsResponse(sessions=_sessions(found, call))

    async def EndSession(self, request: pb.EndSessionRequest, call: Call) -> pb.EndSessionResponse:
        """End one of the caller's sessions."""
        account = await self._account(call)
        await self.lists.end_one(account.organization, account.name, request.name.removeprefix(_PREFIX))
        return pb.EndSessionResponse()

    async def EndOtherSessions(self, request: pb.EndOtherSessionsRequest, call: Call) -> pb.EndOtherSessionsResponse:
        """End all of the caller's sessions but this one."""
        del request
        account = await self._account(call)
        ended = await self.lists.end_others(account.organization, account.name, keep=call.caller.session)
        return pb.EndOtherSessionsResponse(ended=ended)

    async def ListUserSessions(self, request: pb.ListUserSessionsRequest, call: Call) -> pb.ListUserSessionsResponse:
        """Return the sessions of a user."""
        found = await self.lists.list_of_user(granter_of(call), request.user)
        return pb.ListUserSessionsResponse(sessions=_sessions(found, call))

    async def EndUserSessions(self, request: pb.EndUserSessionsRequest, call: Call) -> pb.EndUserSessionsResponse:
        """End all sessions of a user."""
        return pb.EndUserSessionsResponse(ended=await self.lists.end_of_user(granter_of(call), request.user))

    async def _show(self, request: pb.ContinueSignInRequest | pb.StepUpRequest, call: Call) -> SignInState:
        flow = self.entrance.flow
        shown = request.WhichOneof("factor")
        show = {
            "password": flow.password,
            "email_code": flow.code,
            "email_link": flow.link,
            "totp": flow.totp,
            "recovery_code": flow.recovery_code,
            "passkey_json": flow.passkey,
        }.get(shown or "")
        if shown is None or show is None:
            raise FactorNotOffered("nothing", "a factor")
        return await show(request.attempt, getattr(request, shown), self._origin(call))

    async def _account(self, call: Call) -> Account:
        """Return the caller, where they live: that is where their sessions are."""
        account = await find_home(self.lists.directory, granter_of(call))
        if account is None:
            raise UserUnknown(call.caller.organization)
        return account

    def _origin(self, call: Call) -> Origin:
        return origin_of(call, trust_headers=self.trust_headers)


def _fill(response: Response, opened: Opened | SignInState, call: Call) -> Response:
    call.set_header("cache-control", "no-store")
    if isinstance(opened, SignInState):
        if not isinstance(response, pb.RefreshSessionResponse | pb.SwitchOrganizationResponse):
            response.challenge.CopyFrom(_challenge(opened))
        return response
    response.access_token = opened.access.text
    response.access_token_expire_time.FromDatetime(opened.access.expires)
    if opened.refresh is not None:
        response.refresh_token = opened.refresh.text
        response.refresh_token_expire_time.FromDatetime(opened.refresh.expires)
    response.user = opened.user
    response.organization = opened.organization
    return response


def _challenge(state: SignInState) -> pb.SignInChallenge:
    made = pb.SignInChallenge(attempt=state.attempt, factors=[_FACTORS[factor] for factor in state.offered])
    made.expire_time.FromDatetime(state.expires)
    return made


def _sessions(found: Iterable[Session], call: Call) -> list[session_pb2.Session]:
    return [_session(one, call) for one in found]


def _session(session: Session, call: Call) -> session_pb2.Session:
    proof = session.authentication
    made = session_pb2.Session(
        name=f"{_PREFIX}{session.id}",
        address=session.origin.address,
        agent=session.origin.agent,
        acr=proof.level,
        amr=proof.claimed,
        current=session.id == call.caller.session,
    )
    made.auth_time.FromDatetime(proof.time)
    made.create_time.FromDatetime(session.created)
    made.use_time.FromDatetime(session.used)
    made.expire_time.FromDatetime(session.expires)
    return made
