"""Tokens for the demo: the bootstrap administrator's, made by auth under the command's own identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import grpc.aio
from tenon.auth.v1 import token_service_pb2, token_service_pb2_grpc

from services.cli.channel import open_channel
from services.cli.demo.edge import Grant
from services.cli.errors import CommandError, NotRunning
from services.cli.home import read_holder

if TYPE_CHECKING:
    from services.cli.demo.edge import Mint
    from services.cli.settings import Settings

TIMEOUT = 10.0
"""Seconds in which auth must have answered; it may be starting again just now."""


def mint_from(settings: Settings) -> Mint:
    """Return what makes tokens of the bootstrap administrator, under the command's own identity."""
    not_running = NotRunning(f"Nothing runs from {settings.home}.", mend="start it by `tenon up`.")

    async def mint(organization: str) -> Grant:
        if read_holder(settings) is None:
            raise not_running
        try:
            channel = open_channel(settings.socket("auth-0"), certificates=settings.certificates("cli"), name="auth")
        except OSError as error:
            raise not_running from error
        async with channel:
            stub = token_service_pb2_grpc.TokenServiceStub(channel)
            request = token_service_pb2.MintTokenRequest(organization=organization)
            try:
                answer = await stub.MintToken(request, timeout=TIMEOUT, wait_for_ready=True)
            except grpc.aio.AioRpcError as error:
                raise CommandError(f"auth makes no token: {error.details()}.", mend="see `tenon logs auth`.") from error
        return Grant(access_token=answer.access_token, expires=answer.expire_time.seconds)

    return mint
