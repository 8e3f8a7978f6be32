"""A row of a file, whatever the file's form: somebody who is to be taken over, or why that cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tenon.auth.v1 import adoption_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXTS = (
    "email",
    "display_name",
    "given_name",
    "family_name",
    "locale",
    "zone",
    "phone_number",
    "picture_uri",
    "password_hash",
)
"""Fields that are texts."""

FLAGS = ("disabled", "email_verified")
"""Fields that are yes or no."""

NOTES = ("row", "reason", "message")
"""Columns of a file of rejected rows that say why: such a file can be mended and read again."""

_YES = {"true", "yes", "1", "t", "y"}
_NO = {"false", "no", "0", "f", "n", ""}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row."""

    number: int
    """Its line, or its place among a file's users, counted from 1."""
    fields: Mapping[str, Any] = field(repr=False)
    """What it says, as the file of rejected rows says it again."""
    user: pb.AdoptedUser | None = field(default=None, repr=False)
    """Who is to be taken over, or None where the row cannot be read."""
    problem: str = ""
    """Why it cannot be read."""


def read_row(number: int, fields: Mapping[str, Any]) -> Row:
    """Return a row whose fields are named as those of `AdoptedUser`; roles and metadata may be texts."""
    try:
        return Row(number=number, fields=fields, user=_user(fields))
    except (ValueError, TypeError) as error:
        return Row(number=number, fields=fields, problem=str(error))


def _user(fields: Mapping[str, Any]) -> pb.AdoptedUser:
    known = {*TEXTS, *FLAGS, "roles", "metadata", *NOTES}
    if unknown := sorted(name for name in fields if name not in known):
        raise ValueError(f"There is no column {', '.join(unknown)}. There are {', '.join(sorted(known))}.")
    user = pb.AdoptedUser()
    for name in TEXTS:
        setattr(user, name, _text(name, fields.get(name)))
    user.roles.extend(role if role.startswith("roles/") else f"roles/{role}" for role in _roles(fields.get("roles")))
    for name in FLAGS:
        setattr(user, name, _flag(name, fields.get(name)))
    metadata = fields.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise TypeError("metadata is no object.")
    for name, value in metadata.items():
        user.metadata[_text("metadata", name)] = _text("metadata", value)
    return user


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text.")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"{name} holds characters that cannot be kept.")
    return value.strip()


def _roles(value: Any) -> list[str]:
    if isinstance(value, list):
        return [_text("roles", role) for role in value]
    return _text("roles", value).replace(";", " ").replace(",", " ").split()


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = _text(name, value).lower()
    if text not in _YES | _NO:
        raise ValueError(f"{name} is {text!r}, and neither true nor false.")
    return text in _YES
