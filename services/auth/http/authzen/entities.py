"""Subjects, actions and resources as AuthZEN has them (Authorization API 1.0 §5), read out of JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.chassis.errors import InvalidArgument, Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_BODY = 256 * 1024
"""Bytes of the largest request."""

JSON_TYPE = "application/json"
"""The only type of requests and answers."""


class RequestMalformed(InvalidArgument):
    """The request is not as the standard has it."""

    def __init__(self, field_: str, description: str) -> None:
        """Take the path of the member, and what is wrong with it."""
        super().__init__(f"{field_}: {description}", violations=[Violation(field=field_, description=description)])


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """A subject or a resource."""

    type: str
    """Its type."""
    id: str
    """Its id; empty where all of a type are searched."""
    properties: Mapping[str, object] = field(default_factory=dict)
    """What the caller says of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """What is to be done."""

    name: str
    """Its name."""
    properties: Mapping[str, object] = field(default_factory=dict)
    """What the caller says of it."""


def read_body(body: bytes, content_type: str) -> dict[str, Any]:
    """Return the object that a request holds. Raises `RequestMalformed`."""
    if content_type.partition(";")[0].strip().lower() != JSON_TYPE:
        raise RequestMalformed("Content-Type", f"It has to be {JSON_TYPE}.")
    if len(body) > LARGEST_BODY:
        raise RequestMalformed("body", f"It has more than {LARGEST_BODY} bytes.")
    try:
        said = json.loads(body, parse_constant=_refuse)
        # An escape may write half a character, which no answer and no database can hold (RFC 8259 §8.2).
        json.dumps(said, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise RequestMalformed("body", "It is no JSON.") from error
    return read_object(said, "body")


def read_object(value: object, path: str) -> dict[str, Any]:
    """Return a value that has to be an object. Raises `RequestMalformed`."""
    if not isinstance(value, dict):
        raise RequestMalformed(path, "It has to be an object.")
    return value


def read_entity(request: Mapping[str, Any], name: str, *, whole: bool = True) -> Entity:
    """Return a subject or resource; without its id where not the `whole` is asked for. Raises `RequestMalformed`."""
    value = read_object(request.get(name), name)
    return Entity(
        type=_text(value, "type", name),
        id=_text(value, "id", name) if whole else "",
        properties=_properties(value, name),
    )


def read_action(request: Mapping[str, Any]) -> Action:
    """Return the action. Raises `RequestMalformed`."""
    value = read_object(request.get("action"), "action")
    return Action(name=_text(value, "name", "action"), properties=_properties(value, "action"))


def read_context(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context, which may be left out. Raises `RequestMalformed`."""
    return read_object(request.get("context", {}), "context")


def merge(defaults: Mapping[str, Any], one: Mapping[str, Any]) -> dict[str, Any]:
    """Return one of several evaluations with the defaults for what it lacks (§7.1.1).

    Each part replaces the default as a whole, but takes from it what every part of its kind has to have.
    """
    merged = {name: value for name, value in defaults.items() if name in {"subject", "action", "resource", "context"}}
    for name, value in one.items():
        default = defaults.get(name)
        if name != "context" and isinstance(value, dict) and isinstance(default, dict):
            merged[name] = {key: default[key] for key in ("type", "id", "name") if key in default} | value
        else:
            merged[name] = value
    return merged


def _text(value: Mapping[str, Any], name: str, path: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not text:
        raise RequestMalformed(f"{path}.{name}", "It has to be a text that is not empty.")
    return text


def _properties(value: Mapping[str, Any], path: str) -> dict[str, Any]:
    return read_object(value.get("properties", {}), f"{path}.properties")


def _refuse(constant: str) -> object:
    raise ValueError(constant)
