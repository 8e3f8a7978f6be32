"""Serves RecoveryService."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenon.auth.v1 import recovery_service_pb2 as pb

from services.auth.domain.accounts import find_home
from services.auth.domain.errors import UserUnknown
from services.auth.servicer.caller import granter_of, origin_of

if TYPE_CHECKING:
    from services.auth.domain.accounts import Directory
    from services.auth.domain.address_verification import AddressVerification
    from services.auth.domain.password_recovery import PasswordRecovery
    from services.chassis.call import Call


@dataclass(frozen=True, kw_only=True, slots=True)
class RecoveryServicer:
    """Serves what people do by a link in a mail."""

    recovery: PasswordRecovery
    """Replaces forgotten passwords."""
    verification: AddressVerification
    """Verifies addresses."""
    directory: Directory
    """Finds the caller."""
    trust_headers: bool = False
    """Whether headers about the client are believed without a certificate, for tests."""

    async def RequestPasswordReset(
        self, request: pb.RequestPasswordResetRequest, call: Call
    ) -> pb.RequestPasswordResetResponse:
        """Send a link to choose a new password."""
        origin = origin_of(call, trust_headers=self.trust_headers)
        await self.recovery.request(request.organization, request.email, origin)
        return pb.RequestPasswordResetResponse()

    async def CompletePasswordReset(
        self, request: pb.CompletePasswordResetRequest, call: Call
    ) -> pb.CompletePasswordResetResponse:
        """Choose a new password by a link."""
        origin = origin_of(call, trust_headers=self.trust_headers)
        await self.recovery.choose(request.link, request.new_password, origin)
        return pb.CompletePasswordResetResponse()

    async def RequestEmailVerification(
        self, request: pb.RequestEmailVerificationRequest, call: Call
    ) -> pb.RequestEmailVerificationResponse:
        """Send a link to the caller's own address."""
        del request
        account = await find_home(self.directory, granter_of(call))
        if account is None:
            raise UserUnknown(call.caller.organization)
        await self.verification.request(account, origin_of(call, trust_headers=self.trust_headers))
        return pb.RequestEmailVerificationResponse()

    async def CompleteEmailVerification(
        self, request: pb.CompleteEmailVerificationRequest, call: Call
    ) -> pb.CompleteEmailVerificationResponse:
        """Verify an address by a link."""
        user = await self.verification.confirm(request.link, origin_of(call, trust_headers=self.trust_headers))
        return pb.CompleteEmailVerificationResponse(user=user)
