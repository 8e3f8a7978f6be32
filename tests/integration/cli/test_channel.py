"""What the command asks of services over mTLS: a token, and whether they serve."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from tenon.auth.v1 import token_service_pb2

from services.cli.errors import CommandError, NotRunning
from services.cli.home import hold_lock
from services.cli.minting import mint_token
from services.cli.stack.certificates import renew
from services.cli.supervision.probes import is_grpc_ready

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from services.cli.settings import Settings

    Answer = Callable[[bytes, Any], Awaitable[bytes]]

MINT = "/tenon.auth.v1.TokenService/MintToken"
CHECK = "/grpc.health.v1.Health/Check"


@asynccontextmanager
async def serve(settings: Settings, workload: str, path: str, answer: Answer) -> AsyncIterator[None]:
    """Serve one method at auth's socket with a workload's certificate, for those who show one of ours."""
    renew(settings.home / "certs", trust_domain="tenon.local", now=datetime.now(UTC))
    folder = settings.certificates(workload)
    key, chain, roots = ((folder / name).read_bytes() for name in ("key.pem", "cert.pem", "ca.pem"))
    server = grpc.aio.server()
    service, _, method = path[1:].partition("/")
    handlers: dict[str, Any] = {method: grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    credentials = grpc.ssl_server_credentials([(key, chain)], roots, require_client_auth=True)
    server.add_secure_port(f"unix:{settings.socket('auth-0')}", credentials)
    await server.start()
    try:
        yield
    finally:
        await server.stop(0)


async def test_a_token_is_asked_for_under_the_commands_own_identity(settings: Settings) -> None:
    seen: dict[str, Any] = {}

    async def mint(request: bytes, context: Any) -> bytes:
        seen["request"] = token_service_pb2.MintTokenRequest.FromString(request)
        seen["names"] = context.auth_context()["x509_subject_alternative_name"]
        return token_service_pb2.MintTokenResponse(access_token="a.b.c").SerializeToString()

    with hold_lock(settings):
        async with serve(settings, "auth", MINT, mint):
            assert await mint_token(settings, email="ada@example.com", organization="acme") == "a.b.c"
    assert (seen["request"].email, seen["request"].organization) == ("ada@example.com", "acme")
    assert b"spiffe://tenon.local/ns/tenon/sa/cli" in seen["names"]


async def test_what_auth_refuses_is_said_in_its_own_words(settings: Settings) -> None:
    async def refuse(request: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.NOT_FOUND, "There is no user ada@example.com.")
        return b""

    with hold_lock(settings):
        async with serve(settings, "auth", MINT, refuse):
            with pytest.raises(CommandError, match=r"There is no user ada@example\.com"):
                await mint_token(settings, email="ada@example.com")


async def test_without_a_stack_there_is_no_token(settings: Settings) -> None:
    with pytest.raises(NotRunning, match="tenon up"):
        await mint_token(settings)


@pytest.mark.parametrize(("status", "ready"), [(b"\x08\x01", True), (b"\x08\x02", False), (b"", False)])
async def test_a_service_is_ready_when_it_says_that_it_serves(settings: Settings, status: bytes, ready: bool) -> None:
    async def check(request: bytes, context: Any) -> bytes:
        return status

    async with serve(settings, "auth", CHECK, check):
        socket, certificates = settings.socket("auth-0"), settings.certificates("cli")
        assert await is_grpc_ready(socket, certificates=certificates, name="auth") is ready


async def test_a_service_with_anothers_certificate_is_not_believed(settings: Settings) -> None:
    async def check(request: bytes, context: Any) -> bytes:
        return b"\x08\x01"

    async with serve(settings, "data", CHECK, check):
        socket, certificates = settings.socket("auth-0"), settings.certificates("cli")
        assert not await is_grpc_ready(socket, certificates=certificates, name="auth")
