"""Serves AuthenticatorService."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tenon.auth.v1 import authenticator_pb2
from tenon.auth.v1 import authenticator_service_pb2 as pb

from services.auth.domain.accounts import find_home
from services.auth.domain.errors import UserUnknown
from services.auth.domain.factors.authenticators import PASSKEY
from services.auth.domain.factors.setup import Owner
from services.auth.servicer.caller import granter_of, origin_of

if TYPE_CHECKING:
    from services.auth.domain.accounts import Directory
    from services.auth.domain.factors.authenticators import Authenticator
    from services.auth.domain.factors.resetting import Resetting
    from services.auth.domain.factors.setup import Setup
    from services.chassis.call import Call

_PREFIX = "authenticators/"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthenticatorServicer:
    """Keeps what people prove themselves by."""

    setup: Setup
    """Sets up the caller's own."""
    resetting: Resetting
    """Takes away somebody else's."""
    directory: Directory
    """Finds the caller."""
    trust_headers: bool = False
    """Whether headers about the client are believed without a certificate, for tests."""

    async def ListAuthenticators(
        self, request: pb.ListAuthenticatorsRequest, call: Call
    ) -> pb.ListAuthenticatorsResponse:
        """Return the caller's authenticators."""
        del request
        account = (await self._owner(call)).account
        return pb.ListAuthenticatorsResponse(
            authenticators=[_message(one) for one in await self.setup.list_of(account)],
            recovery_codes=await self.setup.count_codes(account),
        )

    async def BeginTotp(self, request: pb.BeginTotpRequest, call: Call) -> pb.BeginTotpResponse:
        """Begin to set up an authenticator app."""
        begun = await self.setup.begin_totp(await self._owner(call), request.display_name)
        call.set_header("cache-control", "no-store")
        response = pb.BeginTotpResponse(enrolment=begun.enrolment, secret=begun.secret, uri=begun.uri)
        response.expire_time.FromDatetime(begun.expires)
        return response

    async def ConfirmTotp(self, request: pb.ConfirmTotpRequest, call: Call) -> pb.ConfirmTotpResponse:
        """Keep an authenticator app."""
        made = await self.setup.confirm_totp(await self._owner(call), request.enrolment, request.code)
        return pb.ConfirmTotpResponse(authenticator=_message(made))

    async def BeginPasskey(self, request: pb.BeginPasskeyRequest, call: Call) -> pb.BeginPasskeyResponse:
        """Begin to set up a passkey."""
        begun = await self.setup.begin_passkey(await self._owner(call), request.display_name)
        call.set_header("cache-control", "no-store")
        response = pb.BeginPasskeyResponse(enrolment=begun.enrolment, options_json=begun.options)
        response.expire_time.FromDatetime(begun.expires)
        return response

    async def ConfirmPasskey(self, request: pb.ConfirmPasskeyRequest, call: Call) -> pb.ConfirmPasskeyResponse:
        """Keep a passkey."""
        owner = await self._owner(call)
        made = await self.setup.confirm_passkey(owner, request.enrolment, request.credential_json)
        return pb.ConfirmPasskeyResponse(authenticator=_message(made))

    async def RegenerateRecoveryCodes(
        self, request: pb.RegenerateRecoveryCodesRequest, call: Call
    ) -> pb.RegenerateRecoveryCodesResponse:
        """Make new recovery codes."""
        del request
        codes = await self.setup.regenerate_codes(await self._owner(call))
        call.set_header("cache-control", "no-store")
        return pb.RegenerateRecoveryCodesResponse(codes=codes)

    async def RenameAuthenticator(
        self, request: pb.RenameAuthenticatorRequest, call: Call
    ) -> pb.RenameAuthenticatorResponse:
        """Give an authenticator another name."""
        owner = await self._owner(call)
        renamed = await self.setup.rename(owner, request.name.removeprefix(_PREFIX), request.display_name)
        return pb.RenameAuthenticatorResponse(authenticator=_message(renamed))

    async def RemoveAuthenticator(
        self, request: pb.RemoveAuthenticatorRequest, call: Call
    ) -> pb.RemoveAuthenticatorResponse:
        """Remove an authenticator."""
        await self.setup.remove(await self._owner(call), request.name.removeprefix(_PREFIX))
        return pb.RemoveAuthenticatorResponse()

    async def ResetAuthenticators(
        self, request: pb.ResetAuthenticatorsRequest, call: Call
    ) -> pb.ResetAuthenticatorsResponse:
        """Remove all authenticators of somebody else."""
        origin = origin_of(call, trust_headers=self.trust_headers)
        await self.resetting.reset(granter_of(call), request.user, origin)
        return pb.ResetAuthenticatorsResponse()

    async def _owner(self, call: Call) -> Owner:
        """Return the caller, where they live: that is where their factors are."""
        account = await find_home(self.directory, granter_of(call))
        if account is None:
            raise UserUnknown(call.caller.organization)
        return Owner(
            account=account,
            authenticated=datetime.fromtimestamp(call.caller.authenticated, UTC),
            session=call.caller.session,
            origin=origin_of(call, trust_headers=self.trust_headers),
        )


def _message(authenticator: Authenticator) -> authenticator_pb2.Authenticator:
    kind = authenticator_pb2.Authenticator.Kind.KIND_TOTP
    if authenticator.kind == PASSKEY:
        kind = authenticator_pb2.Authenticator.Kind.KIND_PASSKEY
    made = authenticator_pb2.Authenticator(
        name=f"{_PREFIX}{authenticator.id}",
        kind=kind,
        display_name=authenticator.display_name,
        synced=authenticator.backup_eligible,
        suspended=authenticator.suspended,
    )
    made.create_time.FromDatetime(authenticator.created)
    if authenticator.used is not None:
        made.use_time.FromDatetime(authenticator.used)
    return made
