"""Path templates of `google.api.http`: what they bind, and whether two of them match a common path."""

from __future__ import annotations

import re
from dataclasses import dataclass

ONE = "*"
"""Matches one segment."""
REST = "**"
"""Matches any number of segments, none too."""

_PART = re.compile(r"/(?:\{(?P<variable>[^{}]*)\}|(?P<segment>[^/{}]+))")
_FIELD_PATH = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*(\.[a-zA-Z_][a-zA-Z0-9_]*)*")
_LITERAL = re.compile(r"[A-Za-z0-9._~%!$&'()+,;=@-]+")


class TemplateError(ValueError):
    """A path template does not follow the grammar of `google.api.http`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """A part of a path that fills a field of the request."""

    field: str
    """Path of the field, such as `book.name`."""
    segments: tuple[str, ...]
    """The segments that it takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A parsed path template."""

    segments: tuple[str, ...]
    """Literals, `*` and `**`, those of variables among them."""
    verb: str
    """What follows the colon, or empty."""
    variables: tuple[Variable, ...]
    """What it binds, in order."""

    def variable(self, field: str) -> Variable | None:
        """Return the variable that fills the field, or None."""
        return next((variable for variable in self.variables if variable.field == field), None)


def parse_template(text: str) -> Template:
    """Parse a template such as `/library/v1/{name=shelves/*}:archive`.

    Raises TemplateError where it does not follow the grammar in google/api/http.proto.
    """
    path, verb = _split_verb(text)
    segments: list[str] = []
    variables: list[Variable] = []
    end = 0
    while part := _PART.match(path, end):
        end = part.end()
        if (variable := part["variable"]) is not None:
            variables.append(_variable(variable))
            segments.extend(variables[-1].segments)
        else:
            segments.append(_segment(part["segment"]))
    if end != len(path) or not segments:
        raise TemplateError(f"{text!r} stops following the grammar at {path[end:]!r}")
    if REST in segments[:-1]:
        raise TemplateError(f"{text!r} has ** before its last segment")
    if len({variable.field for variable in variables}) != len(variables):
        raise TemplateError(f"{text!r} binds a field twice")
    return Template(segments=tuple(segments), verb=verb, variables=tuple(variables))


def overlap(one: Template, other: Template) -> bool:
    """Whether some path matches both templates. A path's verb is what follows the colon in its last segment."""
    return one.verb == other.verb and segments_meet(one.segments, other.segments)


def segments_meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether some sequence of segments matches both."""
    if not one or not other:
        return all(segment == REST for segment in one + other)
    if REST in {one[0], other[0]}:
        rest, against = (one, other) if one[0] == REST else (other, one)
        return segments_meet(rest[1:], against) or segments_meet(rest, against[1:])
    return (one[0] == other[0] or ONE in {one[0], other[0]}) and segments_meet(one[1:], other[1:])


def _split_verb(text: str) -> tuple[str, str]:
    colon = text.find(":", max(text.rfind("}"), text.rfind("/")) + 1)
    if colon < 0:
        return text, ""
    verb = text[colon + 1 :]
    if not _LITERAL.fullmatch(verb):
        raise TemplateError(f"{text!r} has no verb after its colon")
    return text[:colon], verb


def _variable(text: str) -> Variable:
    field, equals, pattern = text.partition("=")
    if not _FIELD_PATH.fullmatch(field):
        raise TemplateError(f"{{{text}}} does not name a field")
    segments = tuple(_segment(part) for part in pattern.split("/")) if equals else (ONE,)
    return Variable(field=field, segments=segments)


def _segment(text: str) -> str:
    if text not in {ONE, REST} and not _LITERAL.fullmatch(text):
        raise TemplateError(f"{text!r} is no segment of a path")
    return text
