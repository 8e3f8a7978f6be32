"""Cursors: how a client says where a page begins.

A cursor is one of two things. That of a page's end is the page token that the List gave: the rows after it are exact,
whatever was written meanwhile. That of a row in the midst of a page is the token that its page was asked with, the
row's place and its name: to go on after it, the page is asked for again as far as that row, and has to end there. So a
cursor is never silently wrong: where rows before it came or went it is refused, and the end of a page never is.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import Any

from services.graph.failures import CursorInvalid

MAX_LENGTH = 24 * 1024
"""The longest text that is looked at as a cursor."""

MAX_PLACE = 1000
"""The most rows of a page."""

OUT_OF_DATE = "Rows before this cursor were added or removed. Begin again, or go on after `pageInfo.endCursor`."
"""What is wrong with the cursor of a row that is no longer where it was."""

# Every row of a page may have a cursor, so the encoder is made once.
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode

_UNKNOWN = "The cursor is not one of this service's; send `endCursor` or `cursor` unchanged."


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a page begins."""

    token: str = ""
    """The page token to ask with, or empty for the first page."""
    count: int = 0
    """How many rows of that page come first, or 0 for a page that begins with the token itself."""
    name: str = ""
    """The name of the last of them."""
    skip: int = 0
    """How many rows that page skipped."""


@dataclass(kw_only=True, slots=True)
class Page:
    """One page of a connection."""

    records: list[Any]
    """Its rows."""
    place: Place
    """Where it began."""
    following: str
    """The page token of the next page, or empty."""
    response: Any = field(repr=False)
    """The whole response of the List."""


def seal(place: Place) -> str:
    """Return a place as a cursor. It holds no secret: what a caller makes of it is asked for like any other page."""
    parts = [place.token, place.count, place.name, place.skip] if place.count else [place.token]
    return base64.urlsafe_b64encode(_encode(parts).encode()).rstrip(b"=").decode()


def unseal(cursor: str) -> Place:
    """Return the place that a cursor stands for; raises CursorInvalid."""
    try:
        if len(cursor) > MAX_LENGTH:
            raise CursorInvalid(_UNKNOWN)
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise CursorInvalid(_UNKNOWN) from error
    match parts:
        case [str(token)]:
            return Place(token=token)
        case [str(token), int(count), str(name), int(skip)] if 0 < count <= MAX_PLACE and 0 <= skip < 2**31:
            return Place(token=token, count=int(count), name=name, skip=int(skip))
    raise CursorInvalid(_UNKNOWN)


def cursor_of(page: Page, index: int) -> str:
    """Return the cursor of a row of a page."""
    if index == len(page.records) - 1 and page.following:
        return seal(Place(token=page.following))
    begun = page.place
    return seal(Place(token=begun.token, count=index + 1, name=page.records[index].name, skip=begun.skip))


def first_cursor(page: Page) -> str | None:
    """Return the cursor of a page's first row, or None where it has no rows."""
    return cursor_of(page, 0) if page.records else None


def last_cursor(page: Page) -> str | None:
    """Return what the next page begins after, or None where nothing can."""
    if page.following:
        # Even a page without rows has a way on: an empty token is the only end of a list.
        return seal(Place(token=page.following))
    return cursor_of(page, len(page.records) - 1) if page.records else None
