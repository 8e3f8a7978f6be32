"""REST, gRPC and gRPC-Web are three spellings of one request."""

from __future__ import annotations

import base64
import socket
import struct
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import json_format, message_factory

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from tests.e2e.stack import Stack

LIST = "/tenon.flightops.v1.FlightopsService/ListAirports"
REST = "/flightops/v1/airports?pageSize=3&orderBy=name"


class Rpc:
    """One method of the running contract, callable over gRPC and gRPC-Web."""

    def __init__(self, stack: Stack, path: str) -> None:
        """Find its messages in the contract that the stack runs."""
        contract = stack.contract()
        method = contract.methods[path]
        find = contract.pool.FindMessageTypeByName
        self.stack, self.path = stack, path
        self.request_type: Any = message_factory.GetMessageClass(find(method.input))
        self.response_type: Any = message_factory.GetMessageClass(find(method.output))

    def grpc(self, channel: grpc.Channel, token: str | None = None, **fields: Any) -> Message:
        """Call it over gRPC."""
        call = channel.unary_unary(self.path, self.request_type.SerializeToString, self.response_type.FromString)
        metadata = () if token is None else (("authorization", f"Bearer {token}"),)
        answer: Message = call(self.request_type(**fields), metadata=metadata, timeout=20)
        return answer

    def grpc_web(self, token: str | None = None, *, text: bool = False, **fields: Any) -> tuple[Message | None, str]:
        """Call it over gRPC-Web and return the message, if any, and the `grpc-status`."""
        body = self.request_type(**fields).SerializeToString()
        frame = struct.pack(">BI", 0, len(body)) + body
        kind = "application/grpc-web-text" if text else "application/grpc-web+proto"
        headers = {"content-type": kind, "accept": kind, "x-grpc-web": "1"}
        with self.stack.client(token) as client:
            answer = client.post(self.path, headers=headers, content=base64.b64encode(frame) if text else frame)
        if "grpc-status" in answer.headers:
            return None, answer.headers["grpc-status"]
        return self._unframe(base64.b64decode(answer.content) if text else answer.content)

    def _unframe(self, content: bytes) -> tuple[Message | None, str]:
        message, status = None, ""
        while content:
            flag, size = struct.unpack(">BI", content[:5])
            payload, content = content[5 : 5 + size], content[5 + size :]
            if flag & 0x80:
                trailers = dict(line.split(":", 1) for line in payload.decode().strip().split("\r\n"))
                status = trailers["grpc-status"].strip()
            else:
                message = self.response_type.FromString(payload)
        return message, status


@pytest.fixture(scope="module")
def rpc(stack: Stack) -> Rpc:
    return Rpc(stack, LIST)


def test_the_same_request_gets_the_same_answer_over_all_three(stack: Stack, rpc: Rpc) -> None:
    token = stack.token()
    with stack.client(token) as client:
        rest = client.get(REST).json()
    with stack.channel() as channel:
        native = rpc.grpc(channel, token, page_size=3, order_by="name")
    web, web_status = rpc.grpc_web(token, page_size=3, order_by="name")
    web_text, _ = rpc.grpc_web(token, text=True, page_size=3, order_by="name")
    assert len(native.airports) == 3  # type: ignore[attr-defined]  # known at run time alone
    # A page token is sealed with a fresh nonce, so it alone differs.
    for answer in (native, web, web_text):
        answer.ClearField("next_page_token")  # type: ignore[union-attr]  # the same
    rest.pop("nextPageToken")
    assert web == native == web_text
    assert web_status == "0"
    assert json_format.ParseDict(rest, rpc.response_type()) == native


def test_without_a_token_all_three_are_unauthenticated(stack: Stack, rpc: Rpc) -> None:
    with stack.client() as client:
        rest = client.get(REST)
    assert rest.status_code == 401
    assert rest.json()["code"] == 16
    with stack.channel() as channel, pytest.raises(grpc.RpcError) as refused:
        rpc.grpc(channel, page_size=3)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert rpc.grpc_web(page_size=3) == (None, "16")


def test_without_the_permission_all_three_are_denied(stack: Stack, rpc: Rpc, powerless: str) -> None:
    with stack.client(powerless) as client:
        rest = client.get(REST)
    assert rest.status_code == 403
    assert rest.json()["code"] == 7
    with stack.channel() as channel, pytest.raises(grpc.RpcError) as refused:
        rpc.grpc(channel, powerless, page_size=3)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert rpc.grpc_web(powerless, page_size=3) == (None, "7")


def test_a_service_called_directly_decides_the_same(stack: Stack, rpc: Rpc, powerless: str) -> None:
    with stack.direct("data") as channel:
        with pytest.raises(grpc.RpcError) as nobody:
            rpc.grpc(channel, page_size=3)
        with pytest.raises(grpc.RpcError) as denied:
            rpc.grpc(channel, powerless, page_size=3)
        allowed = rpc.grpc(channel, stack.token(), page_size=3)
    # The command's own certificate is a workload, which may call internal methods alone.
    assert nobody.value.code() in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}
    assert denied.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert len(allowed.airports) == 3  # type: ignore[attr-defined]  # the same


def test_a_token_is_asked_for_before_the_body_is_read(stack: Stack) -> None:
    head = (
        "POST /flightops/v1/airports HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        "content-length: 1000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", stack.port), timeout=10) as connection:
        connection.sendall(head.encode())
        # Not one byte of the body is sent.
        answer = connection.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 401 ")
