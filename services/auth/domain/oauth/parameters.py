"""The parameters of a request, of which none may be there twice (RFC 6749 §3.1)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.auth.domain.oauth.refusals import invalid_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STATE = "state"
"""What a client wants to see again, of whatever bytes."""

SECRETS = ("client_secret", "client_assertion", "client_assertion_type")
"""What a client proves itself by."""

RESOURCE = "resource"
"""For whom a token is meant; the one parameter that may be repeated (RFC 8707 §2)."""

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Names that are told back: whatever else a refusal repeated could end the quotes that it stands in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameters:
    """What a request says. Those without a value are as if they were left out (RFC 6749 §3.1)."""

    values: Mapping[str, str] = field(repr=False)
    """Each parameter's value."""
    repeated: frozenset[str] = frozenset()
    """Those that are there more than once."""
    resources: tuple[str, ...] = ()
    """For whom a token is meant."""

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Parameters:
        """Sort the pairs of a query or a form."""
        values: dict[str, str] = {}
        repeated: set[str] = set()
        resources: list[str] = []
        for name, value in pairs:
            if name == RESOURCE and value:
                resources.append(value)
            elif name in values:
                repeated.add(name)
            elif name != RESOURCE:
                values[name] = value
        present = {name: value for name, value in values.items() if value}
        return cls(values=present, repeated=frozenset(repeated), resources=tuple(dict.fromkeys(resources)))

    def get(self, name: str) -> str:
        """Return a value, or nothing."""
        return self.values.get(name, "")

    def require(self, name: str) -> str:
        """Return a value. Raises `OAuthError` where there is none."""
        if not (value := self.get(name)):
            raise invalid_request(f"The parameter {name} is missing.")
        return value

    def check(self) -> None:
        """Raise `OAuthError` where a parameter is there twice."""
        if self.repeated:
            names = ", ".join(sorted(filter(_NAME.fullmatch, self.repeated)))
            raise invalid_request(f"A parameter is there more than once: {names}.")
        if not all(_is_text(value) for name, value in self.values.items() if name != STATE):
            raise invalid_request("A parameter is no text in UTF-8.")

    def dump(self) -> bytes:
        """Return it as it is kept, without what a client has proven itself by."""
        kept = {name: value for name, value in self.values.items() if name not in SECRETS}
        return json.dumps([kept, self.resources], separators=(",", ":")).encode()

    @classmethod
    def load(cls, kept: bytes) -> Parameters:
        """Return what was kept."""
        values, resources = json.loads(kept)
        return cls(values=values, resources=tuple(resources))


def _is_text(value: str) -> bool:
    try:
        return "\0" not in value and bool(value.encode())
    except UnicodeEncodeError:
        return False
