"""Pages in any order, with unset values and mixed directions, give every row once and in order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as Stage
from hypothesis import strategies as st

from services.chassis.keyring import Keyring, RootKey
from services.records.reading.ordering import Orderings, Phase
from services.records.reading.pages import PageTokens
from tests.unit.records.filter.specimen import descriptor, table
from tests.unit.records.filter.strategies import specimens as some_specimens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.records.reading.ordering import Ordering
    from services.records.reading.pages import KeyValue
    from tests.integration.records.filter.conftest import Specimens

ORDERINGS = Orderings(table().record, descriptor())
TOKENS = PageTokens(Keyring([RootKey(id="one", secret=bytes(32))]))
PATHS = (
    "flag", "small", "count", "big", "huge", "ratio", "weight", "code", "remark", "state", "maybe_small", "maybe_text",
    "maybe_flag", "maybe_state", "choice_number", "at", "span", "wrapped", "wrapped_number", "part.label", "part.size",
    "part.rank", "part.made", "part.took", "part.huge", "part.ratio", "part.wrapped", "part.inner.label",
    "choice_part.size", "name",
)  # fmt: skip
SIZE = 3
"""Rows of a page."""

WHOLE = Phase(0, 0, "any")
"""All rows after one."""

orders = st.lists(
    st.tuples(st.sampled_from(PATHS), st.sampled_from(["", " desc"])), max_size=3, unique_by=lambda key: key[0]
)


async def page_through(specimens: Specimens, text: str) -> list[str]:
    """Return the names of all rows, read page by page, each page's token sealed and opened on the way.

    Every other page is read in phases, and the others at once.
    """
    ordering = ORDERINGS.read(text)
    names: list[str] = []
    token, phased = "", True
    while True:
        after = TOKENS.open(token, b"request") if token else None
        phases = [WHOLE] if after is None or not phased else ordering.phases(after)
        rows: list[Any] = []
        for phase in phases:
            rows += (await read_phase(specimens, ordering, after, phase))[: SIZE - len(rows)]
        names += [row[0] for row in rows]
        if not rows:
            return names
        token, phased = TOKENS.seal(rows[-1][1:], b"request"), not phased


async def read_phase(
    specimens: Specimens, ordering: Ordering, after: Sequence[KeyValue] | None, phase: Phase
) -> list[Any]:
    """Return the first rows of a phase."""
    columns = table().columns
    query = sa.select(columns["name"], *ordering.expressions(columns)).order_by(*ordering.order_by(columns))
    query = query.limit(sa.literal_column(str(SIZE)))
    if after is None:
        return await specimens.select(ordering.shape, query, {})
    key = f"{ordering.shape} after {ordering.after_shape(after)} {phase}"
    query = query.where(ordering.within(columns, after, phase))
    return await specimens.select(key, query, ordering.parameters(after))


def value_of(message: Any, path: str) -> Any:
    """Return what sorts as the field does: an unset value before every other."""
    *above, last = path.split(".")
    for name in above:
        if not message.HasField(name):
            return (0,)
        message = getattr(message, name)
    field = message.DESCRIPTOR.fields_by_name[last]
    if field.has_presence and not message.HasField(last):
        return (0,)
    value = getattr(message, last)
    if field.message_type is not None and hasattr(value, "nanos"):
        return (1, value.seconds * 10**9 + value.nanos)
    if field.message_type is not None:
        value = value.value
    return (1, math.isnan(value), 0 if math.isnan(value) else value) if isinstance(value, float) else (1, value)


def in_order(messages: list[Any], keys: list[tuple[str, str]]) -> list[str]:
    """Return the names in the order that plain Python gives them."""
    descends_last = bool(keys) and keys[-1][1] != ""
    ordered = sorted(messages, key=lambda message: message.name, reverse=descends_last)
    for path, way in reversed(keys):
        ordered.sort(key=lambda message: value_of(message, path), reverse=way != "")
    return [message.name for message in ordered]


@settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=[Stage.generate], database=None
)
@given(messages=st.lists(some_specimens(), min_size=10, max_size=10), chosen=st.lists(orders, min_size=4, max_size=4))
async def test_the_pages_together_are_all_rows_in_order(
    specimens: Specimens, messages: list[Any], chosen: list[list[tuple[str, str]]]
) -> None:
    for number, message in enumerate(messages):
        message.name = f"specimens/{number}"
    await specimens.fill(messages)
    for keys in chosen:
        text = ", ".join(path + way for path, way in keys)
        assert await page_through(specimens, text) == in_order(messages, keys), text


async def test_a_string_without_bound_is_ordered_by_its_first_512_characters(specimens: Specimens) -> None:
    long = "x" * 512
    new = table().message
    await specimens.fill(
        [
            new(name="specimens/2", remark=long + "a"),
            new(name="specimens/1", remark=long + "b"),
            new(name="specimens/3"),
        ]
    )
    assert await page_through(specimens, "remark") == ["specimens/3", "specimens/1", "specimens/2"]


async def test_a_plain_order_is_served_by_one_range_of_an_index(specimens: Specimens) -> None:
    columns, ordering = table().columns, ORDERINGS.read("code desc")
    for statement in table().table.indexes:
        await specimens.connection.execute(str(sa.schema.CreateIndex(statement)))
    query = sa.select(columns["name"]).where(table().table.c.organization == sa.literal_column("'acme'"))
    query = query.where(ordering.after(columns, ["k", "n"])).order_by(*ordering.order_by(columns))
    compiled = str(query.compile(dialect=specimens.dialect))
    await specimens.connection.execute("SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off")
    plan = "\n".join(row[0] for row in await specimens.connection.fetch(f"EXPLAIN {compiled}", "k", "n"))
    assert "Index Cond" in plan
    assert "ROW(code, name)" in plan.split("Index Cond", 1)[1].split("\n")[0]
    assert "Sort" not in plan
