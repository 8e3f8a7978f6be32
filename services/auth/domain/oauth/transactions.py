"""That several changes are one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager


class Transactions(Protocol):
    """Makes several changes one: all or none. Unlike `Changes` it lets nobody wait for others of the organization."""

    def together(self) -> AbstractAsyncContextManager[None]:
        """Return a context that commits at its end, and undoes everything on an exception."""
