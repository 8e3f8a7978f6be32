"""Resume tokens: a watcher's place, sealed, and good for the same watch alone."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import TYPE_CHECKING

from services.chassis.errors import InvalidArgument, Violation
from services.chassis.keyring import SealBroken
from services.records.watching.place import Place, Position
from services.records.watching.snapshots import Snapshot

if TYPE_CHECKING:
    from services.chassis.keyring import Keyring

MAX_TOKEN_LENGTH = 48 * 1024
"""The longest text that is looked at as a resume token, in characters; the edge takes 64 KiB of headers."""

_VERSION = 1
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")


class ResumeTokenInvalid(InvalidArgument):
    """The resume token was not made here, or not for this watch."""

    reason = "RESUME_TOKEN_INVALID"

    def __init__(self, description: str) -> None:
        """Take what is wrong with it."""
        super().__init__(description, violations=[Violation(field="resume_token", description=description)])


def bound_to(*parts: str) -> bytes:
    """Return a digest of what a token is bound to, such as the method, whose records they are, and the filter."""
    return hashlib.sha256(json.dumps(parts).encode()).digest()


class ResumeTokens:
    """Seals and opens resume tokens."""

    __slots__ = ("_sealer",)

    def __init__(self, keyring: Keyring) -> None:
        """Take the keyring that they are sealed by."""
        self._sealer = keyring.sealer("resume-token")

    def seal(self, place: Place, bound: bytes) -> str:
        """Return a token for a place; only a watch that is bound to the same may resume there."""
        position = place.position
        content = [
            _VERSION,
            _plain(position.seen),
            None if position.until is None else _plain(position.until),
            position.last,
            place.shown,
            place.page,
        ]
        sealed = self._sealer.seal(json.dumps(content, separators=(",", ":")).encode(), bound)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, token: str, bound: bytes) -> Place:
        """Return the place of a token.

        Raises:
            ResumeTokenInvalid: if it was changed, is not from here, or is another watch's.
        """
        if len(token) > MAX_TOKEN_LENGTH or not _TOKEN.fullmatch(token):
            raise ResumeTokenInvalid("The resume token is not one of this service's; send resume_token unchanged.")
        try:
            sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            content = json.loads(self._sealer.open(sealed, bound))
        except (SealBroken, binascii.Error):
            raise ResumeTokenInvalid(
                "The resume token is damaged, or belongs to a watch by another caller, of another parent or with "
                "another filter; send it with the request that it came from, or begin again without one."
            ) from None
        if content[0] != _VERSION:
            raise ResumeTokenInvalid("The resume token is of another version; begin again without one.")
        _, seen, until, last, shown, page = content
        return Place(Position(_snapshot(seen), None if until is None else _snapshot(until), last), shown, page)


def _plain(snapshot: Snapshot) -> list[int]:
    """Return a snapshot as few digits: the last transaction, and how far before it each running one is."""
    return [snapshot.xmax, *(snapshot.xmax - each for each in snapshot.running)]


def _snapshot(plain: list[int]) -> Snapshot:
    xmax, *behind = plain
    return Snapshot(xmax, frozenset(xmax - each for each in behind))
