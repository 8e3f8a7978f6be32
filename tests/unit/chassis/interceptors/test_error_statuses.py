"""Whatever a call raises becomes one status with one reason."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from google.rpc import error_details_pb2, status_pb2

from services.chassis import errors
from services.chassis.errors import (
    Aborted,
    Internal,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    TenonError,
    Unavailable,
    Violation,
)
from services.chassis.interceptors.errors import DETAILS_LIMIT, MESSAGE_LIMIT, ErrorsInterceptor, status_of
from services.chassis.transport import StatusError
from tests.fakes.chassis_frame import fake_call, fake_handler

TYPES = [
    found
    for found in vars(errors).values()
    if isinstance(found, type) and issubclass(found, TenonError) and found is not TenonError
]


def details_of(error: TenonError) -> dict[str, Any]:
    status = status_pb2.Status.FromString(status_of(error).details)
    found: dict[str, Any] = {}
    for packed in status.details:
        name = packed.type_url.rpartition(".")[2]
        assert name not in found, "a detail of each type at most (AIP-193)"
        found[name] = getattr(error_details_pb2, name)()
        assert packed.Unpack(found[name])
    return found


async def raise_with(error: BaseException, call: Any) -> Any:
    async def function(request: Any, call: Any) -> Any:
        raise error

    return await ErrorsInterceptor().unary(fake_handler(function), function)(None, call)


@pytest.mark.parametrize("kind", TYPES)
def test_every_error_has_one_reason(kind: type[TenonError]) -> None:
    error = kind("Text.", metadata={"name": "value"})
    info = details_of(error)["ErrorInfo"]
    assert (info.reason, info.domain, dict(info.metadata)) == (kind.reason, "tenon", {"name": "value"})
    assert status_of(error).code == kind.code


def test_all_violations_come_in_one_bad_request() -> None:
    error = InvalidArgument("Bad.", violations=[Violation(field=f"a[{n}]", description="No.") for n in range(7)])
    assert [v.field for v in details_of(error)["BadRequest"].field_violations] == [f"a[{n}]" for n in range(7)]


def test_violations_that_would_burst_the_trailers_are_left_out() -> None:
    error = InvalidArgument("Bad.", violations=[Violation(field=f"a[{n}]", description="x" * 500) for n in range(90)])
    assert 0 < details_of(error)["BadRequest"].ByteSize() <= DETAILS_LIMIT


def test_when_to_retry_is_told() -> None:
    found = details_of(ResourceExhausted("Enough.", retry_after=1.25, metadata={"subject": "users/1"}))
    assert found["RetryInfo"].retry_delay.ToMilliseconds() == 1250
    assert found["QuotaFailure"].violations[0].subject == "users/1"
    assert "RetryInfo" in details_of(Unavailable("Later.", retry_after=1))
    assert "RetryInfo" not in details_of(Unavailable("Later."))


def test_a_huge_message_is_cut_between_two_characters() -> None:
    status = status_of(Aborted("ü" * 100_000))
    assert len(status.message.encode()) <= MESSAGE_LIMIT
    assert status.message.endswith("ü…")


def test_huge_metadata_is_cut_too() -> None:
    assert len(status_of(NotFound("No.", metadata={"name": "x" * 100_000})).details) < 2 * MESSAGE_LIMIT


def test_a_lone_surrogate_in_a_message_does_not_break_the_answer() -> None:
    assert status_of(NotFound("a\ud800b")).message


async def test_an_unforeseen_error_is_logged_with_its_cause_and_sent_without(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(StatusError) as caught, caplog.at_level(logging.ERROR):
        await raise_with(KeyError("column secret_salary"), fake_call())
    assert caught.value.message == "Internal error. Request id: request-1"
    assert b"secret_salary" not in caught.value.details
    assert caught.value.code == Internal.code
    assert "secret_salary" in caplog.text
    assert "Traceback" in caplog.text


async def test_a_callers_mistake_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(StatusError), caplog.at_level(logging.DEBUG):
        await raise_with(NotFound("No."), fake_call())
    assert caplog.records == []


async def test_a_cancellation_passes() -> None:
    with pytest.raises(asyncio.CancelledError):
        await raise_with(asyncio.CancelledError(), fake_call())


async def test_a_call_that_its_rule_ended_says_so() -> None:
    call = fake_call()
    call.expired = True
    with pytest.raises(StatusError) as caught:
        await raise_with(asyncio.CancelledError(), call)
    assert caught.value.code == 4
    assert "15 s" in caught.value.message


async def test_a_status_that_was_made_further_in_passes_unchanged() -> None:
    made = status_of(NotFound("No."))
    with pytest.raises(StatusError) as caught:
        await raise_with(made, fake_call())
    assert caught.value is made
