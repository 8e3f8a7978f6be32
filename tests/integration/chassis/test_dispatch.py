"""Calls that a call makes of others: in process through the same interceptors, elsewhere with the caller's token."""

from __future__ import annotations

import asyncio
import io
import time
from contextlib import AsyncExitStack, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import wrappers_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from services.chassis.allowance import Allowances
from services.chassis.audit import AuditTrail
from services.chassis.clients import Clients
from services.chassis.contract import Authenticated, Contract, Limit, Method, Per, Permission, Service
from services.chassis.dispatch import Dispatcher
from services.chassis.errors import (
    DeadlineExceeded,
    InvalidArgument,
    PermissionDenied,
    ResourceExhausted,
    TenonError,
    Violation,
)
from services.chassis.server import serve_grpc
from services.chassis.settings import Settings
from services.chassis.transport import HandlerTable
from tests.fakes.chassis_frame import (
    ADMIN,
    FakeRecorder,
    fake_call,
    fake_caller,
    fake_chain,
    fake_handler,
    fake_method,
    fake_telemetry,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from services.chassis.call import Call

DO = fake_method("Do", access=Permission(name="toy.things.do"))
SLOW = fake_method("Slow", access=Authenticated(reason="A test."), timeout=0.05)
AWAY = replace(
    fake_method("Away", access=Permission(name="toy.things.do")),
    path="/tenon.far.v1.FarService/Away",
    host="far",
    service="tenon.far.v1.FarService",
)


class ThingBroken(InvalidArgument):
    """A thing is broken."""

    reason = "THING_BROKEN"
    domain = "toy.tenon"


def service(name: str, host: str, *methods: Method) -> Service:
    return Service(
        full_name=name,
        package=name.rpartition(".")[0],
        segment=host,
        version="v1",
        host=host,
        file="",
        methods=methods,
        comment="",
    )


def contract() -> Contract:
    pool = DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    services = (service("tenon.toy.v1.ToyService", "toy", DO, SLOW), service("tenon.far.v1.FarService", "far", AWAY))
    return Contract(descriptors=FileDescriptorSet(), services=services, records=(), pool=pool)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


def dispatcher(*, peers: str = "", log: io.StringIO | None = None, **functions: Any) -> Dispatcher:
    settings = Settings.from_environ(
        {"TENON_CONTRACT": "c", "TENON_LISTEN": "unix:/tmp/none", "TENON_PEERS": peers, "TENON_INSECURE": "1"}
    )
    methods = {"Do": DO, "Slow": SLOW}
    handlers = {methods[name].path: fake_handler(function, methods[name]) for name, function in functions.items()}
    clients = Clients(settings, contract(), None)
    return Dispatcher(contract(), handlers, telemetry=fake_telemetry(log), clients=clients)


def outer(**more: Any) -> Call:
    call = fake_call(fake_method("Outer"), **more)
    call.token = ADMIN
    return call


def string(value: str) -> Any:
    return wrappers_pb2.StringValue(value=value)


async def test_what_is_served_here_is_called_in_process_as_the_same_caller() -> None:
    seen: list[Call] = []

    async def do(request: Any, call: Call) -> Any:
        seen.append(call)
        return string(request.value + "!")

    cause = outer(deadline=time.monotonic() + 5)
    answer = await dispatcher(Do=do).invoke(DO.path, string("hi"), cause)
    assert wrappers_pb2.StringValue.FromString(answer).value == "hi!"
    (call,) = seen
    assert call.method is DO
    assert (call.caller, call.token, call.request_id) == (cause.caller, ADMIN, cause.request_id)
    assert call.deadline == pytest.approx(cause.deadline, abs=0.1)


async def test_the_rule_holds_and_nothing_is_called() -> None:
    async def do(request: Any, call: Call) -> Any:
        raise AssertionError("it is not called")

    with pytest.raises(PermissionDenied):
        await dispatcher(Do=do).invoke(DO.path, string("hi"), outer(caller=fake_caller(permissions=frozenset())))


async def test_what_is_denied_is_written_down_under_the_method_that_denies_it() -> None:
    async def do(request: Any, call: Call) -> Any:
        raise PermissionDenied("not this one")

    recorder = FakeRecorder()
    trail = AuditTrail(recorder)
    handlers = {DO.path: fake_handler(do, DO)}
    made = Dispatcher(contract(), handlers, telemetry=fake_telemetry(), clients=None, audit=trail)  # type: ignore[arg-type]  # no channel is opened
    for caller in (fake_caller(), fake_caller(permissions=frozenset())):
        with pytest.raises(PermissionDenied):
            await made.invoke(DO.path, string("hi"), outer(caller=caller))
    await trail.flush()
    assert [(event.method, event.reason) for event in recorder.events] == [
        (DO.path, "PERMISSION_DENIED"),
        (DO.path, "PERMISSION_MISSING"),
    ]


async def test_limits_are_counted_in_the_allowances_that_it_is_given_the_first_call_included() -> None:
    async def do(request: Any, call: Call) -> Any:
        return string("")

    limit = Limit(per=Per.SUBJECT, requests=1, window=3600, burst=1)
    limited = replace(DO, rule=replace(DO.rule, limit=limit))
    contracts = contract()
    contracts.methods[DO.path] = limited  # type: ignore[index]  # it is a mapping of this contract's own
    given = Allowances()
    for refused in (False, True):
        made = Dispatcher(
            contracts,
            {DO.path: fake_handler(do, limited)},
            telemetry=fake_telemetry(),
            clients=None,  # type: ignore[arg-type]  # no channel is opened
            allowances=given,
        )
        with pytest.raises(ResourceExhausted) if refused else nullcontext():
            await made.invoke(DO.path, string("hi"), outer())
    assert len(given) == 1


async def test_the_request_is_validated() -> None:
    async def do(request: Any, call: Call) -> Any:
        raise AssertionError("it is not called")

    with pytest.raises(InvalidArgument) as caught:
        await dispatcher(Do=do).invoke(DO.path, string("a\0b"), outer())
    assert caught.value.violations[0].reason == "NO_NUL"


async def test_an_error_is_raised_as_it_is() -> None:
    async def do(request: Any, call: Call) -> Any:
        raise ThingBroken("It is broken.", violations=[Violation(field="a", description="b")])

    with pytest.raises(ThingBroken):
        await dispatcher(Do=do).invoke(DO.path, string(""), outer())


async def test_the_shorter_time_of_the_rule_holds() -> None:
    async def slow(request: Any, call: Call) -> Any:
        await asyncio.Event().wait()

    with pytest.raises(DeadlineExceeded):
        await dispatcher(Slow=slow).invoke(SLOW.path, string(""), outer(deadline=time.monotonic() + 30))


async def test_headers_that_it_sets_are_not_those_of_the_call_that_caused_it() -> None:
    async def do(request: Any, call: Call) -> Any:
        call.set_header("x-secret", "1")
        call.set_trailer("x-more", "1")
        return string("")

    cause = outer()
    await dispatcher(Do=do).invoke(DO.path, string(""), cause)
    sent: Any = cause.transport
    assert not sent.headers
    assert not sent.trailers


async def test_every_call_is_in_the_access_log_under_its_own_name_and_one_request_id() -> None:
    async def do(request: Any, call: Call) -> Any:
        return string("")

    log = io.StringIO()
    made = dispatcher(log=log, Do=do)
    await made.invoke(DO.path, string(""), outer())
    await asyncio.sleep(0)
    made._inwards[-1]._telemetry.access.flush()  # noqa: SLF001 - lines wait for the loop
    assert '"method":"/tenon.toy.v1.ToyService/Do"' in log.getvalue()
    assert '"request_id":"request-1"' in log.getvalue()


async def _far(stack: AsyncExitStack, tmp_path: Path, away: Any) -> str:
    table = HandlerTable(fake_chain().bind, {AWAY.path: fake_handler(away, AWAY)})
    endpoint = f"unix:{tmp_path}/far.sock"
    await stack.enter_async_context(serve_grpc(table, endpoint, None))
    return f"far={endpoint}"


async def test_what_others_serve_is_called_with_the_callers_token(stack: AsyncExitStack, tmp_path: Path) -> None:
    async def away(request: Any, call: Call) -> Any:
        return string(f"{request.value} {call.caller.subject} {call.request_id}")

    made = dispatcher(peers=await _far(stack, tmp_path, away))
    answer = await made.invoke(AWAY.path, string("hi"), outer())
    assert wrappers_pb2.StringValue.FromString(answer).value == "hi users/admin request-1"


async def test_the_error_of_another_process_is_told_as_it_told_it(stack: AsyncExitStack, tmp_path: Path) -> None:
    async def away(request: Any, call: Call) -> Any:
        violation = Violation(field="a", description="b", reason="c")
        raise ThingBroken("It is broken.", violations=[violation], metadata={"name": "x"})

    made = dispatcher(peers=await _far(stack, tmp_path, away))
    with pytest.raises(TenonError) as caught:
        await made.invoke(AWAY.path, string("hi"), outer())
    error: Any = caught.value
    assert (error.code, error.reason, error.domain) == (3, "THING_BROKEN", "toy.tenon")
    assert (error.message, error.metadata) == ("It is broken.", {"name": "x"})
    assert error.violations == (Violation(field="a", description="b", reason="c"),)


async def test_a_process_that_does_not_answer_is_an_error_of_its_own(tmp_path: Path) -> None:
    made = dispatcher(peers=f"far=unix:{tmp_path}/nobody.sock")
    with pytest.raises(TenonError) as caught:
        await made.invoke(AWAY.path, string("hi"), outer(deadline=time.monotonic() + 0.5))
    assert caught.value.code in {4, 14}
    # gRPC says where it looked; that is nothing for a caller from outside.
    assert "nobody.sock" not in caught.value.message
    assert caught.value.metadata == {"method": "tenon.far.v1.FarService/Away"}


async def test_the_time_to_retry_that_another_process_tells_is_told(stack: AsyncExitStack, tmp_path: Path) -> None:
    async def away(request: Any, call: Call) -> Any:
        raise ResourceExhausted("Enough.", retry_after=1.5)

    made = dispatcher(peers=await _far(stack, tmp_path, away))
    with pytest.raises(TenonError) as caught:
        await made.invoke(AWAY.path, string("hi"), outer())
    error: Any = caught.value
    assert (error.code, error.retry_after) == (8, 1.5)
