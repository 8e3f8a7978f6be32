"""A method's limit holds for calls that one call makes of others."""

from __future__ import annotations

import pytest

from services.chassis.allowance import KEPT, Allowances
from services.chassis.contract import Limit, Method, Per, Permission, Rule
from services.chassis.errors import ResourceExhausted
from tests.fakes.chassis_frame import fake_call, fake_caller, fake_method


class Clock:
    """Seconds that a test lets pass."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _method(per: Per = Per.SUBJECT, *, requests: int = 2, window: float = 10.0, burst: int = 2) -> Method:
    plain = fake_method()
    rule = Rule(
        access=Permission(name="toy.things.do"), limit=Limit(per=per, requests=requests, window=window, burst=burst)
    )
    return Method(**{name: getattr(plain, name) for name in Method.__dataclass_fields__} | {"rule": rule})


def test_a_method_without_a_limit_may_be_called_at_will() -> None:
    allowances = Allowances(Clock())
    for _ in range(1000):
        allowances.take(fake_method(), fake_call())


def test_who_has_called_often_enough_waits_until_the_window_allows_more() -> None:
    clock = Clock()
    allowances = Allowances(clock)
    for _ in range(2):
        allowances.take(_method(), fake_call())
    with pytest.raises(ResourceExhausted) as caught:
        allowances.take(_method(), fake_call())
    assert caught.value.retry_after == pytest.approx(5)
    assert caught.value.metadata["requests"] == "2"
    clock.now += 5
    allowances.take(_method(), fake_call())
    with pytest.raises(ResourceExhausted):
        allowances.take(_method(), fake_call())


def test_time_that_passes_gives_no_more_than_the_burst() -> None:
    clock = Clock()
    allowances = Allowances(clock)
    allowances.take(_method(), fake_call())
    clock.now += 1e6
    for _ in range(2):
        allowances.take(_method(), fake_call())
    with pytest.raises(ResourceExhausted):
        allowances.take(_method(), fake_call())


def test_each_caller_has_an_allowance_of_their_own() -> None:
    allowances = Allowances(Clock())
    for subject in ("users/1", "users/2"):
        for _ in range(2):
            allowances.take(_method(), fake_call(caller=fake_caller(subject)))


def test_an_organization_has_one_for_all_its_callers() -> None:
    allowances = Allowances(Clock())
    for subject in ("users/1", "users/2"):
        allowances.take(_method(Per.ORGANIZATION), fake_call(caller=fake_caller(subject)))
    with pytest.raises(ResourceExhausted):
        allowances.take(_method(Per.ORGANIZATION), fake_call(caller=fake_caller("users/3")))
    allowances.take(_method(Per.ORGANIZATION), fake_call(caller=fake_caller("users/3", "other")))


def test_who_has_not_called_for_longest_is_forgotten() -> None:
    allowances = Allowances(Clock())
    for index in range(KEPT + 10):
        allowances.take(_method(), fake_call(caller=fake_caller(f"users/{index}")))
    assert len(allowances) == KEPT
