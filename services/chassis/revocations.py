"""Which access tokens are good no more although they have not expired: a set that is read from auth each second."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import httpx

from services.chassis.errors import TenonError
from services.chassis.fetching import Page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from services.chassis.telemetry import Telemetry

REVOCATIONS_PATH = "/internal/revocations"
"""Where auth serves the set, to workloads of the mesh alone: the edge has no route to it."""

_LIMIT = 64 * 1024 * 1024
_SLOW = 5
"""Rounds that fail before it is worth a line in the log."""

_log = logging.getLogger(__name__)


class Revocable(Protocol):
    """What a token says that may be revoked: `chassis.tokens.Claims` is one."""

    @property
    def subject(self) -> str:
        """The claim `sub`."""

    @property
    def client(self) -> str:
        """The claim `client_id`."""

    @property
    def session(self) -> str:
        """The claim `sid`."""

    @property
    def grant(self) -> str:
        """The claim `grant`."""

    @property
    def token_id(self) -> str:
        """The claim `jti`."""

    @property
    def organization(self) -> str:
        """The claim `org`."""

    @property
    def key_id(self) -> str:
        """The id of the key that signed it."""

    @property
    def issued(self) -> float:
        """The claim `iat`."""


class Revoked(Protocol):
    """What a verifier asks of each token, known or not."""

    version: int
    """Differs whenever the set does: what was looked up under the same version need not be looked up again. It is 0
    until there is a set."""

    def concerns(self, claims: Revocable) -> bool:
        """Whether the token was revoked."""


@dataclass(slots=True)
class NothingRevoked:
    """A set that is known and always empty, for those who sign their own tokens."""

    version: int = 1
    """It never changes."""

    def concerns(self, claims: Revocable) -> bool:
        """No token was revoked."""
        del claims
        return False


@dataclass(kw_only=True, slots=True)
class RevokedTokens:
    """The set, kept through any outage of where it comes from."""

    fetch: Callable[[], Awaitable[Mapping[str, float] | None]] = field(repr=False)
    """Reads the set once: by key, the first second of `iat` (Unix epoch) that is good again. None where it has not
    changed since."""
    release: Callable[[], Awaitable[None]] | None = field(default=None, repr=False)
    """Closes what is kept open between two looks."""
    period: float = 1.0
    """Seconds between two looks."""
    clock: Callable[[], float] = time.monotonic
    """Seconds, from any start."""
    version: int = 0
    """Grows with each change; 0 until the set was read once."""
    _before: Mapping[str, float] = field(default_factory=dict, init=False, repr=False)
    _read: float = field(default=float("nan"), init=False, repr=False)
    _failures: int = field(default=0, init=False, repr=False)

    @property
    def before(self) -> Mapping[str, float]:
        """The set as it was read last."""
        return self._before

    @property
    def age(self) -> float:
        """Seconds since the set was last known to be the one of now; not a number before the first time."""
        return self.clock() - self._read

    def concerns(self, claims: Revocable) -> bool:
        """Whether the token was revoked, by whatever it belongs to."""
        before = self._before
        if not before:
            return False
        return any(claims.issued < before.get(key, 0) for key in keys_of(claims))

    async def run(self) -> None:
        """Keep the set fresh until cancelled: often until there is one, then once in a period."""
        try:
            while True:
                found = await self.look()
                await asyncio.sleep(self.period if found or self.version else self.period / 10)
        finally:
            await self.close()

    async def close(self) -> None:
        """Close what is open. Another look opens it again."""
        if self.release is not None:
            await self.release()

    async def look(self) -> bool:
        """Read the set once. Returns False, and keeps the last one, where that fails."""
        try:
            before = await self.fetch()
        except (OSError, ValueError, httpx.HTTPError, TenonError) as error:
            self._failures += 1
            if self._failures == _SLOW:
                _log.warning("cannot read what was revoked, keeping the last set: %s", type(error).__name__)
            return False
        if self._failures >= _SLOW:
            _log.info("what was revoked is read again", extra={"rounds": self._failures})
        if before is not None and (not self.version or before != self._before):
            self._before = before
            self.version += 1
        self._failures, self._read = 0, self.clock()
        return True

    def measure(self, telemetry: Telemetry) -> None:
        """Show the set's age and size among the metrics."""
        telemetry.observe(
            "tenon.revocations.age",
            lambda: self.age if self.version else None,
            "Since it was last read which tokens are revoked.",
            unit="s",
        )
        telemetry.observe("tenon.revocations.size", lambda: len(self._before), "Entries in the set of revoked tokens.")


def keys_of(claims: Revocable) -> tuple[str, ...]:
    """Return the keys of the set that concern a token."""
    named = (
        ("session", claims.session),
        ("grant", claims.grant),
        ("subject", claims.subject),
        ("client", claims.client),
        ("token", claims.token_id),
        ("organization", claims.organization),
        ("acting", f"{claims.organization}/{claims.subject}" if claims.organization else ""),
        ("key", claims.key_id),
    )
    return tuple(f"{kind}:{value}" for kind, value in named if value)


def write_revocations(before: Mapping[str, float]) -> bytes:
    """Return the document of a set: by key, the first second of `iat` (Unix epoch) that is good again."""
    return json.dumps({"revocations": dict(before)}, separators=(",", ":")).encode()


def read_revocations(document: bytes) -> dict[str, float]:
    """Return the set of a document.

    Raises:
        ValueError: it is none.
    """
    parsed = json.loads(document)
    before = parsed.get("revocations") if isinstance(parsed, dict) else None
    if not isinstance(before, dict) or not all(type(second) in {int, float} for second in before.values()):
        raise ValueError("This is no set of revocations.")
    return before


def http_revocations(endpoint: str, *, certs: Path | None = None, timeout: float = 3.0) -> RevokedTokens:
    """Return the set that auth serves at `unix:<path>` or `http(s)://host`; `certs` are as for `http_fetch`."""
    page = Page(endpoint=endpoint, path=REVOCATIONS_PATH, certs=certs, limit=_LIMIT, timeout=timeout)

    async def fetch() -> Mapping[str, float] | None:
        document = await page.read_changed()
        try:
            return None if document is None else read_revocations(document)
        except ValueError:
            # Otherwise its tag would say next time that nothing has changed.
            await page.close()
            raise

    return RevokedTokens(fetch=fetch, release=page.close)
