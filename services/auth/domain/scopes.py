"""What a client may be given by a scope (RFC 6749 §3.3; OpenID Connect Core §5.4)."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from services.auth.domain.permissions import intersect

if TYPE_CHECKING:
    from collections.abc import Collection

EVERYTHING_HELD = "tenon"
"""The scope of all that the account holds, for clients of our own."""

OPENID, PROFILE, EMAIL, ADDRESS, PHONE = "openid", "profile", "email", "address", "phone"
OFFLINE = "offline_access"
"""The scope of a refresh token."""

CLAIMS = (OPENID, PROFILE, EMAIL, ADDRESS, PHONE, OFFLINE)
"""The scopes of OpenID Connect, which grant no permission."""

_PATTERN = re.compile(r"\*|[a-z][A-Za-z0-9_]*\.(\*|[a-z][A-Za-z0-9_]*\.(\*|[a-z][A-Za-z0-9_]*))")


def split_scope(scope: str) -> tuple[str, ...]:
    """Return the scopes of a request, each once, in order."""
    return tuple(dict.fromkeys(scope.split()))


def is_pattern(scope: str) -> bool:
    """Whether a scope is a permission or a pattern of permissions."""
    return _PATTERN.fullmatch(scope) is not None


def is_known(scope: str) -> bool:
    """Whether a scope means anything here."""
    return scope in CLAIMS or scope == EVERYTHING_HELD or is_pattern(scope)


def narrow(held: Collection[str], scope: str) -> frozenset[str]:
    """Return what a token of that scope grants, of what its account holds."""
    return _narrowed(frozenset(held), scope)


# The same few roles meet the same few scopes, over and over.
@functools.lru_cache(maxsize=4096)
def _narrowed(held: frozenset[str], scope: str) -> frozenset[str]:
    scopes = split_scope(scope)
    if EVERYTHING_HELD in scopes:
        return held
    return intersect([name for name in scopes if is_pattern(name)], held)
