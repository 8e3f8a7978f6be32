"""Serves AdoptionService."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenon.auth.v1 import adoption_service_pb2 as pb

from services.auth.domain.adoption import Newcomer
from services.auth.servicer.caller import granter_of

if TYPE_CHECKING:
    from services.auth.domain.adoption import Adopted, Adoption
    from services.chassis.call import Call

PROFILE = ("display_name", "given_name", "family_name", "locale", "zone", "phone_number", "picture_uri")
"""Fields that are the user's own, and go to the record as they are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdoptionServicer:
    """Takes users over."""

    adoption: Adoption
    """Does it."""

    async def AdoptUsers(self, request: pb.AdoptUsersRequest, call: Call) -> pb.AdoptUsersResponse:
        """Take users of another system over."""
        call.set_header("cache-control", "no-store")
        done = await self.adoption.adopt(granter_of(call), [_newcomer(user) for user in request.users])
        return pb.AdoptUsersResponse(results=[_result(each) for each in done])


def _newcomer(user: pb.AdoptedUser) -> Newcomer:
    return Newcomer(
        email=user.email,
        roles=tuple(user.roles),
        disabled=user.disabled,
        profile={name: getattr(user, name) for name in PROFILE},
        metadata=dict(user.metadata),
        password_hash=user.password_hash,
        email_verified=user.email_verified,
    )


def _result(adopted: Adopted) -> pb.AdoptionResult:
    error = adopted.error
    if error is None:
        return pb.AdoptionResult(user=adopted.user)
    return pb.AdoptionResult(reason=error.reason, message=error.message)
