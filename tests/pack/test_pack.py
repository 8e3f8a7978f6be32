"""Every statement holds for every record of every contract, through every door."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pack.compiled import PACKAGES, contract
from tests.pack.kit import World
from tests.pack.run import Case, cases, show

if TYPE_CHECKING:
    from tests.pack.house import House


def name_of(case: Case) -> str:
    statement, message, door = case
    return f"{statement.number:02}-{statement.name}-{message.rpartition('.')[2]}-{door}"


@pytest.mark.parametrize("case", list(cases(World(contract(), str, ""), PACKAGES)), ids=name_of)
def test_statement(case: Case, house: House) -> None:
    show(case, house)
