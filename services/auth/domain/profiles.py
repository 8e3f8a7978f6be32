"""What people say of themselves, and where it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

LONGEST_NAME = 200
"""Characters of a name, as the contract says too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnProfile:
    """What somebody says of themselves."""

    display_name: str = field(default="", repr=False)
    """The name that is shown to people."""
    given_name: str = field(default="", repr=False)
    """The name that they are called by."""
    family_name: str = field(default="", repr=False)
    """The name that they share with their family."""
    locale: str = ""
    """The language that they read (BCP 47), such as `pt-BR`."""
    zone: str = ""
    """The time zone that they live in (IANA), such as `Europe/Lisbon`."""


class OwnProfiles(Protocol):
    """Keeps profiles with the users whose they are."""

    async def read(self, organization: str, user: str) -> OwnProfile:
        """Return somebody's profile."""

    async def write(self, organization: str, user: str, profile: OwnProfile) -> None:
        """Keep it in place of the one before, as a change that they have made themselves."""
