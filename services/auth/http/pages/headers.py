"""What every page tells the browser so that nothing but it is loaded, framed, kept or told to others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response

_FIXED = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": (
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), "
        "publickey-credentials-create=(self), publickey-credentials-get=(self)"
    ),
    # Under `no-referrer` a browser would send `Origin: null` with our own forms (Fetch §3.2).
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_TLS_ONLY = {"strict-transport-security": "max-age=63072000"}
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action {targets}; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


def guard(response: Response, *, secure: bool, targets: Iterable[str] = ()) -> None:
    """Add the headers of every page (ASVS 5.0 3.4; RFC 9700 §4.16).

    `targets` are addresses that a form of this page may lead to at the end of its redirects: Chromium holds
    `form-action` against each of them.
    """
    allowed = ["'self'", *filter(None, map(source_of, targets))]
    response.headers["content-security-policy"] = _POLICY.format(targets=" ".join(dict.fromkeys(allowed)))
    for name, value in (_FIXED | _TLS_ONLY if secure else _FIXED).items():
        response.headers.setdefault(name, value)


def source_of(address: str) -> str:
    """Return the CSP source of an address: its origin, or its scheme where no host is known to browsers (CSP3 §2.3.1).

    What is no plain address gives nothing, so that none of it gets into the header.
    """
    parts = urlsplit(address)
    if not _SCHEME.fullmatch(parts.scheme) or parts.scheme in {"javascript", "data", "blob", "file"}:
        return ""
    if parts.scheme not in {"http", "https"}:
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}" if _HOST.fullmatch(parts.netloc) else ""
