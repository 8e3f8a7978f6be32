"""Names of records: checked against their patterns, taken apart, and made."""

from __future__ import annotations

import re
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.records.failures import NameInvalid, invalid
from services.records.schema.naming import parent_pattern

if TYPE_CHECKING:
    from services.chassis.contract import Record

ID = r"[A-Za-z0-9](?:[A-Za-z0-9._~-]{0,61}[A-Za-z0-9])?"
"""What an id looks like, unless the contract says otherwise."""

FREE_ID = r"(?!-(?:/|\Z))[^/\x00-\x20\x7f]{1,200}"
"""What an id looks like where the contract has a pattern of its own, which validation has applied; `-` is none."""

MAX_NAME = 1024
"""The most characters of a name."""

_RULE = "An id has 1 to 63 letters, digits and `.`, `_`, `~`, `-`, and begins and ends with a letter or digit."
_OWN_RULE = "An id is of the pattern `{}`, and has at most 200 characters, among them no `/` and no space."
_VARIABLE = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pattern:
    text: str
    parent: str
    name: re.Pattern[str]
    parent_name: re.Pattern[str]
    collection: str
    last: re.Pattern[str]
    is_plain: bool


class Names:
    """The names of one record."""

    __slots__ = ("_id_rule", "_patterns", "_whole", "record")

    def __init__(self, record: Record, *, id_pattern: str = "") -> None:
        """Take the record, and the pattern of its ids where the contract itself has one."""
        self.record = record
        self._id_rule = _OWN_RULE.format(id_pattern) if id_pattern else _RULE
        self._patterns = [_read(text, FREE_ID if id_pattern else ID) for text in record.patterns]
        # One expression for the common case, since every Get comes through here.
        self._whole = re.compile("|".join(f"(?:{pattern.name.pattern})" for pattern in self._patterns)).fullmatch

    def check(self, name: str, field: str) -> None:
        """Refuse a name that is not of any of the patterns.

        Raises:
            NameInvalid: with the field's path.
        """
        if len(name) > MAX_NAME or self._whole(name) is None:
            raise self._refused(name, field)

    def check_parent(self, parent: str, field: str) -> str:
        """Return the pattern of a parent's name; empty at the top level.

        Raises:
            NameInvalid: with the field's path.
        """
        for pattern in self._patterns:
            if len(parent) <= MAX_NAME and pattern.parent_name.fullmatch(parent):
                return pattern.parent
        wanted = " or ".join(f"`{pattern.parent}`" for pattern in self._patterns if pattern.parent)
        said = f"must be a name such as {wanted}." if wanted else "must be empty: this is a record without a parent."
        raise invalid(NameInvalid, field, f"The parent {said}")

    def make(self, parent: str, id_: str, field: str) -> str:
        """Return the name of a new record below a parent; an empty id is made up, as a UUID of version 7.

        Raises:
            NameInvalid: if the id is not of the pattern; `field` is its path.
        """
        below = self.check_parent(parent, "parent")
        for pattern in self._patterns:
            if pattern.parent != below:
                continue
            if not id_ and pattern.is_plain:
                id_ = str(uuid7())
            if pattern.last.fullmatch(id_):
                return f"{parent}/{pattern.collection}/{id_}" if parent else f"{pattern.collection}/{id_}"
        raise invalid(
            NameInvalid,
            field,
            self._id_rule if id_ else "An id of this record cannot be made up. Send one.",
            "id.pattern",
        )

    def parent_of(self, name: str) -> tuple[str, str]:
        """Return the parent's name and its pattern; both empty at the top level."""
        for pattern in self._patterns:
            if pattern.name.fullmatch(name):
                depth = pattern.parent.count("/") + 1 if pattern.parent else 0
                parent = "/".join(name.split("/")[:depth])
                return parent, pattern.parent
        return "", ""

    def _refused(self, name: str, field: str) -> Exception:
        wanted = " or ".join(f"`{pattern.text}`" for pattern in self._patterns)
        return invalid(
            NameInvalid, field, f"The name must be of the pattern {wanted}." if name else "A name is needed."
        )


def uuid7() -> uuid.UUID:
    """Return a UUID that sorts by the time it was made (RFC 9562 §5.7)."""
    millis = time.time_ns() // 1_000_000
    rest = secrets.randbits(74)
    value = (millis & ((1 << 48) - 1)) << 80 | 0x7 << 76 | (rest >> 62) << 64 | 0b10 << 62 | rest & ((1 << 62) - 1)
    return uuid.UUID(int=value)


def _read(text: str, id_: str) -> _Pattern:
    parent = parent_pattern(text)
    below = text[len(parent) :].strip("/")
    collection, _, last = below.rpartition("/")
    return _Pattern(
        text=text,
        parent=parent,
        name=_expression(text, id_),
        parent_name=_expression(parent, id_),
        collection=collection or last,
        last=_expression(last if collection else "", id_),
        is_plain=_VARIABLE.fullmatch(last) is not None,
    )


def _expression(pattern: str, id_: str) -> re.Pattern[str]:
    literals = [re.escape(part) for part in _VARIABLE.split(pattern)]
    return re.compile(id_.join(literals))
