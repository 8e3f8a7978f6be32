"""How the endpoints of OAuth refuse: by codes that its standards fix (RFC 6749 §4.1.2.1 and §5.2; RFC 6750 §3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class OAuthError(Exception):
    """A refusal that a client can read. It is no `TenonError`: OAuth has a form of its own for it."""

    def __init__(
        self, code: str, description: str, *, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        """Take the code, a sentence for the client's developer (ASCII, RFC 6749 §5.2), and what HTTP says beside."""
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description
        self.status = status
        self.headers = dict(headers or {})


def invalid_request(description: str) -> OAuthError:
    """Return the refusal of a request that nobody could answer."""
    return OAuthError("invalid_request", description)


def invalid_client() -> OAuthError:
    """Return the refusal of a client that has not proven who it is; nobody is told what is wrong."""
    return OAuthError("invalid_client", "The client is unknown, or has not proven that it is this client.", status=401)


def invalid_grant(description: str) -> OAuthError:
    """Return the refusal of a code or a refresh token."""
    return OAuthError("invalid_grant", description)


def invalid_scope(description: str) -> OAuthError:
    """Return the refusal of scopes of which the client may have none."""
    return OAuthError("invalid_scope", description)
