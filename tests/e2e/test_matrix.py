"""Every method of every contract that runs is decided, at the edge and again at the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from services.chassis.contract import Authenticated, Internal, Method, Permission, Public, Service
from tests.e2e.stack import DETAILS, EDGE_REASONS, reason_of

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

Status = grpc.StatusCode
REFUSED = {Status.UNAUTHENTICATED, Status.PERMISSION_DENIED}


def outcome(channel: grpc.Channel, method: Method, token: str | None) -> grpc.StatusCode:
    """Call the method with an empty request and return the status."""
    error = failure(channel, method, token)
    code: grpc.StatusCode = Status.OK if error is None else error.code()
    return code


def failure(channel: grpc.Channel, method: Method, token: str | None) -> Any:
    """Call the method with an empty request and return its error, if any; of a stream the first message will do."""
    metadata = () if token is None else (("authorization", f"Bearer {token}"),)
    if not method.server_streaming:
        return channel.unary_unary(method.path, bytes, bytes).future(b"", metadata=metadata, timeout=20).exception()
    stream: Any = channel.unary_stream(method.path, bytes, bytes)(b"", metadata=metadata, timeout=20)
    try:
        next(stream, None)
    except grpc.RpcError as error:
        return error
    stream.cancel()
    return None


def outcome_at_edge(channel: grpc.Channel, method: Method, token: str | None) -> grpc.StatusCode:
    """Do the same, and check that it was the edge that refused: the service behind it would have done so too."""
    error = failure(channel, method, token)
    if error is None:
        return Status.OK
    code: grpc.StatusCode = error.code()
    if code in REFUSED:
        assert reason_of(dict(error.trailing_metadata())[DETAILS]) in EDGE_REASONS, (method.path, error.details())
    return code


def services(stack: Stack) -> list[Service]:
    return [service for service in stack.contract().services if service.methods]


def test_without_a_token_every_method_but_a_public_one_is_refused_at_the_edge(stack: Stack) -> None:
    with stack.channel() as channel:
        for service in services(stack):
            for method in service.methods:
                status = outcome_at_edge(channel, method, None)
                if isinstance(method.rule.access, Public):
                    assert status not in REFUSED, method.path
                else:
                    assert status in REFUSED, method.path


def test_without_a_permission_every_method_that_asks_for_one_is_denied_at_the_edge(
    stack: Stack, powerless: str
) -> None:
    with stack.channel() as channel:
        for service in services(stack):
            for method in service.methods:
                if isinstance(method.rule.access, Permission | Internal):
                    assert outcome_at_edge(channel, method, powerless) is Status.PERMISSION_DENIED, method.path


def test_with_every_permission_no_method_is_refused_at_the_edge_but_internal_ones(stack: Stack) -> None:
    with stack.channel() as channel:
        for service in services(stack):
            for method in service.methods:
                status = outcome_at_edge(channel, method, stack.token())
                assert (status in REFUSED) == method.is_internal, (method.path, status)


def test_a_service_that_is_called_directly_decides_the_same(stack: Stack, powerless: str) -> None:
    for host in stack.contract().hosts:
        with stack.direct(host) as channel:
            for service in stack.contract().hosted_by(host):
                for method in service.methods:
                    nobody, somebody = outcome(channel, method, None), outcome(channel, method, powerless)
                    match method.rule.access:
                        case Public():
                            assert nobody not in REFUSED, method.path
                        case Authenticated():
                            assert nobody in REFUSED, method.path
                            assert somebody not in REFUSED, method.path
                        case Permission():
                            assert nobody in REFUSED, method.path
                            assert somebody is Status.PERMISSION_DENIED, method.path
                        case Internal(callers=callers):
                            assert (nobody in REFUSED) == ("cli" not in callers), method.path


def test_a_service_takes_nobody_without_a_certificate_of_the_mesh(stack: Stack) -> None:
    for process in stack.status()["processes"]:
        if process["name"].split("-")[0] not in stack.contract().hosts:
            continue
        with grpc.insecure_channel(process["endpoint"]) as channel, pytest.raises(grpc.FutureTimeoutError):
            grpc.channel_ready_future(channel).result(timeout=2)
