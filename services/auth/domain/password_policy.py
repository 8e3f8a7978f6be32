"""Which passwords may be chosen (NIST SP 800-63B-4 §3.1.1.2; ASVS 5.0 6.2).

Length and a list of what would be guessed; no rule about kinds of characters, no regular change, nothing cut off.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.auth.domain.errors import PasswordUnsuitable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.auth.domain.accounts import Account

MIN_ALONE = 15
"""Characters of the shortest password that is the only factor."""

MIN_BESIDE = 8
"""Characters of the shortest password of whoever has a second factor."""

MAX_PASSWORD = 128
"""Characters of the longest password, as the contract says too."""

PRODUCT = "tenon"
"""The name of the service, which is the first thing that is tried."""

_SHORTEST_WORD = 4
_LONGEST_UNIT = 4
_OWN = 8
_NO_LETTERS = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def normalize_password(password: str) -> str:
    """Return the password as it is counted, compared and hashed: in NFKC, and otherwise untouched.

    ASVS 5.0 6.2.8 wants a password verified as it was received, NIST SP 800-63B-4 §3.1.1.2 that it is normalised,
    since keyboards differ in how they compose one and the same character. Normalising changes no password of ASCII,
    shortens none to nothing, and keeps nobody out at another keyboard, so that is what is done.
    """
    return unicodedata.normalize("NFKC", password)


@dataclass(frozen=True, kw_only=True, slots=True)
class PasswordPolicy:
    """Says why a password may not be chosen."""

    common: frozenset[str] = field(repr=False)
    """Passwords that are used so often that they are tried first, in lower case."""

    def check(self, password: str, *, account: Account | None = None, second: bool = False) -> None:
        """Refuse a password that would be guessed; `second` says that a second factor is asked for too.

        Raises:
            PasswordUnsuitable: with the reason, and how to choose another.
        """
        plain = normalize_password(password)
        shortest = MIN_BESIDE if second else MIN_ALONE
        if len(plain) < shortest:
            raise PasswordUnsuitable(
                "too_short", f"The password has fewer than {shortest} characters. Several words make a good one."
            )
        if len(plain) > MAX_PASSWORD:
            raise PasswordUnsuitable("too_long", f"The password has more than {MAX_PASSWORD} characters.")
        folded = plain.casefold()
        if self._is_common(folded):
            raise PasswordUnsuitable("common", "Many people use this password, or one like it. Choose another.")
        if not _has_own(folded, _context_of(account)):
            raise PasswordUnsuitable(
                "context", "The password says little more than names that belong to you or to us. Choose another."
            )

    def _is_common(self, folded: str) -> bool:
        bare = _NO_LETTERS.sub("", folded)
        decorated = bare in self.common and len(folded) - len(bare) < _OWN
        return folded in self.common or decorated or _is_run(folded) or self._is_repeated(folded)

    def _is_repeated(self, folded: str) -> bool:
        """Whether it is one short or common piece, over and over."""
        at = (folded + folded).find(folded, 1)
        return at < len(folded) and (at <= _LONGEST_UNIT or folded[:at] in self.common or _is_run(folded[:at]))


def _is_run(text: str) -> bool:
    """Whether each character follows the one before, up or down, as in `12345678` or `fedcba`."""
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(text)}
    # After nine comes zero.
    return (len(steps) <= 1 and steps <= {1, -1, 0}) or (text.isdigit() and steps in ({1, -9}, {-1, 9}))


def _context_of(account: Account | None) -> Iterable[str]:
    yield PRODUCT
    if account is not None:
        local, _, host = account.email.partition("@")
        yield from (account.email, local, host, account.organization, *re.split(r"[^a-z0-9]+", f"{local}.{host}"))


def _has_own(folded: str, words: Iterable[str]) -> bool:
    """Whether enough is left without these words, and without what stands between them."""
    rest = folded
    for word in sorted({word.casefold() for word in words if len(word) >= _SHORTEST_WORD}, key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest == folded or sum(character.isalnum() for character in rest) >= _OWN
