"""Until when a call may run."""

from __future__ import annotations

import math

import pytest

from services.chassis.transport.host import AHEAD_SECONDS, time_allowed


def test_without_a_clients_deadline_the_rule_decides() -> None:
    assert time_allowed(15.0, None) == 15.0
    assert time_allowed(math.inf, None) == math.inf


def test_a_client_who_waits_longer_than_the_rule_allows_is_cut_by_the_rule() -> None:
    assert time_allowed(1.0, 60.0) == 1.0


@pytest.mark.parametrize("remaining", [0.001, 0.05, 1.0, 15.0])
def test_the_typed_error_is_there_before_the_clients_deadline(remaining: float) -> None:
    allowed = time_allowed(15.0, remaining)
    assert 0 < allowed < remaining
    assert remaining - allowed <= AHEAD_SECONDS * 1.001
