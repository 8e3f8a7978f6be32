"""How somebody has proven who they are, and how strong that is (NIST SP 800-63B-4 §2; RFC 8176)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

LEVELS = ("aal1", "aal2", "aal3")
"""The levels of assurance, weakest first: the values of `acr`."""

PASSWORD = "pwd"  # noqa: S105 - a method (RFC 8176 §2), not a secret
"""A password."""

ONE_TIME_CODE = "otp"
"""A code that works once: of an authenticator app, of a list, or sent by mail."""

MAILED = "mail"
"""A code or a link that was sent by mail. It is told as `otp`, and adds up with a password to no second factor: whoever
has the mailbox can have the password replaced too (NIST SP 800-63B-4 §3.1.3.1)."""

HARDWARE_KEY = "hwk"
"""A passkey that its device does not give away."""

SOFTWARE_KEY = "swk"
"""A passkey that may be copied to other devices of its owner."""

USER_VERIFIED = "user"
"""The device itself has asked for a PIN or a biometric."""

FEDERATED = "fed"
"""Somebody else's identity provider says so; no registered value fits."""

SEVERAL = "mfa"
"""More than one factor."""

_KNOWN = {PASSWORD, FEDERATED}
_HELD = {ONE_TIME_CODE, HARDWARE_KEY, SOFTWARE_KEY}


@dataclass(frozen=True, kw_only=True, slots=True)
class Authentication:
    """One proof, of one or more factors."""

    time: datetime
    """When the last factor was shown: `auth_time`."""
    methods: tuple[str, ...]
    """How it was shown: the values of `amr`."""

    @property
    def level(self) -> str:
        """Return the level: `aal3` for a verified passkey bound to its device, `aal2` for two factors."""
        methods = set(self.methods)
        verified = USER_VERIFIED in methods
        if verified and HARDWARE_KEY in methods:
            return "aal3"
        if verified and SOFTWARE_KEY in methods:
            return "aal2"
        if SEVERAL in methods:
            return "aal2"
        return "aal2" if methods & _KNOWN and methods & _HELD else "aal1"

    def satisfies(self, level: str, max_age: timedelta | None, now: datetime) -> bool:
        """Whether it is at least as strong as `level` (any, where empty) and no older than `max_age`."""
        fresh = max_age is None or now - self.time <= max_age
        return fresh and (not level or reaches(self.level, level))

    def joined(self, other: Authentication) -> Authentication:
        """Return both proofs as one, as recent as the later one, `other`.

        The highest level is that of one proof and adds up from no others: where the later one does not reach it, it is
        not reached anew (NIST SP 800-63B-4 §2.3.3), and several factors remain.
        """
        methods = tuple(dict.fromkeys((*self.methods, *other.methods)))
        joined = Authentication(time=max(self.time, other.time), methods=methods)
        if not other.methods or joined.level != LEVELS[2] or other.level == LEVELS[2]:
            return joined
        weaker = (*(method for method in methods if method not in {USER_VERIFIED, SEVERAL}), SEVERAL)
        return Authentication(time=joined.time, methods=weaker)

    @property
    def claimed(self) -> tuple[str, ...]:
        """Return the values of `amr`, `mfa` among them where there is more than one factor."""
        several = self.level != LEVELS[0] and SEVERAL not in self.methods
        told = dict.fromkeys(ONE_TIME_CODE if method == MAILED else method for method in self.methods)
        return (*told, SEVERAL) if several else tuple(told)


def reaches(level: str, wanted: str) -> bool:
    """Whether a level is at least the one that is wanted; what is no level of ours is reached by none."""
    return level in LEVELS and wanted in LEVELS and LEVELS.index(level) >= LEVELS.index(wanted)
