"""Every REST door of every method that runs is decided as the method itself is: by its rule, at the edge."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
import pytest

from services.chassis.contract import Internal, Permission, Public
from tests.e2e.stack import is_of_edge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.chassis.contract import Binding, Method
    from tests.e2e.stack import Stack

REFUSED = {401, 403}
VARIABLE = re.compile(r"\{[^=}]+(?:=([^}]*))?\}")


def doors(stack: Stack) -> list[tuple[Method, Binding]]:
    return [
        (method, binding)
        for service in stack.contract().services
        for method in service.methods
        for binding in method.bindings
    ]


def paths(template: str) -> Iterator[str]:
    """Yield a path through a door, and other ways to write it."""
    path = VARIABLE.sub(lambda found: found[1] or "x", template).replace("**", "x").replace("*", "x")
    yield path
    yield f"{path}?x=1"
    head, colon, verb = path.rpartition(":")
    if colon:
        yield f"{head}%3A{verb}"
        yield f"{head}:{verb.upper()}"


def knock(client: httpx.Client, binding: Binding, path: str) -> httpx.Response | None:
    """Send a request through a door; of a stream only the status is read, and None says that it goes on."""
    content = {"content": b"{}", "headers": {"content-type": "application/json"}} if binding.body else {}
    with client.stream(binding.verb, path, **content) as answer:  # type: ignore[arg-type]  # httpx takes any of them
        if answer.status_code == 200:
            return None
        answer.read()
        return answer


def test_without_a_token_no_door_opens_but_those_of_public_methods(stack: Stack) -> None:
    with stack.client() as client:
        for method, binding in doors(stack):
            path, *others = paths(binding.template)
            answer = knock(client, binding, path)
            if isinstance(method.rule.access, Public):
                assert answer is None or answer.status_code not in REFUSED, (method.path, path)
                continue
            assert answer is not None, (method.path, path)
            assert answer.status_code in REFUSED, (method.path, path, answer.status_code)
            assert is_of_edge(answer), (method.path, path)
            for other in others:
                # Written otherwise it may be another door, or none, but it is never open.
                found = knock(client, binding, other)
                assert found is not None, (method.path, other)
                assert found.status_code >= 400, (method.path, other)


def test_without_a_permission_no_door_opens_that_asks_for_one(stack: Stack, powerless: str) -> None:
    with stack.client(powerless) as client:
        for method, binding in doors(stack):
            if not isinstance(method.rule.access, Permission | Internal):
                continue
            path, *others = paths(binding.template)
            answer = knock(client, binding, path)
            assert answer is not None, (method.path, path)
            assert answer.status_code == 403, (method.path, path, answer.status_code)
            assert is_of_edge(answer), (method.path, path)
            for other in others:
                found = knock(client, binding, other)
                assert found is not None, (method.path, other)
                assert found.status_code >= 400, (method.path, other)


def test_with_every_permission_no_door_is_refused_at_the_edge_and_none_fails(stack: Stack) -> None:
    with stack.client(stack.token()) as client:
        for method, binding in doors(stack):
            if isinstance(method.rule.access, Internal):
                continue
            with suppress(httpx.ReadTimeout):
                answer = knock(client, binding, next(paths(binding.template)))
                if answer is not None:
                    assert answer.status_code not in REFUSED or not is_of_edge(answer), (method.path, answer.text)
                    assert answer.status_code < 500, (method.path, answer.text)


@pytest.mark.parametrize("override", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_no_header_turns_one_verb_into_another(stack: Stack, powerless: str, override: str) -> None:
    with stack.client(powerless) as client:
        answer = client.post("/flightops/v1/airports", json={}, headers={override: "GET"})
    assert answer.status_code == 403
