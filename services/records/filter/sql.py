"""Writes a checked filter as SQL. Every text of the caller is a bound parameter; field names are the contract's.

A test on what is unset is NULL, and a filter has no third truth: AND and OR keep NULL from ever becoming true, and NOT
is written `IS NOT TRUE`, so that it is true of what is false and of what is unset alike.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Protocol, assert_never

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.chassis.contract import Kind
from services.records.filter import conditions
from services.records.filter.conditions import All, Not, Operator, Test
from services.records.filter.fields import EACH, Each, Member

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.records.filter.conditions import Condition
    from services.records.filter.fields import FieldType, Path, Step


class Columns(Protocol):
    """The columns of a record's table, by the name of their top-level field."""

    def __getitem__(self, name: str, /) -> sa.ColumnElement[Any]:
        """Return the column of a field."""


_BIGINT, _NUMERIC, _TEXT = sa.BigInteger(), sa.Numeric(20, 0), sa.Text()
_DOUBLE: sa.types.TypeEngine[Any] = sa.DOUBLE_PRECISION()

# How the text of a document's scalar becomes a value; None leaves it text. A Timestamp's text has a fixed width.
_DOCUMENT_TYPES: Mapping[Kind, sa.types.TypeEngine[Any] | None] = {
    Kind.BOOL: sa.Boolean(),
    Kind.UINT64: _NUMERIC,
    Kind.FLOAT: _DOUBLE,
    Kind.DOUBLE: _DOUBLE,
    Kind.STRING: None,
    Kind.TIMESTAMP: None,
    **dict.fromkeys((Kind.INT32, Kind.UINT32, Kind.INT64, Kind.ENUM, Kind.DURATION), _BIGINT),
}
_DEFAULTS: Mapping[Kind, str] = {Kind.BOOL: "false", Kind.STRING: "''"}
_COMPARE: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQUAL: operator.eq,
    Operator.UNEQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
    Operator.CONTAINS: operator.eq,
}
_FORMS = frozenset({Operator.LIKE, Operator.UNLIKE, Operator.BEGINS, Operator.HOLDS, Operator.CONTAINS_LIKE})


def to_sql(condition: Condition, columns: Columns) -> sa.ColumnElement[bool]:
    """Return the condition over a table's columns; parameters are bound by their names."""
    if isinstance(condition, Test):
        return _test(condition, columns)
    if isinstance(condition, Not):
        return to_sql(condition.term, columns).is_not(sa.true())
    if isinstance(condition, All):
        return sa.and_(*(to_sql(term, columns) for term in condition.terms))
    if isinstance(condition, conditions.Any):
        return sa.or_(*(to_sql(term, columns) for term in condition.terms))
    assert_never(condition)


def scalar(path: Path, columns: Columns) -> sa.ColumnElement[Any]:
    """Return the value at the end of a path that leads through messages alone; NULL where anything on it is unset."""
    column = columns[path.root]
    if not path.in_document:
        return column
    return _Place(column, ()).follow(path.steps).value(path.type)


class _Place:
    """A place in a document: a jsonb expression and the names and keys below it."""

    __slots__ = ("_document", "_parts")

    def __init__(self, document: sa.ColumnElement[Any], parts: tuple[sa.ColumnElement[Any], ...]) -> None:
        self._document = document
        self._parts = parts

    def follow(self, steps: Sequence[Step], keys: Sequence[str] = ()) -> _Place:
        """Return the place below, by members and keys; `keys` are names of parameters."""
        names = iter(keys)
        parts = [
            # A member's name is an identifier of the contract and not the caller's text.
            sa.literal_column(f"'{step.name}'") if isinstance(step, Member) else sa.bindparam(next(names), type_=_TEXT)
            for step in steps
        ]
        return _Place(self._document, (*self._parts, *parts))

    def json(self) -> sa.ColumnElement[Any]:
        """Return what stands there, as jsonb."""
        if not self._parts:
            return self._document
        return sa.func.jsonb_extract_path(self._document, *self._parts, type_=JSONB())

    def stored(self, type_: FieldType) -> sa.ColumnElement[Any]:
        """Return the scalar that stands there, NULL where none does."""
        text: sa.ColumnElement[Any]
        if self._parts:
            text = sa.func.jsonb_extract_path_text(self._document, *self._parts, type_=_TEXT)
        else:
            text = self._document.op("#>>", return_type=_TEXT)(sa.literal_column("'{}'"))
        target = _DOCUMENT_TYPES[type_.kind]
        return sa.collate(text, "C") if target is None else sa.cast(text, target)

    def value(self, type_: FieldType) -> sa.ColumnElement[Any]:
        """Return the scalar that stands there; a field that the row's writer did not know has its default."""
        stored = self.stored(type_)
        if type_.presence:
            return stored
        above = _Place(self._document, self._parts[:-1]).json()
        return sa.func.coalesce(stored, sa.case((above.is_not(None), _default(type_.kind))), type_=stored.type)


def _test(test: Test, columns: Columns) -> sa.ColumnElement[bool]:
    path, column = test.path, columns[test.path.root]
    if not path.in_document:
        return _test_column(test, column)
    return _test_document(_Place(column, ()), path.steps, test.keys, test)


def _test_column(test: Test, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    type_ = test.path.type
    if test.operator is Operator.PRESENT:
        if type_.repeated:
            return sa.func.cardinality(column) > sa.literal_column("0")
        return column.is_not(None) if type_.is_message else column != _default(type_.kind)
    if test.operator in _FORMS:
        return _test_text(test, column)
    bound = sa.bindparam(test.value, type_=column.type)
    if test.operator is Operator.CONTAINS:
        # An array that contains an array of one: the form that an index over the column can serve.
        return column.op("@>", is_comparison=True, return_type=sa.Boolean())(bound)
    found: sa.ColumnElement[bool] = _COMPARE[test.operator](column, bound)
    return found


def _test_text(test: Test, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    if test.operator is Operator.BEGINS:
        # As a range, which an index serves whatever the plan knows of the value.
        end = sa.bindparam(f"{test.value}_end", type_=_TEXT)
        return sa.and_(column >= sa.bindparam(test.value, type_=_TEXT), column < end)
    if not test.path.type.repeated:
        return _form(test, column)
    each: Any = sa.func.unnest(column, type_=sa.Text(collation="C")).column_valued()
    return sa.select(sa.literal_column("1")).select_from(each.scalar_alias).where(_form(test, each)).exists()


def _form(test: Test, text: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    pattern = sa.bindparam(test.value, type_=_TEXT)
    if test.operator is Operator.HOLDS:
        return sa.func.lower(text, type_=_TEXT).like(pattern)
    return text.not_like(pattern) if test.operator is Operator.UNLIKE else text.like(pattern)


def _test_document(place: _Place, steps: Sequence[Step], keys: Sequence[str], test: Test) -> sa.ColumnElement[bool]:
    if EACH in steps:
        split = steps.index(EACH)
        used = sum(not isinstance(step, Member | Each) for step in steps[:split])
        elements = place.follow(steps[:split], keys[:used]).json()
        return _any_element(elements, lambda each: _test_document(each, steps[split + 1 :], keys[used:], test))
    leaf = place.follow(steps, keys)
    if test.operator is Operator.PRESENT:
        return _present(leaf, test.path)
    type_ = test.path.type
    if test.operator in _FORMS:
        if type_.repeated:
            return _any_element(leaf.json(), lambda each: _form(test, each.stored(type_)))
        return _form(test, leaf.value(type_))
    if type_.repeated:
        return _any_element(leaf.json(), lambda each: each.stored(type_) == _bound(test))
    found: sa.ColumnElement[bool] = _COMPARE[test.operator](leaf.value(type_), _bound(test))
    return found


def _any_element(
    elements: sa.ColumnElement[Any], ask: Callable[[_Place], sa.ColumnElement[bool]]
) -> sa.ColumnElement[bool]:
    # Anonymous, so that a list within a list gets a name of its own.
    each = sa.func.jsonb_array_elements(elements, type_=JSONB()).column_valued()
    return sa.select(sa.literal_column("1")).select_from(each.scalar_alias).where(ask(_Place(each, ()))).exists()


def _present(leaf: _Place, path: Path) -> sa.ColumnElement[bool]:
    type_ = path.type
    if path.steps and not isinstance(path.steps[-1], Member):
        return leaf.json().is_not(None)
    if type_.repeated:
        return sa.func.jsonb_array_length(leaf.json()) > sa.literal_column("0")
    if type_.kind is Kind.MAP:
        return leaf.json() != sa.literal_column("'{}'::jsonb")
    if type_.is_message:
        return leaf.json().is_not(None)
    return leaf.stored(type_) != _default(type_.kind)


def _bound(test: Test) -> sa.ColumnElement[Any]:
    return sa.bindparam(test.value, type_=_DOCUMENT_TYPES[test.path.type.kind] or _TEXT)


def _default(kind: Kind) -> sa.ColumnElement[Any]:
    return sa.literal_column(_DEFAULTS.get(kind, "0"))
