"""Which parents a request reads below: one, or many by `-` (AIP-159): `shelves/-`, `regions/eu/shelves/-`, or `-`.

Where everything in front of the first `-` is known, the names that begin with it are one range of the primary key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.records.schema.names import Names
    from services.records.schema.tables import RecordTable

ANY = "-"
"""Stands for every id, and alone for every parent."""

_ANY_ID = "[^/]+"
_TEXT = sa.Text()


@dataclass(frozen=True, kw_only=True, slots=True)
class Below:
    """Which rows are below the parents that are asked for. Two of the same shape have the same SQL."""

    shape: str
    """The key of its SQL."""
    parameters: Mapping[str, str]
    """The values of the SQL's parameters."""
    matcher: re.Pattern[str] | None = None
    """What the name of each parent is like, or None for one parent."""

    def conditions(self, table: RecordTable) -> list[sa.ColumnElement[bool]]:
        """Return what must hold of a row."""
        found: list[sa.ColumnElement[bool]] = []
        words = self.shape.split()
        own, name = table.table.columns, table.columns["name"]
        if "one" in words:
            found.append(own["parent"] == sa.bindparam("parent", type_=_TEXT))
        if "top" in words:
            found.append(own["parent"].is_(None))
        if "any" in words:
            found.append(own["parent"].is_not(None))
        if "range" in words:
            found.append(name >= sa.bindparam("parent_from", type_=_TEXT))
            found.append(name < sa.bindparam("parent_to", type_=_TEXT))
        if "like" in words:
            found.append(own["parent"].op("~", is_comparison=True)(sa.bindparam("parent_like", type_=_TEXT)))
        return found

    def has(self, parent: str) -> bool:
        """Whether a parent of this name is among them."""
        return (
            parent == self.parameters.get("parent", "")
            if self.matcher is None
            else bool(self.matcher.fullmatch(parent))
        )


EVERYWHERE = Below(shape="", parameters={})
"""All rows, whatever they are below."""

_TOP = Below(shape="top", parameters={})


class Parents:
    """Reads the parents of one record's requests."""

    __slots__ = ("_names", "_table")

    def __init__(self, table: RecordTable, names: Names) -> None:
        """Take the table, and what knows the patterns of names."""
        self._table, self._names = table, names

    def read(self, parent: str) -> Below:
        """Return which rows a parent stands for.

        Raises:
            NameInvalid: if it is of no pattern.
        """
        if ANY in parent and ANY in (segments := parent.split("/")):
            return self._wild(parent, segments)
        self._names.check_parent(parent, "parent")
        if parent:
            return Below(shape="one", parameters={"parent": parent})
        return _TOP if self._table.has_parent else EVERYWHERE

    def _wild(self, parent: str, segments: Sequence[str]) -> Below:
        several = len(self._table.record.patterns) > 1
        if parent == ANY and self._table.has_parent:
            return Below(shape="any" if several else "", parameters={}, matcher=re.compile(".+"))
        # Any id will do in place of the `-`: what is looked at is the pattern.
        self._names.check_parent("/".join("x" if segment == ANY else segment for segment in segments), "parent")
        first = segments.index(ANY)
        like = "/".join(_ANY_ID if segment == ANY else re.escape(segment) for segment in segments)
        shape: list[str] = []
        parameters: dict[str, str] = {}
        if first > 1:
            prefix = "/".join(segments[:first])
            # A name goes on with a slash, and `0` is what comes after a slash.
            parameters |= {"parent_from": f"{prefix}/", "parent_to": f"{prefix}0"}
            shape.append("range")
        if several or any(segment != ANY for segment in segments[first::2]):
            parameters["parent_like"] = f"^{like}$"
            shape.append("like")
        return Below(shape=" ".join(shape), parameters=parameters, matcher=re.compile(like))


def parents_of(table: RecordTable, names: Names, request: Any) -> Parents | None:
    """Return what reads the parents of a request, or None where it names none."""
    return Parents(table, names) if table.has_parent and "parent" in request.fields_by_name else None
