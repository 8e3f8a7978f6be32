"""Wildcards: what stands between the stars of a text, as a pattern of SQL's LIKE or as a range."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPECIAL = re.compile(r"[\\%_]")
_LAST = "\U0010ffff"
_BEFORE_SURROGATES, _AFTER_SURROGATES = "\ud7ff", "\ue000"
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def to_like(pieces: Sequence[str]) -> str:
    """Return the pattern of LIKE for texts that are these pieces with anything between them."""
    return "%".join(_SPECIAL.sub(r"\\\g<0>", piece) for piece in pieces)


def prefix_of(pieces: Sequence[str]) -> str:
    """Return what a text has to begin with, where that is all; else an empty text."""
    first, *others = pieces
    return first if others and not any(others) else ""


def successor(prefix: str) -> str:
    """Return the first text, by code points, that is greater than all that begin so; empty where there is none."""
    kept = prefix.rstrip(_LAST)
    if not kept:
        return ""
    last = _AFTER_SURROGATES if kept[-1] == _BEFORE_SURROGATES else chr(ord(kept[-1]) + 1)
    return kept[:-1] + last


def lowered(text: str) -> str:
    """Return a text with ASCII's letters in lower case, and all others as they are: so folds Postgres' collation C."""
    return text.translate(_LOWER)
