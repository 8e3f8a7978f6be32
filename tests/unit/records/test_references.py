"""Where references stand in a message, and what of them is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.records.schema.tables import build_tables
from services.records.writing.references import Nested, references_of
from tests.integration.records.writes.conftest import depot_contract

if TYPE_CHECKING:
    from services.records.schema.tables import RecordTable


@pytest.fixture(scope="module")
def tables() -> dict[str, RecordTable]:
    return build_tables(depot_contract(), host="data")


@pytest.fixture(scope="module")
def nested(tables: dict[str, RecordTable]) -> Nested:
    return Nested(tables["test.depot.v1.Order"], tables)


def _names(values: dict[str, Any]) -> list[tuple[str, str]]:
    pairs = (zip(values[f"nested_{n}_path"], values[f"nested_{n}_name"], strict=True) for n in range(2))
    return [pair for each in pairs for pair in each]


def test_places_inside_messages_are_found_and_those_in_columns_are_not(nested: Nested) -> None:
    found = {(place.path, place.steps) for place in nested.inside if place.field == "items"}
    assert found == {
        ("items.maker", '[*]."maker"'),
        ("items.tools", '[*]."tools"[*]'),
        ("items.parts.maker", '[*]."parts"[*].**."maker"'),
        ("items.parts.tools", '[*]."parts"[*].**."tools"[*]'),
    }
    assert {place.field for place in nested.inside} == {"items", "extras", "main"}
    assert {place.steps for place in nested.inside if place.field == "extras"} >= {'.*."maker"'}


def test_a_record_without_references_inside_has_no_parameters(tables: dict[str, RecordTable]) -> None:
    table = tables["test.depot.v1.Review"]
    assert list(Nested(table, tables).parameters()) == []
    assert sorted(references_of(table, tables)) == ["maker", "region", "review"]


def test_each_reference_that_is_set_has_its_path(tables: dict[str, RecordTable], nested: Nested) -> None:
    order: Any = tables["test.depot.v1.Order"].message
    message = order(items=[{"maker": "makers/a", "parts": [{"tools": ["t", ""]}]}], extras={"k": {"maker": "makers/b"}})
    assert sorted(_names(nested.values(message))) == [
        ('extras["k"].maker', "makers/b"),
        ("items[0].maker", "makers/a"),
        ("items[0].parts[0].tools[0]", "t"),
    ]
    # What was there before, wherever it stood, is left out.
    moved = order(main={"maker": "makers/a"}, items=[{"maker": "makers/c"}])
    assert _names(nested.values(moved, message)) == [("items[0].maker", "makers/c")]


def test_references_of_many_rows_keep_the_number_of_their_row(tables: dict[str, RecordTable], nested: Nested) -> None:
    order: Any = tables["test.depot.v1.Order"].message
    rows = [nested.values(order(main={"maker": name})) for name in ("makers/a", "", "makers/b")]
    joined = nested.together(rows)
    assert joined["nested_0_name"] == ["makers/a", "makers/b"]
    assert joined["nested_0_at"] == [0, 2]
