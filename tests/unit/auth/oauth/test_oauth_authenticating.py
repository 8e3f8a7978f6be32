"""How often it is written down that somebody posed as a client in vain."""

from __future__ import annotations

from services.auth.domain.oauth.authenticating import Presented, Refusals
from services.auth.domain.sessions import Origin


def test_refusals_that_are_alike_are_folded_for_a_minute_and_none_is_lost() -> None:
    now = 0.0
    refusals = Refusals(clock=lambda: now)
    here, there = (Presented(method="client_secret_basic", origin=Origin(address=one)) for one in ("::1", "::2"))
    assert [refusals.fold(here, "app") for _ in range(4)] == [1, 0, 0, 0]
    assert refusals.fold(there, "app") == refusals.fold(here, "other") == 1
    now = 60.0
    assert refusals.fold(here, "app") == 4
    assert refusals.fold(here, "app") == 0
