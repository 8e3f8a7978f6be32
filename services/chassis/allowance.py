"""Counts calls against the limits of their rules where the edge cannot: for calls that one call makes of others."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from services.chassis.contract import Per
from services.chassis.errors import ResourceExhausted

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.chassis.call import Call
    from services.chassis.contract import Method

KEPT = 10_000
"""Callers that are remembered; who has not called for longest is forgotten first."""


class Allowances:
    """A bucket of calls for each method and caller, which fills up again as time passes, as the edge's do.

    Every process has buckets of its own, and the edge has others: a limit holds for each of them.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take what tells the seconds that have passed."""
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many callers and methods are remembered."""
        return len(self._buckets)

    def take(self, method: Method, call: Call) -> None:
        """Count one call of a method that `call` makes.

        Raises:
            ResourceExhausted: where the caller has made as many as the method's rule allows.
        """
        limit = method.rule.limit
        if limit is None:
            return
        caller = call.caller
        # Who calls has a token here: addresses are counted at the edge, for those who have none.
        key = (method.path, caller.organization if limit.per is Per.ORGANIZATION else caller.subject)
        now, rate, most = self._clock(), limit.requests / limit.window, float(limit.burst)
        left, since = self._buckets.pop(key, (most, now))
        left = min(most, left + (now - since) * rate)
        taken = left >= 1
        self._buckets[key] = (left - 1 if taken else left, now)
        if len(self._buckets) > KEPT:
            self._buckets.popitem(last=False)
        if not taken:
            raise ResourceExhausted(
                f"{method.name} may be called {limit.requests:,} times in {limit.window:g} s. Retry after a while.",
                retry_after=(1 - left) / rate,
                metadata={"method": method.path[1:], "requests": str(limit.requests), "window": f"{limit.window:g}s"},
            )
