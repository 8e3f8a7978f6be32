"""Writes responses in protobuf's wire format from stored bytes, without building messages."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.descriptor import Descriptor, FieldDescriptor

_VARINT, _LENGTH_DELIMITED = 0, 2
_PREPARED = 4096
_MORE = 0x80


def varint(value: int) -> bytes:
    """Return a number as a varint (Protocol Buffers, "Encoding")."""
    out = bytearray()
    while value >= _MORE:
        out.append(value & (_MORE - 1) | _MORE)
        value >>= 7
    out.append(value)
    return bytes(out)


class Listing:
    """The response of a List or of a batch: a repeated record, and what else is known of the page."""

    __slots__ = ("_heads", "_tag", "_token_tag", "_total_tag", "has_total")

    def __init__(self, response: Descriptor, record: str) -> None:
        """Take the response's message and the full name of the record's."""
        rows = next(f for f in response.fields if f.message_type is not None and f.message_type.full_name == record)
        token = response.fields_by_name.get("next_page_token")
        self._tag = _tag(rows)
        self._token_tag = b"" if token is None else _tag(token)
        total = response.fields_by_name.get("total_size")
        self.has_total = total is not None
        """Whether the response says how many records there are."""
        self._total_tag = b"" if total is None else varint(total.number << 3 | _VARINT)
        self._heads = _heads(self._tag)

    def encode(self, messages: Iterable[bytes], next_page_token: str = "", total_size: int = 0) -> bytes:
        """Return the response's bytes."""
        heads, parts = self._heads, []
        for message in messages:
            size = len(message)
            parts.append(heads[size] if size < _PREPARED else self._tag + varint(size))
            parts.append(message)
        if next_page_token:
            token = next_page_token.encode()
            parts.append(self._token_tag + varint(len(token)) + token)
        if total_size and self.has_total:
            parts.append(self._total_tag + varint(total_size))
        return b"".join(parts)


def _tag(field: FieldDescriptor) -> bytes:
    return varint(field.number << 3 | _LENGTH_DELIMITED)


@lru_cache
def _heads(tag: bytes) -> list[bytes]:
    """Return what stands before a message of each small size."""
    return [tag + varint(size) for size in range(_PREPARED)]
