"""Runs the pack over a contract that is already served: for a contract that nobody has seen before."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import tests.pack.checks  # noqa: F401 - imported for the statements in them
from tests.pack.house import DOORS, House
from tests.pack.kit import Kit, World
from tests.pack.statements import STATEMENTS, Statement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tests.pack.doors import Door

Case = tuple[Statement, str, str]
"""A statement, the full name of a record's message, and the name of a door."""


def cases(world: World, packages: Collection[str]) -> Iterator[Case]:
    """Yield what there is to show: each statement for each record that has what it is about, by each door."""
    for statement in STATEMENTS:
        for record in world.contract.records:
            for name, door in DOORS.items():
                if record.package in packages and statement.applies(Kit(world, cast("Door", door), record)):
                    yield statement, record.message, name


def show(case: Case, house: House) -> None:
    """Show one statement; raises AssertionError where it does not hold."""
    statement, message, door = case
    world = house.world
    statement.check(Kit(world, house.doors[door], world.contract.records_by_message[message]))


def show_all(world: World, url: str, package: str) -> tuple[int, dict[str, Exception]]:
    """Show every statement for a package; return how many were shown, and what failed by the case's name."""
    house, failed = House(url, world), {}
    shown = list(cases(world, {package}))
    for case in shown:
        try:
            show(case, house)
        except Exception as error:  # noqa: BLE001 - all that goes wrong is told at the end
            failed[" ".join((case[0].name, *case[1:]))] = error
    house.close()
    return len(shown), failed
