"""Access tokens for the command itself, minted by auth under the command's own identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
import grpc.aio
from tenon.auth.v1 import token_service_pb2, token_service_pb2_grpc

from services.cli.channel import open_channel
from services.cli.errors import CommandError, NotRunning
from services.cli.home import read_holder

if TYPE_CHECKING:
    from services.cli.settings import Settings

TIMEOUT = 10.0
"""Seconds in which auth must have answered; it may be starting again just now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """An access token, and how long it lasts."""

    access_token: str = field(repr=False)
    """The token."""
    expires: float
    """When it ends, in seconds since 1970."""


async def mint_token(settings: Settings, *, email: str = "", organization: str = "") -> str:
    """Return an access token of a user, the bootstrap administrator's by default; raises CommandError."""
    return (await mint_grant(settings, organization, email=email)).access_token


async def mint_grant(settings: Settings, organization: str, *, email: str = "") -> Grant:
    """Return the same with the time at which it ends."""
    not_running = NotRunning(f"Nothing runs from {settings.home}.", mend="start it by `tenon up`.")
    if read_holder(settings) is None:
        raise not_running
    try:
        channel = open_channel(settings.socket("auth-0"), certificates=settings.certificates("cli"), name="auth")
    except OSError as error:
        raise not_running from error
    request = token_service_pb2.MintTokenRequest(email=email, organization=organization)
    async with channel:
        try:
            stub = token_service_pb2_grpc.TokenServiceStub(channel)
            answer = await stub.MintToken(request, timeout=TIMEOUT, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            raise _explain(error) from error
    return Grant(access_token=answer.access_token, expires=answer.expire_time.seconds)


def _explain(error: grpc.aio.AioRpcError) -> CommandError:
    if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
        return CommandError("auth does not answer.", mend="see `tenon status` and `tenon logs auth`.")
    mend = "see `tenon token --help`."
    if error.code() is grpc.StatusCode.NOT_FOUND:
        mend = "GET /auth/v1/users lists the users; --organization names the organization of another's."
    return CommandError(f"auth makes no token: {error.details()}", mend=mend)
