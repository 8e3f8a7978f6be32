"""How objects, subjects and subject sets are written: `documents/readme`, `users/ann`, `users/*`, `groups/x#member`."""

from __future__ import annotations

import re
from typing import NamedTuple

from services.auth.domain.errors.access import AccessQueryInvalid

EVERYBODY = "*"
"""The id that stands for every subject of a type."""

NAME = r"[a-z][A-Za-z0-9_]{0,63}"
"""The pattern of the name of a type, a relation, a permission, a condition or a parameter."""

LONGEST_ID = 256
"""Characters of the longest id of an object."""

_TYPE = re.compile(NAME)
_ID = re.compile(rf"[^\s#*\x00-\x1f\x7f]{{1,{LONGEST_ID}}}")
_ROLE_PERMISSION = re.compile(r"[a-z][A-Za-z0-9_]*\.[a-z][A-Za-z0-9_]*\.[a-z][A-Za-z0-9_]*")


class Object(NamedTuple):
    """Something that relations are about, or a subject of them."""

    type: str
    """Its type, such as `documents`."""
    id: str
    """Its id within the type; `*` for all of a type, as a subject."""

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.type}/{self.id}"


class Node(NamedTuple):
    """A relation or a permission of one object: those who have it are a subject set."""

    type: str
    """The type of the object."""
    id: str
    """The id of the object."""
    name: str
    """The relation or the permission."""

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.type}/{self.id}#{self.name}"


def is_name(text: str) -> bool:
    """Whether a text can name a type, a relation or the like."""
    return _TYPE.fullmatch(text) is not None


def is_role_permission(text: str) -> bool:
    """Whether a text is a permission that roles grant: `service.resource.verb`."""
    return _ROLE_PERMISSION.fullmatch(text) is not None


def make_object(type_: str, id_: str, field: str) -> Object:
    """Return an object of a type and an id. Raises `AccessQueryInvalid` where it cannot be one."""
    if not is_name(type_):
        raise AccessQueryInvalid(field, f"`{type_[:64]}` is no type: it matches {NAME}.")
    if _ID.fullmatch(id_) is None:
        what = f"it has 1 to {LONGEST_ID} characters, none of them blank, `#`, `*` or a control character"
        raise AccessQueryInvalid(field, f"`{id_[:64]}` is no id: {what}.")
    return Object(type_, id_)


def parse_object(text: str, field: str) -> Object:
    """Return the object that a text names, such as `documents/readme`. Raises `AccessQueryInvalid`."""
    type_, slash, id_ = text.partition("/")
    if not slash:
        raise AccessQueryInvalid(field, f"`{text[:64]}` names no object. Write `<type>/<id>`.")
    return make_object(type_, id_, field)


def parse_subject(text: str, field: str) -> tuple[Object, str]:
    """Return what a relation's subject names, and the relation after `#`, or nothing. Raises `AccessQueryInvalid`."""
    body, hash_, relation = text.partition("#")
    type_, slash, id_ = body.partition("/")
    if hash_ and not is_name(relation):
        raise AccessQueryInvalid(field, f"`{relation[:64]}` is no relation: it matches {NAME}.")
    if slash and id_ == EVERYBODY and is_name(type_) and not hash_:
        return Object(type_, EVERYBODY), ""
    return parse_object(body, field), relation
