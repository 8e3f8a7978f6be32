"""The addresses of pages that mails lead to."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """Pages of ours."""

    issuer: str
    """Where we are, such as `https://tenon.example`."""

    def sign_in(self, secret: str) -> str:
        """Return the page that finishes a sign-in, in the browser that began it."""
        return self._page("sign-in", secret)

    def reset(self, secret: str) -> str:
        """Return the page where a new password is chosen."""
        return self._page("reset", secret)

    def verify(self, secret: str) -> str:
        """Return the page where an address is confirmed."""
        return self._page("verify", secret)

    def invitation(self, secret: str) -> str:
        """Return the page where an invitation is answered."""
        return self._page("invitation", secret)

    def _page(self, name: str, secret: str) -> str:
        return f"{self.issuer.rstrip('/')}/account/{name}?link={quote(secret)}"
