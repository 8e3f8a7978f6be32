"""Handlers are bound once, found by path, and replaced as a whole."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from services.chassis.contract import Service
from services.chassis.transport import Handler, HandlerTable, handlers_of
from services.chassis.transport.handlers import encode
from tests.fakes.chassis_frame import fake_handler, fake_method


async def serve(request: Any, call: Any) -> Any:
    return request


def service_of(*names: str) -> Service:
    return Service(
        full_name="tenon.toy.v1.ToyService",
        package="tenon.toy.v1",
        segment="toy",
        version="v1",
        host="toy",
        file="toy.proto",
        methods=tuple(fake_method(name) for name in names),
        comment="",
    )


def test_a_servicers_methods_become_handlers_by_path() -> None:
    handlers = handlers_of(SimpleNamespace(Do=serve, Again=serve), service_of("Do", "Again"))
    assert set(handlers) == {"/tenon.toy.v1.ToyService/Do", "/tenon.toy.v1.ToyService/Again"}
    assert handlers["/tenon.toy.v1.ToyService/Do"].request_type is StringValue


def test_all_missing_methods_of_a_servicer_are_named() -> None:
    with pytest.raises(LookupError, match=r"does not serve Do, Again of tenon\.toy\.v1\.ToyService\. Mend"):
        handlers_of(SimpleNamespace(Other=serve), service_of("Do", "Other", "Again"))


def test_a_handler_that_cannot_be_bound_leaves_the_table_as_it_was() -> None:
    def bind(handler: Handler) -> Any:
        if handler.method.name == "Bad":
            raise ValueError("cannot")
        return handler.function

    good, bad = fake_handler(serve), fake_handler(serve, fake_method("Bad"))
    table = HandlerTable(bind, {good.method.path: good})
    with pytest.raises(ValueError, match="cannot"):
        table.replace({bad.method.path: bad})
    assert table.paths == {good.method.path}


def test_a_handler_is_bound_once_and_not_per_call() -> None:
    bound = []

    def bind(handler: Handler) -> Any:
        bound.append(handler.method.name)
        return handler.function

    handler = fake_handler(serve)
    table = HandlerTable(bind, {handler.method.path: handler})
    details: Any = SimpleNamespace(method=handler.method.path)
    assert table.service(details) is table.service(details)
    assert bound == ["Do"]


def test_bytes_are_not_encoded_again() -> None:
    data = b"stored"
    assert encode(data) is data
    assert encode(StringValue(value="a")) == b"\n\x01a"
