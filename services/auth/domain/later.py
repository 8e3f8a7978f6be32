"""What is done after the answer, so that the time that an answer takes tells nobody what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Later(Protocol):
    """Runs what nobody waits for."""

    def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run it soon, outside of the transaction that is open. What it raises is logged."""
