"""Which rows a request asks for: below which parents, by which filter, and whether those that are deleted and kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.records.filter import Filters
from services.records.schema.parents import EVERYWHERE, Parents
from services.records.scope import visible

if TYPE_CHECKING:
    import sqlalchemy as sa
    from google.protobuf.descriptor import Descriptor

    from services.chassis.call import Caller
    from services.records.filter import Filter
    from services.records.reading.guards import Guards
    from services.records.schema.names import Names
    from services.records.schema.parents import Below
    from services.records.schema.tables import RecordTable


@dataclass(slots=True)
class Selected:
    """The rows that one request asks for. It is not frozen, since every call makes one."""

    below: Below
    """The parents that they are below."""
    filter: Filter
    """What they pass."""
    with_deleted: bool
    """Whether those are among them that are deleted and kept."""

    @property
    def shape(self) -> tuple[str, str, bool]:
        """The key of its SQL."""
        return self.below.shape, self.filter.shape, self.with_deleted

    def parameters(self) -> dict[str, Any]:
        """Return the values of the SQL's parameters."""
        return {**self.below.parameters, **self.filter.parameters}

    def conditions(self, table: RecordTable) -> list[sa.ColumnElement[bool]]:
        """Return what must hold of a row, its being the caller's own among it."""
        found = [visible(table), *self.below.conditions(table)]
        if table.is_soft and not self.with_deleted:
            found.append(table.table.columns["deleted_at"].is_(None))
        where = self.filter.where(table.columns)
        return found if where is None else [*found, where]


class Selecting:
    """Reads the selections of one method's requests: their `parent`, `filter` and `show_deleted`."""

    __slots__ = ("_filters", "_guards", "_has_deleted", "_has_filter", "_parents")

    def __init__(self, table: RecordTable, names: Names, guards: Guards, request: Descriptor) -> None:
        """Take the record's table and names, the fields that not everyone may read, and the requests' message."""
        fields = request.fields_by_name
        self._filters = Filters(table.descriptor, search=table.record.search)
        self._guards = guards
        self._parents = Parents(table, names) if table.has_parent and "parent" in fields else None
        self._has_filter, self._has_deleted = "filter" in fields, "show_deleted" in fields

    def read(self, request: Any, caller: Caller) -> Selected:
        """Return what a request asks for.

        Raises:
            NameInvalid: if the parent is of no pattern.
            FilterInvalid: with every mistake of the filter.
            FieldNotReadable: if the filter names a field that the caller may not read.
        """
        text = request.filter if self._has_filter else ""
        guards = self._guards
        if text and guards:
            chosen = self._filters.read(text, guards.hidden(caller))
            guards.refuse(chosen.roots, caller)
        else:
            chosen = self._filters.read(text)
        below = EVERYWHERE if self._parents is None else self._parents.read(request.parent)
        return Selected(below, chosen, self._has_deleted and request.show_deleted)
