"""How fields are encoded, and which encodings can follow which so that neither bytes nor columns lose a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDENED = {
    ("int32", "int64"),
    ("uint32", "uint64"),
    ("uint32", "int64"),
    ("sint32", "sint64"),
    ("enum", "int32"),
    ("enum", "int64"),
    ("int32", "enum"),
    *(("bool", wider) for wider in ("int32", "int64", "uint32", "uint64")),
}
"""Changes of a field's type that lose nothing: the bytes mean the same, and the column has room."""

_RANGES: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(("int32", "sint32", "sfixed32", "enum"), (-(2**31), 2**31 - 1)),
    **dict.fromkeys(("uint32", "fixed32"), (0, 2**32 - 1)),
    **dict.fromkeys(("int64", "sint64", "sfixed64"), (-(2**63), 2**63 - 1)),
    **dict.fromkeys(("uint64", "fixed64"), (0, 2**64 - 1)),
    "bool": (0, 1),
}
_PRESENT = ("timestamp", "duration", "message", "group")
"""Encodings whose columns are NULL where the field is unset, whatever else is said of it."""


def keeps_values(before: str, after: str) -> bool:
    """Whether a field of one wire type can become one of another, and no value of it is lost."""
    was_optional, is_optional = before.startswith("optional "), after.startswith("optional ")
    if was_optional and not is_optional:
        return False
    old, new = _kinds(before), _kinds(after)
    return old[:-1] == new[:-1] and (old[-1] == new[-1] or (old[-1], new[-1]) in WIDENED)


def is_same_but_presence(before: str, after: str) -> bool:
    """Whether nothing changes but whether it is known that the field was set."""
    return _kinds(before) == _kinds(after)


def reads_differently(before: str, after: str) -> bool:
    """Whether JSON holds another value for the same bytes."""
    if before.startswith("optional ") != after.startswith("optional "):
        return True
    return (_kinds(before)[-1] == "bool") != (_kinds(after)[-1] == "bool")


def converted(before: str, column: str, kind: str) -> str:
    """Return what a column of one encoding becomes as a column of the type `kind`, as SQL."""
    if _kinds(before)[-1] != "bool":
        return f"{column}::{kind}"
    # Postgres has no way from a boolean to a wide number but by a narrow one.
    return f"{column}::integer{'[]' if before.startswith('repeated ') else ''}::{kind}"


def is_set(wire: str, column: str) -> str:
    """Return the condition that a row holds a value, as SQL."""
    kind = _kinds(wire)[-1]
    if wire.startswith("map "):
        return f"{column} <> '{{}}'"
    if wire.startswith("repeated "):
        return f"{column} <> '[]'" if kind in ("message", "group") else f"cardinality({column}) > 0"
    if wire.startswith("optional ") or kind in _PRESENT:
        return f"{column} IS NOT NULL"
    return f"{column} <> {unset_value(wire)}"


def unset_value(wire: str) -> str:
    """Return the value of a column whose field is unset and has no presence, as SQL."""
    kind = _kinds(wire)[-1]
    return "false" if kind == "bool" else "''" if kind == "string" else "0"


def is_lost(before: str, after: str, column: str) -> tuple[str, str]:
    """Return which rows would lose something by a change that is refused, as SQL, and what they do."""
    old, new = _kinds(before), _kinds(after)
    if old == new:
        return f"{column} = {unset_value(before)}", "hold the default as a value that was set"
    if old[:-1] == new[:-1] and old[-1] != "bool" and old[-1] in _RANGES and new[-1] in _RANGES:
        return _outside(old, column, *_RANGES[new[-1]]), "hold a value that does not fit"
    return is_set(before, column), "hold a value"


def is_lost_inside(name: str, after: str, column: str) -> str:
    """Return which rows hold a number inside a document, under that name at any depth, that does not fit, as SQL."""
    low, high = _RANGES[_kinds(after)[-1]]
    return f"jsonb_path_exists({column}, '$.**.\"{name}\" ? (@ < {low} || @ > {high})')"


def is_number(wire: str) -> bool:
    """Whether a field holds whole numbers, one or several."""
    return _kinds(wire)[-1] in _RANGES


def _outside(kinds: tuple[str, ...], column: str, low: int, high: int) -> str:
    """Return which rows hold a number that is out of a range: in the column, in its list, or in its map."""
    if len(kinds) == 1:
        return f"{column} NOT BETWEEN {low} AND {high}"
    if kinds[0] == "repeated":
        return f"EXISTS (SELECT 1 FROM unnest({column}) AS each(value) WHERE value NOT BETWEEN {low} AND {high})"
    numbers = f"SELECT 1 FROM jsonb_each_text({column}) AS each WHERE value::numeric NOT BETWEEN {low} AND {high}"
    return f"EXISTS ({numbers})"


def _kinds(wire: str) -> tuple[str, ...]:
    """Return what is said of a field but for its presence, such as `repeated`, `int32`."""
    return tuple(word for word in wire.split(" ") if word != "optional")
