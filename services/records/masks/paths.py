"""Reads the paths of an update mask."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from services.chassis.contract.fields import kind_of
from services.records.filter.invalid import excerpt
from services.records.filter.literals import RANGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.records.masks.schema import MaskField

_SEGMENT = re.compile(r"`((?:[^`]|``)*)`|([^.`]+)")


class PathRefused(Exception):
    """A path that leads nowhere, or where no mask may go; its text goes on after "The path '…'"."""


def split_path(path: str) -> list[str]:
    """Return the segments of a path; a key in backticks is one, whatever it holds."""
    segments: list[str] = []
    at = 0
    while True:
        match = _SEGMENT.match(path, at)
        if match is None:
            raise PathRefused(
                "has an empty part" if path[at : at + 1] in ("", ".") else "has a backtick that does not close"
            )
        segments.append(match[2] if match[1] is None else match[1].replace("``", "`"))
        at = match.end()
        if at == len(path):
            return segments
        if path[at] != ".":
            raise PathRefused("has text behind a backtick; a dot must follow")
        at += 1


def read_key(one: MaskField, text: str) -> str | int:
    """Return the key of a map that a segment names."""
    entry: Any = one.descriptor.message_type
    key = entry.fields_by_name["key"]
    if key.type == FieldDescriptor.TYPE_STRING:
        return text
    if key.type == FieldDescriptor.TYPE_BOOL:
        if text in ("true", "false"):
            return text == "true"
        raise PathRefused(f"has {excerpt(text)} as a key of {excerpt(one.name)}, whose keys are true and false")
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(2**64))):
        raise PathRefused(f"has {excerpt(text)} as a key of {excerpt(one.name)}, whose keys are whole numbers")
    low, high = RANGES[kind_of(key)]
    if not low <= int(text) <= high:
        raise PathRefused(f"has {excerpt(text)} as a key of {excerpt(one.name)}, whose keys are {low} to {high}")
    return int(text)


def explain_unknown(name: str, known: Iterable[str]) -> str:
    """Return why a name is none of a message's fields."""
    if name == "*":
        return "has a wildcard inside; name the whole field instead"
    close = difflib.get_close_matches(name[:100], known, n=1)
    hint = f"; did you mean '{close[0]}'" if close else ""
    return f"leads to no field: there is no {excerpt(name)}{hint}"
