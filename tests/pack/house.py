"""All doors of one running stack."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tests.pack.doors import Door, GrpcDoor, Messages, RestDoor
from tests.pack.graph_door import GraphDoor

if TYPE_CHECKING:
    from tests.pack.kit import World

DOORS: dict[str, type[Any]] = {"grpc": GrpcDoor, "rest": RestDoor, "graphql": GraphDoor}
"""The kinds of door by name."""


@dataclass(frozen=True)
class House:
    """A running stack and its doors."""

    url: str
    """The edge's address."""
    world: World
    """What it runs."""

    @cached_property
    def doors(self) -> dict[str, Door]:
        """The doors by name."""
        messages = Messages(self.world.contract)
        return {
            "grpc": GrpcDoor(self.url, messages),
            "rest": RestDoor(self.url, messages),
            "graphql": GraphDoor(self.url, messages, self.world.contract, lambda: self.world.mint("pack")),
        }

    def close(self) -> None:
        """Close what the doors hold."""
        for door in self.doors.values():
            door.close()
