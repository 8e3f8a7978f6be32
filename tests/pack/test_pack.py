"""Every statement holds for every record of every contract, through every door."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, cast

import pytest

import tests.pack.checks.filtering
import tests.pack.checks.reading
import tests.pack.checks.standard
import tests.pack.checks.writing  # noqa: F401 - imported for the statements in them
from tests.pack.compiled import PACKAGES, contract
from tests.pack.doors import DOORS, Door, Doors
from tests.pack.kit import Kit, World
from tests.pack.statements import STATEMENTS, Statement

if TYPE_CHECKING:
    from collections.abc import Iterator


def cases() -> Iterator[Any]:
    """Yield what there is to show: a statement, a record that has what it is about, and a door that leads there."""
    world = World(contract(), str, "")
    for each, record, (name, door) in product(STATEMENTS, contract().records, DOORS.items()):
        if record.package in PACKAGES and each.applies(Kit(world, cast("Door", door), record)):
            kind = record.message.rpartition(".")[2]
            yield pytest.param(each, record.message, name, id=f"{each.number:02}-{each.name}-{kind}-{name}")


@pytest.mark.parametrize(("statement", "message", "door"), list(cases()))
def test_statement(statement: Statement, message: str, door: str, world: World, doors: Doors) -> None:
    statement.check(Kit(world, doors.all[door], world.contract.records_by_message[message]))
