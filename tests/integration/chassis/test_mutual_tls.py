"""Processes of the mesh prove who they are, and go on when their certificates change."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from services.chassis.contract import Internal, Permission
from services.chassis.http_listener import build_app, serve_http
from services.chassis.server import serve_grpc
from services.chassis.tls import CertificateFolder, CertsUnusable
from services.chassis.transport import HandlerTable
from tests.fakes.chassis_certs import issue_certs, rotate_certs
from tests.fakes.chassis_conformance import CODECS, PATH, table, text
from tests.fakes.chassis_frame import ADMIN, fake_chain, fake_handler, fake_method, fake_telemetry

if TYPE_CHECKING:
    from pathlib import Path

    from services.chassis.call import Call
    from services.chassis.contract import Access


async def tell(request: Any, call: Call) -> Any:
    return text(f"{call.peer} {call.caller.workload} {call.caller.kind.value}")


def served(access: Access) -> HandlerTable:
    return HandlerTable(fake_chain().bind, table(fake_handler(tell, fake_method(access=access))))


def channel_of(endpoint: str, certs: Path, name: str = "data") -> grpc.aio.Channel:
    return grpc.aio.secure_channel(
        endpoint,
        CertificateFolder(certs).channel_credentials(),
        options=[("grpc.ssl_target_name_override", name), ("grpc.use_local_subchannel_pool", 1)],
    )


async def test_a_workload_is_known_by_its_certificate(tmp_path: Path) -> None:
    certs = issue_certs(tmp_path / "certs", "data", "auth", "edge")
    endpoint = f"unix:{tmp_path / 'data.sock'}"
    access = Internal(callers=("auth",))
    async with serve_grpc(served(access), endpoint, CertificateFolder(certs["data"])):
        async with channel_of(endpoint, certs["auth"]) as channel:
            answer = await channel.unary_unary(PATH, *CODECS)(text(""))
            assert answer.value == "spiffe://tenon.local/ns/tenon/sa/auth auth workload"
        async with channel_of(endpoint, certs["edge"]) as channel:
            assert await channel.unary_unary(PATH, *CODECS)(text("")).code() is grpc.StatusCode.PERMISSION_DENIED


async def test_the_edge_calls_for_the_user_whose_token_it_brings(tmp_path: Path) -> None:
    certs = issue_certs(tmp_path / "certs", "data", "edge")
    endpoint = f"unix:{tmp_path / 'data.sock'}"
    async with (
        serve_grpc(served(Permission(name="toy.things.do")), endpoint, CertificateFolder(certs["data"])),
        channel_of(endpoint, certs["edge"]) as channel,
    ):
        invoke = channel.unary_unary(PATH, *CODECS)
        answer = await invoke(text(""), metadata=(("authorization", f"Bearer {ADMIN}"),))
        assert answer.value.endswith(" edge user")
        assert await invoke(text("")).code() is grpc.StatusCode.UNAUTHENTICATED


async def test_without_a_certificate_nobody_gets_in(tmp_path: Path) -> None:
    certs = issue_certs(tmp_path / "certs", "data")
    endpoint = f"unix:{tmp_path / 'data.sock'}"
    roots = (certs["data"] / "ca.pem").read_bytes()
    async with serve_grpc(served(Permission(name="toy.things.do")), endpoint, CertificateFolder(certs["data"])):
        nameless = grpc.aio.secure_channel(
            endpoint, grpc.ssl_channel_credentials(roots), options=[("grpc.ssl_target_name_override", "data")]
        )
        for channel in (nameless, grpc.aio.insecure_channel(endpoint)):
            async with channel:
                code = await channel.unary_unary(PATH, *CODECS)(text(""), timeout=5).code()
                assert code is grpc.StatusCode.UNAVAILABLE


async def test_a_stranger_with_the_right_name_gets_nowhere(tmp_path: Path) -> None:
    certs = issue_certs(tmp_path / "certs", "data")
    foreign = issue_certs(tmp_path / "foreign", "auth")
    endpoint = f"unix:{tmp_path / 'data.sock'}"
    async with (
        serve_grpc(served(Internal(callers=("auth",))), endpoint, CertificateFolder(certs["data"])),
        channel_of(endpoint, foreign["auth"]) as channel,
    ):
        code = await channel.unary_unary(PATH, *CODECS)(text(""), timeout=5).code()
        assert code is grpc.StatusCode.UNAVAILABLE


async def test_a_client_refuses_a_server_of_another_name(tmp_path: Path) -> None:
    certs = issue_certs(tmp_path / "certs", "data", "auth")
    endpoint = f"unix:{tmp_path / 'data.sock'}"
    async with (
        serve_grpc(served(Internal(callers=("auth",))), endpoint, CertificateFolder(certs["data"])),
        channel_of(endpoint, certs["auth"], name="auth") as channel,
    ):
        code = await channel.unary_unary(PATH, *CODECS)(text(""), timeout=5).code()
        assert code is grpc.StatusCode.UNAVAILABLE


async def test_rotation_under_load_fails_no_call_and_new_connections_see_the_new_certificate(tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    certs = issue_certs(folder, "data", "auth")
    endpoint = f"unix:{tmp_path / 'data.sock'}"
    server_side = CertificateFolder(certs["data"], patience=0)
    first = server_side.current.chain
    failures: list[grpc.StatusCode] = []
    calls = 0
    stop, progress = asyncio.Event(), asyncio.Event()

    async def load(fresh: bool) -> None:
        nonlocal calls
        channel = channel_of(endpoint, certs["auth"])
        while not stop.is_set():
            if fresh:
                await channel.close()
                channel = channel_of(endpoint, certs["auth"])
            code = await channel.unary_unary(PATH, *CODECS)(text(""), timeout=10).code()
            calls += 1
            if calls % 20 == 0:
                progress.set()
            if code is not grpc.StatusCode.OK:
                failures.append(code)
        await channel.close()

    async with serve_grpc(served(Internal(callers=("auth",))), endpoint, server_side):
        loads = [asyncio.create_task(load(fresh)) for fresh in (True, True, False)]
        for _ in range(3):
            rotate_certs(folder, "data")
            progress.clear()
            await asyncio.wait_for(progress.wait(), 30)
        stop.set()
        await asyncio.gather(*loads)
    assert failures == []
    assert server_side.current.chain != first


async def test_the_http_side_wants_a_certificate_too_and_follows_rotation(tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    certs = issue_certs(folder, "data", "auth")
    path = str(tmp_path / "data.http.sock")
    side = CertificateFolder(certs["data"], patience=0)
    app = build_app(
        routes=[Route("/page", lambda _: PlainTextResponse("here"))],
        telemetry=fake_telemetry(),
        is_serving=lambda: True,
    )
    async with serve_http(app, f"unix:{path}", side.server_context()):
        serials = set()
        for _ in range(2):
            serials.add(await _serial(path, certs["auth"]))
            rotate_certs(folder, "data")
        assert len(serials) == 2
        context = ssl.create_default_context(cafile=str(certs["auth"] / "ca.pem"))
        with pytest.raises((httpx.TransportError, ssl.SSLError)):
            await _get(path, context)


async def _serial(path: str, certs: Path) -> Any:
    context = ssl.create_default_context(cafile=str(certs / "ca.pem"))
    context.load_cert_chain(certs / "cert.pem", certs / "key.pem")
    response = await _get(path, context)
    assert response.text == "here"
    _, writer = await asyncio.open_unix_connection(path, ssl=context, server_hostname="data")
    serial = writer.get_extra_info("peercert")["serialNumber"]
    writer.close()
    return serial


async def _get(path: str, context: ssl.SSLContext) -> httpx.Response:
    transport = httpx.AsyncHTTPTransport(uds=path, verify=context)
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        return await client.get("https://data/page")


def test_a_folder_that_lacks_a_file_is_named_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(CertsUnusable, match=r"key\.pem.*Mend: TENON_CERTS"):
        CertificateFolder(tmp_path)


def test_the_last_good_files_serve_on_while_the_folder_is_broken(tmp_path: Path) -> None:
    certs = issue_certs(tmp_path / "certs", "data")
    side = CertificateFolder(certs["data"], patience=0)
    good = side.current
    certs["data"].unlink()
    assert side.current is good
