"""What an execution holds on to until its answer is done."""

from __future__ import annotations

import weakref

import pytest
from graphql import GraphQLError

from services.chassis.errors import NotFound
from services.graph.running import forget_frames


class Request:
    """Stands for a request of many bytes."""


def refuse(kept: list[weakref.ref[Request]], error: Exception) -> None:
    request = Request()
    kept.append(weakref.ref(request))
    try:
        int("the cause")
    except ValueError as cause:
        raise error from cause


@pytest.mark.parametrize("located", [False, True])
def test_an_error_that_is_kept_does_not_hold_the_request_that_it_is_about(*, located: bool) -> None:
    kept: list[weakref.ref[Request]] = []
    error: Exception = NotFound("It is not there.")
    with pytest.raises(NotFound):
        refuse(kept, error)
    assert kept[0]() is not None
    if located:
        error = GraphQLError("It is not there.", original_error=error)
    forget_frames(error)
    assert kept[0]() is None


def test_errors_that_lead_to_one_another_come_to_an_end() -> None:
    inner = NotFound("It is not there.")
    outer = GraphQLError("It is not there.", original_error=inner)
    inner.__context__ = outer
    forget_frames(inner)
    forget_frames(outer)
    assert inner.__context__ is outer


def test_an_error_that_nobody_foresaw_keeps_its_frames_for_the_log() -> None:
    with pytest.raises(ValueError, match="unforeseen") as caught:
        refuse([], ValueError("unforeseen"))
    forget_frames(caught.value)
    assert caught.value.__traceback__ is not None
