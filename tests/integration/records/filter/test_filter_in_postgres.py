"""Filters in Postgres mean what they mean in plain Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.records.filter import Filters
from tests.unit.records.filter.evaluator import matches
from tests.unit.records.filter.specimen import descriptor, table
from tests.unit.records.filter.strategies import filters
from tests.unit.records.filter.strategies import specimens as some_specimens

if TYPE_CHECKING:
    from tests.integration.records.filter.conftest import Specimens

FILTERS = Filters(descriptor())
ROWS = 12
"""Rows that each filter is put to."""

FILTERS_EACH = 25
"""Filters that the same rows are put to."""


async def found_by(specimens: Specimens, text: str) -> set[str]:
    """Return the names of the rows that Postgres finds."""
    read = FILTERS.read(text)
    name = table().columns["name"]
    where = read.where(table().columns)
    query = sa.select(name) if where is None else sa.select(name).where(where)
    return {row[0] for row in await specimens.select(read.shape, query, dict(read.parameters))}


def name_all(messages: list[Any]) -> list[Any]:
    for number, message in enumerate(messages):
        message.name = f"specimens/{number}"
    return messages


# Without shrinking: a row is large, and the assertion names the one filter that failed.
@settings(
    max_examples=90, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate], database=None
)
@given(
    messages=st.lists(some_specimens(), min_size=ROWS, max_size=ROWS),
    texts=st.lists(filters(), min_size=FILTERS_EACH, max_size=FILTERS_EACH),
)
async def test_postgres_finds_what_plain_python_finds(
    specimens: Specimens, messages: list[Any], texts: list[str]
) -> None:
    await specimens.fill(name_all(messages))
    for text in texts:
        expected = {message.name: message for message in messages if matches(text, message)}
        found = await found_by(specimens, text)
        assert found == expected.keys(), (text, [m for m in messages if (m.name in found) != (m.name in expected)])


async def test_30_a_beginning_is_a_range_that_ends_where_it_should(specimens: Specimens) -> None:
    codes = [
        "",
        "A",
        "a",
        "a\U0010ffff",
        "ab",
        "a\U0010ffff\U0010ffffb",
        "b",
        "ba",
        "\ud7ff",
        "\ud7ffx",
        "\ue000",
        "\U0010ffff",
    ]
    messages = name_all([table().message(code=code) for code in codes])
    await specimens.fill(messages)
    for prefix in codes[1:]:
        wanted = {message.name for message in messages if message.code.startswith(prefix)}
        assert await found_by(specimens, f'code = "{prefix}*"') == wanted, prefix
