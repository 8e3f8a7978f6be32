r"""The filter of List requests: AIP-160 text to a checked condition in SQL.

What is supported: `= != < <= > >= :`, AND, OR (which binds tighter), NOT and `-`, brackets, also around values
(`state = (OPEN OR HELD)`), fields of messages and keys of maps behind dots, wildcards, and words that stand for
themselves. There are no functions. What each question means:

    x = 3, x != 3, x < 3 …    never true where x, or a message or key on the way to it, is unset; `!=` included
    NOT t, -t                 true where t is not, so `NOT x = 3` is true of an unset x
    x:3                       as `x = 3`; with a list: it has such an element; `list.field:3` asks the elements' fields
    x:*                       x is there and not its default: a message that is set, a list or map that is not empty
    map:key, map.key:*        the map has the key; `map."any key" = 3` compares its value
    message:field             as `message.field:*`
    x = "a*b"                 in texts, with `= != :`: any text may stand for the star; `\\*` in quotes is a star itself
    word, "some words"        any of the record's texts holds it; the case of ASCII's letters is one. These are the
                              fields of the record's `search`, or without that all texts but `name`, `uid` and `etag`;
                              never one that is sensitive, or that the caller may not read

Strings are compared by code point. Unquoted text ends at a space, a bracket, a comma, a quote or one of `< > = !`; in
quotes the escapes are `\n \r \t \\ \" \' \*`. Enums go by name, times by RFC 3339, durations as `1.5s`; both are cut
to microseconds as stored ones are. Floats may be NaN, Infinity and -Infinity; as in Postgres, NaN equals itself and is
greater than every number.

Limits: 4,096 characters, 100 comparisons and words, 32 open brackets, 32 parts of a path.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.records.filter.check import Check
from services.records.filter.fields import Fields
from services.records.filter.invalid import FilterInvalid, Mistake
from services.records.filter.lexer import MAX_LENGTH
from services.records.filter.parser import MAX_DEPTH, MAX_TERMS, parse
from services.records.filter.sql import to_sql
from services.records.reading.guards import NONE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa
    from google.protobuf.descriptor import Descriptor

    from services.records.filter.check import Parameter
    from services.records.filter.conditions import Condition
    from services.records.filter.sql import Columns

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "MAX_TERMS", "Fields", "Filter", "FilterInvalid", "Filters"]

CACHE_SIZE = 256
"""The most filters of one record that are remembered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """A checked filter. Two of the same shape have the same SQL and differ in their parameters alone."""

    shape: str
    """The key of its SQL; it holds no text of the caller's. Empty for the filter that lets all through."""
    parameters: Mapping[str, Parameter] = field(repr=False)
    """The values of the SQL's parameters, as the driver takes them: `filter_0`, `filter_1` and so on."""
    condition: Condition | None = field(repr=False)
    """What must hold, or None where all may pass."""
    roots: frozenset[str] = frozenset()
    """The top-level fields that it names."""

    def where(self, columns: Columns) -> sa.ColumnElement[bool] | None:
        """Return the condition over a table's columns, by the name of their field; None where all may pass."""
        return None if self.condition is None else to_sql(self.condition, columns)


class Filters:
    """Reads the filters of one record, and remembers the latest."""

    __slots__ = ("_cache", "_cache_size", "_texts", "fields")

    def __init__(self, descriptor: Descriptor, *, search: Sequence[str] = (), cache_size: int = CACHE_SIZE) -> None:
        """Take the record's message, from the contract's own pool, and the fields that it names for its search."""
        self.fields = Fields(descriptor)
        self._texts = self.fields.texts(search)
        self._cache: OrderedDict[tuple[str, frozenset[str]], Filter] = OrderedDict()
        self._cache_size = cache_size

    def read(self, text: str, hidden: frozenset[str] = NONE) -> Filter:
        """Return the checked filter of a text; its words are not looked for in the `hidden` fields.

        Whether the caller may ask for the fields that it names, its `roots`, is for the caller of this to check.

        Raises:
            FilterInvalid: with every mistake and its place.
        """
        key = text, hidden
        found = self._cache.get(key)
        if found is not None:
            self._cache.move_to_end(key)
            return found
        found = self._cache[key] = self._read(text, hidden)
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return found

    def _read(self, text: str, hidden: frozenset[str]) -> Filter:
        try:
            expression = parse(text)
        except Mistake as mistake:
            raise FilterInvalid(text, [mistake]) from None
        if expression is None:
            return Filter(shape="", parameters={}, condition=None)
        check = Check(self.fields, [path for path in self._texts if path.root not in hidden])
        condition, shape = check.condition(expression)
        if check.mistakes:
            raise FilterInvalid(text, check.mistakes)
        roots = frozenset(check.roots)
        return Filter(shape=shape, parameters=check.parameters, condition=condition, roots=roots)
