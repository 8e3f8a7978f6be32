"""Reads forms, and believes none that another site made (OWASP: signed double submit; ASVS 5.0 3.5.1)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from services.auth.http.pages.refusals import FormForeign, FormOutdated, FormTooLarge, FormUnreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

TOKEN_FIELD = "form_token"  # noqa: S105 - the name of the field
"""The field that proves a form to be ours."""

LARGEST = 64 * 1024
"""Bytes of the largest form: a passkey's answer is the longest that is sent."""

LONGEST_VALUE = 4096
"""Characters of the longest value of any field but `LONG_FIELDS`: what strangers type in may be kept for a while."""

LONG_FIELDS = frozenset({"credential", "SAMLResponse"})
"""The fields of what programs answer: a passkey, and another provider."""

_MOST_FIELDS = 64
_NONCE_BYTES = 16
_SECRET_BYTES = 32
_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True, kw_only=True, slots=True)
class Binding:
    """What the forms of one browser are bound to: its random cookie, and its session."""

    secret: str
    """The cookie of forms: 256 random bits."""
    session: str = ""
    """The cookie of the session, so that a form that was shown before sign-in is not taken after it."""

    @classmethod
    def fresh(cls, session: str = "") -> Binding:
        """Return the binding of a browser that has no cookie of forms yet."""
        return cls(secret=secrets.token_urlsafe(_SECRET_BYTES), session=session)

    def issue(self) -> str:
        """Return a token for one form: another each time, so that compression gives nothing away (BREACH)."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.urlsafe_b64encode(nonce + self._digest(nonce)).decode().rstrip("=")

    def check(self, token: str) -> None:
        """Check the token of a form that came back. Raises `FormOutdated`."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError) as error:
            raise FormOutdated from error
        nonce, digest = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
        if not self.secret or not hmac.compare_digest(digest, self._digest(nonce)):
            raise FormOutdated

    def _digest(self, nonce: bytes) -> bytes:
        bound = hashlib.sha256(self.session.encode("utf-8", "surrogateescape")).digest()
        return hmac.digest(self.secret.encode("utf-8", "surrogateescape"), nonce + bound, "sha256")


def check_source(request: Request, issuer: str) -> None:
    """Refuse a form that the browser says another site sent, or about which it says nothing. Raises `FormForeign`."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site == "same-origin":
            return
        raise FormForeign
    parts = urlsplit(issuer)
    if request.headers.get("origin") != f"{parts.scheme}://{parts.netloc}":
        raise FormForeign


async def read_form(request: Request, largest: int = LARGEST) -> Mapping[str, str]:
    """Return the fields of a form.

    Raises:
        FormTooLarge: it is longer than any of ours.
        FormUnreadable: it is no form, or names a field twice.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise FormUnreadable
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > largest:
            raise FormTooLarge
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise FormUnreadable from error
    if any(len(value) > LONGEST_VALUE for name, value in pairs if name not in LONG_FIELDS):
        raise FormTooLarge
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise FormUnreadable
    return fields
