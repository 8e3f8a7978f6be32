"""What a topic adds to auth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.routing import BaseRoute

    from services.chassis.frame import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Servicers, pages and loops."""

    servicers: Mapping[str, object] = field(default_factory=dict)
    """What serves each service of the contract, by its full name."""
    routes: tuple[BaseRoute, ...] = ()
    """Pages on the HTTP side."""
    tasks: tuple[Task, ...] = ()
    """Background loops."""

    def joined(self, other: Part) -> Part:
        """Return both as one. Raises ValueError where both serve the same service."""
        if twice := self.servicers.keys() & other.servicers.keys():
            raise ValueError(f"Two parts serve {', '.join(sorted(twice))}.")
        return Part(
            servicers={**self.servicers, **other.servicers},
            routes=(*self.routes, *other.routes),
            tasks=(*self.tasks, *other.tasks),
        )
