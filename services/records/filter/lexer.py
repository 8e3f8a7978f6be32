"""Cuts a filter into tokens, each with its place."""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

from services.records.filter.invalid import Mistake, excerpt

MAX_LENGTH = 4096
"""The longest filter, in characters."""


class Sort(enum.Enum):
    """What a token is."""

    TEXT = "text"
    STRING = "string"
    COMPARE = "comparison"
    DOT = "dot"
    COMMA = "comma"
    MINUS = "minus"
    OPEN = "opening bracket"
    CLOSE = "closing bracket"
    AND = "AND"
    OR = "OR"
    NOT = "NOT"
    END = "end"


class Token(NamedTuple):
    """One token. A tuple, since a filter has many and each is made on every request."""

    sort: Sort
    """What it is."""
    text: str
    """What it says: a string without its quotes and escapes, anything else as written."""
    offset: int
    """Where it begins, in characters from 0."""
    pieces: tuple[str, ...] = ()
    """What stands between the stars that are not escaped; empty where there is none."""


_PUNCTUATION = r"""(?P<compare><=|>=|!=|[=<>:])|(?P<open>\()|(?P<close>\))|(?P<comma>,)|(?P<string>["'])"""
# On the left a dot traverses and a minus negates; on the right both belong to the value, and so does the colon
# (1.5, -3, 2012-04-21T11:30:00Z).
_LEFT = re.compile(rf"""\s*(?:{_PUNCTUATION}|(?P<dot>\.)|(?P<minus>-)|(?P<text>[^\s"'(),.<>=!:\-][^\s"'(),.<>=!:]*))""")
_RIGHT = re.compile(rf"""\s*(?:{_PUNCTUATION}|(?P<text>[^\s"'(),<>=!:][^\s"'(),<>=!]*))""")
# After a dot comes the key of a field or of a map, and -7 is a key.
_KEY = re.compile(r"""\s*(?:(?P<string>["'])|(?P<text>[^\s"'(),.<>=!:]+))""")
_SPACE = re.compile(r"\s*")
_SORTS = {
    "compare": Sort.COMPARE,
    "open": Sort.OPEN,
    "close": Sort.CLOSE,
    "comma": Sort.COMMA,
    "dot": Sort.DOT,
    "minus": Sort.MINUS,
}
_KEYWORDS = {"AND": Sort.AND, "OR": Sort.OR, "NOT": Sort.NOT}
_STRING_BODY = {quote: re.compile(rf"(?:[^\\{quote}]|\\.)*", re.DOTALL) for quote in "\"'"}
_ESCAPE = re.compile(r"\\(.)|\*", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'", "*": "*"}


def cut_tokens(text: str) -> list[Token]:
    """Return the tokens of a filter, an END last.

    Raises:
        Mistake: if the text is too long, holds a NUL, or has a string or a character that means nothing.
    """
    if len(text) > MAX_LENGTH:
        raise Mistake(f"A filter has at most {MAX_LENGTH:,} characters, and this one {len(text):,}", MAX_LENGTH)
    if "\x00" in text:
        raise Mistake("A filter cannot hold a NUL character", text.index("\x00"))
    return _scan(text)


def _scan(text: str) -> list[Token]:
    tokens: list[Token] = []
    add = tokens.append
    at, end, depth = 0, len(text), 0
    pattern = _LEFT
    while True:
        match = pattern.match(text, at)
        if match is None:
            at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches everywhere
            if at < end:
                raise Mistake(_unexpected(text, at, after_dot=pattern is _KEY), at)
            add(Token(Sort.END, "", end))
            return tokens
        group = match.lastgroup or ""
        start, at = match.start(group), match.end()
        word = match[group]
        if group == "text":
            sort = _KEYWORDS.get(word, Sort.TEXT) if pattern is not _KEY else Sort.TEXT
            add(Token(sort, word, start, _pieces(word)))
        elif group == "string":
            token, at = _string(text, start)
            add(token)
        else:
            add(Token(_SORTS[group], word, start))
        # A comparison makes the next word a value, a bracket behind it all words up to its end.
        if group == "compare":
            pattern = _RIGHT
        elif group == "dot":
            pattern = _KEY
        elif pattern is not _RIGHT:
            pattern = _LEFT
        else:
            depth += (group == "open") - (group == "close")
            if depth <= 0:
                pattern, depth = _LEFT, 0


def _unexpected(text: str, at: int, *, after_dot: bool) -> str:
    found = excerpt(text[at])
    if text[at] == "!":
        return f"{found} is only known in '!='; negate with NOT or '-'"
    if after_dot:
        return f"{found} cannot follow a dot; a field's name or a key must"
    return f"{found} has no place here; put text that holds it in quotes"


def _string(text: str, start: int) -> tuple[Token, int]:
    quote = text[start]
    body = _STRING_BODY[quote].match(text, start + 1)
    end = body.end() if body else start + 1
    if end >= len(text):
        raise Mistake(f"The string that begins here has no closing {quote}", start)
    raw = text[start + 1 : end]
    if "\\" not in raw:
        return Token(Sort.STRING, raw, start, _pieces(raw)), end + 1
    parts: list[str] = []
    pieces: list[str] = []
    last = 0
    for match in _ESCAPE.finditer(raw):
        escaped = match[1]
        if escaped is None:
            pieces.append("".join([*parts, raw[last : match.start()]]))
            parts, last = [], match.end()
            continue
        if escaped not in _ESCAPES:
            known = " ".join(f"\\{letter}" for letter in _ESCAPES)
            raise Mistake(f"{excerpt(match[0])} is not an escape; known are {known}", start + 1 + match.start())
        parts += [raw[last : match.start()], _ESCAPES[escaped]]
        last = match.end()
    pieces.append("".join([*parts, raw[last:]]))
    return Token(Sort.STRING, "*".join(pieces), start, tuple(pieces) if len(pieces) > 1 else ()), end + 1


def _pieces(text: str) -> tuple[str, ...]:
    return tuple(text.split("*")) if "*" in text else ()
