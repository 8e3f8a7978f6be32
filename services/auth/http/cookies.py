"""The cookies of auth's pages: the one that says who is signed in, and the one that their forms are bound to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

SESSION = "tenon-session"
"""Says who is signed in at this browser."""

FORM = "tenon-form"
"""Is random; forms that come back prove that they were made for this browser."""

ATTEMPT = "tenon-attempt"
"""Says which sign-in is under way at this browser."""

FEDERATION = "tenon-federation"
"""Is random; what a provider answers is good in the browser alone in which it was asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cookie:
    """A cookie of one browser that no script reads and no other site's form carries (ASVS 5.0 3.3.1 to 3.3.4)."""

    name: str
    """Its name; with the prefix `__Host-` nobody but this host can set it (RFC 6265bis §4.1.3.2)."""
    secure: bool
    """Whether it goes over TLS alone, which is so wherever the issuer has it."""

    @classmethod
    def at(cls, issuer: str, purpose: str = SESSION) -> Cookie:
        """Return a cookie of an issuer: `Secure` and bound to its host, but for plaintext on a laptop."""
        secure = urlsplit(issuer).scheme == "https"
        return cls(name=f"__Host-{purpose}" if secure else purpose, secure=secure)

    def read(self, request: Request) -> str:
        """Return its value, or nothing."""
        return request.cookies.get(self.name, "")

    def set(self, response: Response, value: str, *, seconds: int | None = None) -> None:
        """Have the browser keep a value for so long; until it is closed where `seconds` is None."""
        response.set_cookie(
            self.name, value, max_age=seconds, path="/", secure=self.secure, httponly=True, samesite="lax"
        )

    def clear(self, response: Response) -> None:
        """Have the browser forget it."""
        response.delete_cookie(self.name, path="/", secure=self.secure, httponly=True, samesite="lax")
