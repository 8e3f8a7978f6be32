"""How names are turned into one another: resource kinds, request fields, method names."""

from __future__ import annotations

import re

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake(name: str) -> str:
    """Return `UserEvent` or `userEvent` as `user_event`."""
    return _HUMP.sub("_", name).lower()


def pascal(name: str) -> str:
    """Return `user_event` as `UserEvent`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def camel(name: str) -> str:
    """Return `user_event` as `userEvent`."""
    whole = pascal(name)
    return whole[:1].lower() + whole[1:]
