"""What the formats have in common: rows on their way from a file into messages, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

MAX_ROW_BYTES = 4 * 1024 * 1024
"""The longest row that is read. A record has at most 2 MiB, and its text is hardly twice as long."""

MAX_DEPTH = 90
"""Messages that may lie in each other: what is deeper than 100, protobuf neither writes nor reads."""

MAX_ROWS = 2000
"""The most rows that are read at once."""


class Raw(NamedTuple):
    """A row as the file has it."""

    number: int
    """Its place among the rows of the file, from 1."""
    payload: Any
    """What its reader made of it, or a BadValue where it could make nothing."""
    source: Any
    """What its reader needs to show it as it was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What rows are read into: the message of a record, or a request to create one with the record in it."""

    message: type[Message]
    """Class of the message or the request."""
    body: str
    """The request's field that holds the record, or empty where the message is the record itself."""
    identifier: str
    """The request's field that holds the record's id, or empty where it has none."""
    descriptor: Descriptor
    """Descriptor of the record."""

    def new(self) -> tuple[Any, Any]:
        """Return an empty message, and the record in it, which is itself where nothing is around it."""
        message: Any = self.message()
        if not self.body:
            return message, message
        body = getattr(message, self.body)
        body.SetInParent()
        return message, body

    def columns(self) -> dict[str, FieldDescriptor]:
        """Return the record's fields by all names that a column may have."""
        fields = self.descriptor.fields
        return {field.json_name: field for field in fields} | {field.name: field for field in fields}


class Reader(Protocol):
    """Reads the rows of a file; all that it does is done in a thread."""

    seeks: bool
    """Whether it reads here and there in the file, and not from its beginning to its end."""

    def __init__(self, target: Target, state: Mapping[str, Any]) -> None:
        """Take what rows are read into, and the state in which another reader of the same file ended."""

    def open(self, file: Any) -> None:
        """Take a file that can be read here and there, where `seeks`."""

    def read(self, block: bytes, *, at_end: bool) -> tuple[Sequence[Raw], int]:
        """Return the rows at the beginning of a block, and how many bytes of it they have.

        No rows and no bytes say that the block has no whole row. Raises FileUnreadable.
        """

    def put(self, payload: Any, message: Any, body: Any) -> None:
        """Set the fields of a record, and of the request around it, to what a row says; raises BadValue."""

    def mask(self, raw: Raw) -> list[str]:
        """Return the paths of the record's fields that a row says something of, its name left out."""

    def show(self, raw: Raw) -> str:
        """Return a row as it was in the file."""

    def state(self) -> dict[str, Any]:
        """Return what another reader needs to go on where the last block of rows has ended."""


class Writer(Protocol):
    """Writes messages into a file; all that it does is done in a thread."""

    content_type: str
    """The media type of the file."""

    def __init__(self, fields: Sequence[FieldDescriptor]) -> None:
        """Take the fields of a record that are written."""

    def begin(self) -> bytes:
        """Return what the file begins with."""

    def write(self, messages: Sequence[Message]) -> bytes:
        """Return what the file has for these messages."""

    def end(self) -> bytes:
        """Return what the file ends with."""

    def close(self) -> None:
        """Give the file up, where it has not ended."""
