"""Tokens for the demo: the bootstrap administrator's, made by auth under the command's own identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import grpc.aio
from tenon.auth.v1 import token_service_pb2, token_service_pb2_grpc

from services.cli.channel import open_channel
from services.cli.demo.edge import Grant
from services.cli.errors import CommandError, NotRunning

if TYPE_CHECKING:
    from services.cli.demo.edge import Mint
    from services.cli.settings import Settings


def mint_from(settings: Settings) -> Mint:
    """Return what makes tokens of the bootstrap administrator, under the command's own identity."""

    async def mint(organization: str) -> Grant:
        socket, certificates = settings.socket("auth-0"), settings.certificates("cli")
        try:
            channel = open_channel(socket, certificates=certificates, name="auth")
        except OSError as error:
            raise NotRunning(f"Nothing runs from {settings.home}.", mend="start it by `tenon up`.") from error
        async with channel:
            stub = token_service_pb2_grpc.TokenServiceStub(channel)
            request = token_service_pb2.MintTokenRequest(organization=organization)
            try:
                answer = await stub.MintToken(request, timeout=10)
            except grpc.aio.AioRpcError as error:
                raise CommandError(f"auth makes no token: {error.details()}.", mend="see `tenon logs auth`.") from error
        return Grant(access_token=answer.access_token, expires=answer.expire_time.seconds)

    return mint
