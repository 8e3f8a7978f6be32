"""How often a wrong password may be tried, and how the wait grows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """Somebody's try to sign in."""

    organization: str
    """The organization that was named."""
    email: str = field(repr=False)
    """The address of the account, in lower case, whether it exists or not."""
    address: str
    """Where the try comes from: an IPv4 address, an IPv6 network of 64 bits, or a name for what has neither."""
    kind: str = ""
    """What is tried, each counted beside the others; empty for a password."""
    is_guess: bool = True
    """Whether something may be guessed by it. What only has a mail sent is not kept from where the account has signed
    in by whatever: it is never forgiven, and others could keep the account from its mails."""

    @property
    def account(self) -> str:
        """A name for the account and what is tried from which nobody reads the address."""
        return _name_of(self.organization, *filter(None, (self.kind,)), self.email)

    @property
    def person(self) -> str:
        """A name for the address and what is tried, in whichever organization: many of them may know one account."""
        return _name_of("*", *filter(None, (self.kind,)), self.email)

    @property
    def owner(self) -> str:
        """A name for the account alone."""
        return _name_of(self.organization, self.email)

    @property
    def known_by(self) -> str:
        """The name under which an address has to be known for the account's own limit not to hold."""
        return self.account if self.is_guess else self.owner


def _name_of(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """How many failures are free, and how long the waits after them are."""

    free: int
    """Failures after which there is no wait yet."""
    first_wait: float = 1.0
    """Seconds of the first wait; each further failure doubles it."""
    longest_wait: float = 900.0
    """Seconds that no wait exceeds."""
    memory: float = 3600.0
    """Seconds without a failure after which all are forgotten."""

    def wait_after(self, failures: int) -> float:
        """Return the seconds to wait after that many failures."""
        beyond = failures - self.free
        return 0.0 if beyond <= 0 else min(self.longest_wait, self.first_wait * 2.0 ** min(beyond - 1, 60))


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What is counted, and how much of it is allowed.

    What is allowed for one account is allowed once more for all accounts with its address, in whatever organizations:
    members of several would have as many allowances otherwise. A success takes back what has failed in its own
    organization alone, or else whoever has an account with somebody's address could guess at another one for ever.
    """

    pair: Allowance = field(default_factory=lambda: Allowance(free=20))
    """For one account from one address: this is what a guesser meets, and nobody else."""
    address: Allowance = field(default_factory=lambda: Allowance(free=100))
    """For one address and whatever account: against one guess for each of many accounts."""
    account: Allowance = field(default_factory=lambda: Allowance(free=100))
    """For one account from all addresses (NIST SP 800-63B-4 allows 100 failures in a row).

    It does not hold for addresses from which the user signed in before: no stranger locks a user out of home.
    """
    known_for: float = 30 * 86400.0
    """Seconds that such an address is remembered."""


class Throttle(Protocol):
    """Counts attempts. Each counts as a failure until it is forgiven, so that parallel tries are counted too."""

    async def admit(self, attempt: Attempt) -> None:
        """Count an attempt.

        Raises:
            SignInThrottled: too many failed; the attempt is not to be made.
            ThrottleUnavailable: attempts cannot be counted, so that none may be made.
        """

    async def withdraw(self, attempt: Attempt) -> None:
        """Take an attempt back that was not made after all; earlier failures stay."""

    async def forgive(self, attempt: Attempt) -> None:
        """Take the attempt back, which succeeded, and forget the failures of its account at its address."""
