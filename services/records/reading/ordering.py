"""The order of a List: AIP-132 text to keys that always end in the name, and the conditions "after this row".

An unset value comes before every other, so first where the order ascends and last where it descends. Where the contract
bounds no string, its first 512 characters order it, so that page tokens stay short. Strings order by code point.

What comes after a row is read in phases, mostly one: each is one range of an index, and its rows come before those of
the next. With one condition for all, joined by OR, Postgres would read and drop the rows that came before.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from services.chassis.contract import Kind
from services.chassis.errors import InvalidArgument, Violation
from services.records.filter.fields import Fields, Path
from services.records.filter.invalid import Mistake, excerpt, place
from services.records.filter.lexer import Sort, Token
from services.records.filter.sql import scalar
from services.records.reading.pages import PageTokenInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.descriptor import Descriptor

    from services.chassis.contract import Record
    from services.records.filter.sql import Columns
    from services.records.reading.pages import KeyValue

MAX_LENGTH = 1024
"""The longest order, in characters."""

MAX_KEYS = 8
"""The most fields that one order may name."""

MAX_STRING = 512
"""The most characters of a string that order it."""

CACHE_SIZE = 128
"""The most orders of one record that are remembered."""

_PART = re.compile(r"\s*(?P<path>[A-Za-z_][A-Za-z0-9_.]*)(?:\s+(?P<way>asc|desc))?\s*")
_VALUES: Mapping[Kind, type | tuple[type, ...]] = {
    Kind.BOOL: bool,
    Kind.UINT64: (Decimal, int),
    Kind.FLOAT: float,
    Kind.DOUBLE: float,
    Kind.STRING: str,
}


class OrderByInvalid(InvalidArgument):
    """The order cannot be read, or names what has no order."""

    reason = "ORDER_BY_INVALID"

    def __init__(self, text: str, mistakes: Sequence[Mistake]) -> None:
        """Take the order and all that is wrong with it."""
        descriptions = [f"{mistake.description} (at {place(text, mistake.offset)})." for mistake in mistakes]
        super().__init__(
            f"The order is invalid: {descriptions[0]}",
            violations=[Violation(field="order_by", description=description) for description in descriptions],
            metadata={"position": str(mistakes[0].offset + 1)},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderKey:
    """One key of an order."""

    path: Path
    """Where its value stands."""
    descending: bool
    """Whether the greatest comes first."""
    nullable: bool
    """Whether a row may have no value."""
    cut: bool
    """Whether only the first 512 characters count."""

    def expression(self, columns: Columns) -> sa.ColumnElement[Any]:
        """Return the value that orders."""
        value = scalar(self.path, columns)
        return sa.func.left(value, sa.literal_column(str(MAX_STRING)), type_=value.type) if self.cut else value


class Phase(NamedTuple):
    """Some of the rows that come after one: alike in the keys before `start`, and further in those up to `end`."""

    start: int
    """The first key in which they differ."""
    end: int
    """The last key that is looked at, plus one."""
    how: str
    """`row`: compared as one; `unset`, `set`: the first is so; `any`: all rows after, in an order that no index has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ordering:
    """The keys of an order; the last is the name."""

    keys: tuple[OrderKey, ...]
    """The keys, the most significant first."""
    shape: str
    """The key of its SQL, such as `size desc,name desc`; bind page tokens to it as well (`pages.fingerprint`)."""

    def expressions(self, columns: Columns) -> list[sa.ColumnElement[Any]]:
        """Return the values that order, labelled `order_0` and so on: those of the last row make its page token."""
        return [key.expression(columns).label(f"order_{index}") for index, key in enumerate(self.keys)]

    def order_by(self, columns: Columns) -> list[sa.ColumnElement[Any]]:
        """Return what to order by."""
        ordered: list[sa.ColumnElement[Any]] = []
        for key in self.keys:
            value = key.expression(columns)
            direction = value.desc() if key.descending else value.asc()
            # Said only where it matters: a plain index serves a plain order.
            nulls = direction.nulls_last if key.descending else direction.nulls_first
            ordered.append(nulls() if key.nullable else direction)
        return ordered

    @property
    def roots(self) -> list[str]:
        """The top-level fields that it names."""
        return [key.path.root for key in self.keys]

    def after_shape(self, values: Sequence[KeyValue]) -> str:
        """Return the key of the SQL of `after`: it differs where a value is unset."""
        return "".join("0" if value is None else "1" for value in values)

    def phases(self, values: Sequence[KeyValue]) -> list[Phase]:
        """Return in which phases the rows are read that come after the one with these order keys."""
        keys = self.keys
        descending = keys[0].descending
        if any(key.descending is not descending for key in keys):
            return [Phase(0, len(keys), "any")]
        found: list[Phase] = []
        end = len(keys)
        while end:
            start = end - 1
            if values[start] is None:
                if not descending:
                    found.append(Phase(start, end, "set"))
            else:
                # One comparison may cover many keys, but no row is found by it that lacks one behind the first.
                while start and values[start - 1] is not None and not (descending and keys[start].nullable):
                    start -= 1
                found.append(Phase(start, end, "row"))
                if descending and keys[start].nullable:
                    found.append(Phase(start, end, "unset"))
            end = start
        return found

    def within(self, columns: Columns, values: Sequence[KeyValue], phase: Phase) -> sa.ColumnElement[bool]:
        """Return that a row is of a phase, bound by the names of `parameters`."""
        if phase.how == "any":
            return self.after(columns, values)
        expressions = [key.expression(columns) for key in self.keys]
        bound = [sa.bindparam(f"after_{index}", type_=value.type) for index, value in enumerate(expressions)]
        found = [
            expressions[index].is_(None) if values[index] is None else expressions[index] == bound[index]
            for index in range(phase.start)
        ]
        if phase.how != "row":
            first = expressions[phase.start]
            found.append(first.is_(None) if phase.how == "unset" else first.is_not(None))
        else:
            run = slice(phase.start, phase.end)
            rows = sa.tuple_(*expressions[run]), sa.tuple_(*bound[run])
            found.append(rows[0] < rows[1] if self.keys[0].descending else rows[0] > rows[1])
        return sa.and_(*found)

    def parameters(self, values: Sequence[KeyValue]) -> dict[str, KeyValue]:
        """Return the parameters of `after`: `after_0` and so on, none for what is unset.

        Raises:
            PageTokenInvalid: if the values are not of this order's kinds: the contract changed since they were read.
        """
        if len(values) != len(self.keys) or not all(map(_fits, self.keys, values)):
            raise PageTokenInvalid("The page token is of an earlier version of the contract; begin again without one.")
        return {f"after_{index}": value for index, value in enumerate(values) if value is not None}

    def after(self, columns: Columns, values: Sequence[KeyValue]) -> sa.ColumnElement[bool]:
        """Return that a row comes after the one with these order keys, in one condition for all phases."""
        expressions = [key.expression(columns) for key in self.keys]
        bound = [sa.bindparam(f"after_{index}", type_=value.type) for index, value in enumerate(expressions)]
        alike = len({key.descending for key in self.keys}) == 1
        if alike and not any(key.nullable for key in self.keys):
            # As one row, so that one index range serves it.
            rows = sa.tuple_(*expressions), sa.tuple_(*bound)
            return rows[0] < rows[1] if self.keys[0].descending else rows[0] > rows[1]
        places = zip(self.keys, expressions, bound, values, strict=True)
        found: sa.ColumnElement[bool] = sa.false()
        for key, expression, parameter, value in reversed(list(places)):
            same = expression.is_(None) if value is None else expression == parameter
            further = _beyond(key, expression, parameter, value)
            found = further if key is self.keys[-1] else sa.or_(further, sa.and_(same, found))
        first, value = self.keys[0], values[0]
        if value is None or (first.descending and first.nullable):
            return found
        # It adds nothing but a bound that an index range can begin at.
        start = expressions[0] <= bound[0] if first.descending else expressions[0] >= bound[0]
        return sa.and_(start, found)


class Orderings:
    """Reads the orders of one record, and remembers the latest."""

    __slots__ = ("_bounded", "_cache", "_fields")

    def __init__(self, record: Record, descriptor: Descriptor) -> None:
        """Take the record, and its message from the contract's own pool."""
        self._fields = Fields(descriptor)
        keyed = {name for key in (*record.unique, *record.index) for name in key}
        self._bounded = {"name"} | {
            field.name
            for field in record.fields
            # What is indexed is bounded by the engine.
            if field.name in keyed or field.indexed or field.unique or field.reference or _is_short(field.max_length)
        }
        self._cache: OrderedDict[str, Ordering] = OrderedDict()

    def read(self, text: str) -> Ordering:
        """Return the order of a text; of an empty one, by name.

        Raises:
            OrderByInvalid: with every mistake and its place.
        """
        found = self._cache.get(text)
        if found is not None:
            self._cache.move_to_end(text)
            return found
        found = self._cache[text] = self._read(text)
        if len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)
        return found

    def _read(self, text: str) -> Ordering:
        mistakes: list[Mistake] = []
        keys: list[OrderKey] = []
        if len(text) > MAX_LENGTH:
            raise OrderByInvalid(text, [Mistake(f"An order has at most {MAX_LENGTH:,} characters", MAX_LENGTH)])
        parts = text.split(",") if text.strip() else []
        if len(parts) > MAX_KEYS:
            raise OrderByInvalid(text, [Mistake(f"An order names at most {MAX_KEYS} fields", 0)])
        offset = 0
        for part in parts:
            try:
                keys.append(self._key(part, offset, keys))
            except Mistake as mistake:
                mistakes.append(mistake)
            offset += len(part) + 1
        if mistakes:
            raise OrderByInvalid(text, mistakes)
        return _end_in_name(keys, self._fields.resolve([Token(Sort.TEXT, "name", 0)]))

    def _key(self, part: str, offset: int, others: Sequence[OrderKey]) -> OrderKey:
        start = offset + len(part) - len(part.lstrip())
        match = _PART.fullmatch(part)
        if match is None:
            raise Mistake(
                f"{excerpt(part.strip())} is not a field, optionally followed by ' desc'"
                if part.strip()
                else "A field is missing here",
                start,
            )
        words = []
        for word in match["path"].split("."):
            if not word:
                raise Mistake(f"{excerpt(match['path'])} has a dot with no name beside it", start)
            words.append(Token(Sort.TEXT, word, start))
            start += len(word) + 1
        path = self._fields.resolve(words)
        if any(path == other.path for other in others):
            raise Mistake(f"{excerpt(match['path'])} is named twice", words[0].offset)
        return self._ordered(path, words, descending=match["way"] == "desc")

    def _ordered(self, path: Path, words: Sequence[Token], *, descending: bool) -> OrderKey:
        type_ = path.type
        if path.each or path.keys or type_.repeated or type_.kind in (Kind.MESSAGE, Kind.MAP, Kind.BYTES):
            raise Mistake(f"{excerpt(words[-1].text)} has no order; name a field with a single value", words[-1].offset)
        return OrderKey(
            path=path,
            descending=descending,
            nullable=path.in_document or type_.presence,
            cut=type_.kind is Kind.STRING and (path.in_document or path.root not in self._bounded),
        )


def _end_in_name(keys: Sequence[OrderKey], name: Path) -> Ordering:
    """Return the order that ends in the name: what stands behind it decides nothing, since no two rows share it."""
    end = next((index for index, key in enumerate(keys) if key.path == name), None)
    if end is not None:
        kept = tuple(keys[: end + 1])
    else:
        # In the direction of the last key, so that an index of (key, name) is read one way.
        descending = keys[-1].descending if keys else False
        kept = (*keys, OrderKey(path=name, descending=descending, nullable=False, cut=False))
    words = [f"{key.path.shape}:{key.path.type.kind.value}{' desc' if key.descending else ''}" for key in kept]
    return Ordering(keys=kept, shape=",".join(words))


def _beyond(
    key: OrderKey, expression: sa.ColumnElement[Any], parameter: sa.ColumnElement[Any], value: KeyValue
) -> sa.ColumnElement[bool]:
    if key.descending:
        if value is None:
            return sa.false()
        return sa.or_(expression < parameter, expression.is_(None)) if key.nullable else expression < parameter
    return expression.is_not(None) if value is None else expression > parameter


def _fits(key: OrderKey, value: KeyValue) -> bool:
    if value is None:
        return key.nullable
    kind = key.path.type.kind
    if kind is Kind.TIMESTAMP:
        return isinstance(value, str if key.path.in_document else datetime)
    return isinstance(value, _VALUES.get(kind, int)) and (kind is Kind.BOOL or not isinstance(value, bool))


def _is_short(max_length: int | None) -> bool:
    return max_length is not None and max_length <= MAX_STRING
