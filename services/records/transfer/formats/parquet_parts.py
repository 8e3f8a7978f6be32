"""Takes the rows out of what the Parquet library has decoded, a little at a time where they are large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.records.transfer.failures import BadValue
from services.records.transfer.formats.rows import MAX_ROW_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

GROUP_BYTES = 8 * 1024 * 1024
"""Bytes after which rows that are read together end."""

SHARED_BYTES = 256 * 1024 * 1024
"""The most bytes that rows which are read at once may have where they may share them in the file."""


def split_rows(batch: Any, skip: int) -> Iterator[tuple[list[Any], int]]:
    """Yield rows of a batch after some, and about how many bytes they have."""
    columns, size = batch.columns, batch.nbytes
    shared = any(_shares(column.type) for column in columns)
    if not shared and size <= GROUP_BYTES:
        yield list(zip(*map(_values, columns), strict=True))[skip:], size
        return
    rows: Iterable[tuple[Any, ...]]
    if shared and size * batch.num_rows <= SHARED_BYTES:
        rows = list(zip(*map(_values, columns), strict=True))[skip:]
    else:
        alone = ([column.slice(place, 1) for column in columns] for place in range(skip, batch.num_rows))
        rows = (next(zip(*map(_values, parts), strict=True)) for parts in alone)
    for row in rows:
        size = _size(row)
        yield ([row], size) if size <= MAX_ROW_BYTES else ([BadValue("The row is too long.")], 0)


def _shares(kind: Any) -> bool:
    """Whether many rows of a column may have the same bytes, which are then counted once."""
    from arro3.core import DataType  # noqa: PLC0415 - few processes need Parquet

    checks = (DataType.is_dictionary, DataType.is_string_view, DataType.is_binary_view, DataType.is_nested)
    return any(check(kind) for check in checks)


def _size(row: Sequence[Any]) -> int:
    return sum(len(value if isinstance(value, str | bytes) else str(value)) for value in row)


def _values(column: Any) -> list[Any]:
    """Return the values of a column; moments as microseconds, which is what costs least."""
    from arro3.core import DataType  # noqa: PLC0415 - few processes need Parquet

    if DataType.is_timestamp(column.type):
        column = column.cast(DataType.timestamp("us", tz="UTC")).cast(DataType.int64())
    found: list[Any] = column.to_pylist()
    return found
