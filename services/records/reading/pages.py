"""Page sizes and page tokens of List requests (AIP-158)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from services.chassis.errors import InvalidArgument, Violation
from services.chassis.keyring import SealBroken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message

    from services.chassis.keyring import Keyring

DEFAULT_PAGE_SIZE = 50
"""Rows of a page where the request names no size."""

MAX_PAGE_SIZE = 1000
"""The most rows of a page; a larger size is coerced to it."""

MAX_SKIP = 100_000
"""The most rows that a request may skip: they are read all the same."""

MAX_TOKEN_LENGTH = 16 * 1024
"""The longest text that is looked at as a page token, in characters."""

KeyValue = str | int | float | bool | datetime | Decimal | None
"""A value of an order key, as the pool returns it: times are in UTC."""

_VERSION = 1
_PAGING_FIELDS = ("page_size", "page_token", "skip")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")


class PageTokenInvalid(InvalidArgument):
    """The page token was not made here, or not for this request."""

    reason = "PAGE_TOKEN_INVALID"

    def __init__(self, description: str) -> None:
        """Take what is wrong with it."""
        super().__init__(description, violations=[Violation(field="page_token", description=description)])


def page_size(requested: int) -> int:
    """Return how many rows a page has: the default for 0, at most 1,000.

    Raises:
        InvalidArgument: if it is negative.
    """
    if requested < 0:
        description = "The page size must not be negative; leave it out or 0 for the default."
        raise InvalidArgument(description, violations=[Violation(field="page_size", description=description)])
    return min(requested, MAX_PAGE_SIZE) or DEFAULT_PAGE_SIZE


def rows_to_skip(requested: int) -> int:
    """Return how many rows are left out before the page.

    Raises:
        InvalidArgument: if it is negative, or more than `MAX_SKIP`.
    """
    if 0 <= requested <= MAX_SKIP:
        return requested
    description = f"At most {MAX_SKIP:,} records can be skipped, and no fewer than 0; go further by page tokens."
    raise InvalidArgument(description, violations=[Violation(field="skip", description=description)])


def fingerprint(method: str, organization: str, request: Message, *, shape: str = "") -> bytes:
    """Return a digest of all that a page token is bound to: whose rows, and every argument but those of paging.

    `method` is the RPC's path. `shape` is what else must not differ between two pages, such as the types of the
    order's keys (`Ordering.shape`), which a new version of the contract may change.
    """
    arguments = type(request)()
    arguments.CopyFrom(request)
    for name in _PAGING_FIELDS:
        if name in request.DESCRIPTOR.fields_by_name:
            arguments.ClearField(name)
    digest = hashlib.sha256()
    for part in (
        method.encode(),
        organization.encode(),
        shape.encode(),
        arguments.SerializeToString(deterministic=True),
    ):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()[:16]


class PageTokens:
    """Makes and opens page tokens: sealed, URL-safe, and without any authority of their own."""

    __slots__ = ("_sealer",)

    def __init__(self, keyring: Keyring) -> None:
        """Take the keyring that page tokens are sealed by."""
        self._sealer = keyring.sealer("page-token")

    def seal(self, values: Sequence[KeyValue], bound_to: bytes) -> str:
        """Return a token for the page after the row with these order keys; `bound_to` is the request's fingerprint."""
        content = bytes([_VERSION]) + bound_to + _encode(values)
        return _to_text(self._sealer.seal(content))

    def open(self, token: str, bound_to: bytes) -> tuple[KeyValue, ...]:
        """Return the order keys of the row before the page.

        Raises:
            PageTokenInvalid: if the token was changed, is not from here, or its request had other arguments.
        """
        if len(token) > MAX_TOKEN_LENGTH or not _TOKEN.fullmatch(token):
            raise PageTokenInvalid("The page token is not one of this service's; send next_page_token unchanged.")
        try:
            content = self._sealer.open(_from_text(token))
        except (SealBroken, binascii.Error):
            raise PageTokenInvalid(
                "The page token is damaged or out of date; send next_page_token unchanged, or begin again without one."
            ) from None
        if content[0] != _VERSION:
            raise PageTokenInvalid("The page token is of another version; begin again without one.")
        split = 1 + len(bound_to)
        if content[1:split] != bound_to:
            raise PageTokenInvalid(
                "The page token belongs to a request with other arguments; only page_size may change between pages."
            )
        return _decode(content[split:])


def _to_text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _from_text(token: str) -> bytes:
    sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    # The last character holds bits that decoding drops: a token that differs in those alone was changed too.
    if _to_text(sealed) != token:
        raise binascii.Error("not canonical")
    return sealed


def _encode(values: Sequence[KeyValue]) -> bytes:
    return json.dumps([_to_json(value) for value in values], ensure_ascii=False, separators=(",", ":")).encode()


def _decode(text: bytes) -> tuple[KeyValue, ...]:
    return tuple(_from_json(value) for value in json.loads(text))


def _to_json(value: KeyValue) -> object:
    # Tagged where JSON would lose the type; whole numbers, texts and truths are themselves.
    if isinstance(value, datetime):
        return {"t": (value - _EPOCH) // _MICROSECOND}
    if isinstance(value, Decimal):
        return {"d": str(value)}
    if isinstance(value, float):
        return {"f": value.hex()}
    return value


def _from_json(value: object) -> KeyValue:
    if not isinstance(value, dict):
        if value is None or isinstance(value, str | int):
            return value
        raise TypeError(f"A page token holds {type(value).__name__}.")
    ((tag, content),) = value.items()
    if tag == "t":
        return _EPOCH + timedelta(microseconds=content)
    return Decimal(content) if tag == "d" else float.fromhex(content)
