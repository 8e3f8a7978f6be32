"""Federated sign-ins that wait: for a provider's answer, for the browser that asked, or for consent to a link."""

from __future__ import annotations

import enum
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

LIFETIME = timedelta(minutes=15)
"""For so long each of them waits."""

_TOKEN_BYTES = 32


class Stage(enum.StrEnum):
    """What it waits for."""

    ASKED = "asked"
    """A provider's answer."""
    HEARD = "heard"
    """The browser that has asked: the answer came by a form of another site, with which no cookie of ours goes."""
    OFFERED = "offered"
    """The person, to prove that the account is theirs to which the identity is to be linked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Purpose:
    """What somebody comes by a provider for."""

    flow: str = ""
    """The authorization that waits, or empty."""
    to: str = ""
    """The page of ours to go to where no client waits."""
    user: str = ""
    """The user to whom the identity is to be linked; empty where it is to sign in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A federated sign-in that waits."""

    id: bytes = field(repr=False)
    """SHA-256 of the token that comes back."""
    stage: Stage
    """What it waits for."""
    organization: str
    """The provider's organization."""
    provider: str
    """Name of the provider."""
    browser: bytes = field(repr=False)
    """SHA-256 of the cookie of the browser in which it began: it goes on in no other."""
    purpose: Purpose
    """What it is for."""
    kept: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What else has to be known then; it is kept sealed."""
    expires: datetime
    """When it is forgotten."""


class WaitingRoom(Protocol):
    """Keeps them. Each is taken once."""

    async def keep(self, waiting: Waiting) -> None:
        """Keep one."""

    async def find(self, token: bytes, stage: Stage, *, now: datetime) -> Waiting | None:
        """Return one that has not expired."""

    async def take(self, token: bytes, stage: Stage, *, now: datetime) -> Waiting | None:
        """Forget one that has not expired and return it: of two who take it, one gets it."""

    async def prune(self, *, now: datetime) -> None:
        """Forget those that have expired."""


def generate_token() -> str:
    """Return 256 random bits."""
    return secrets.token_urlsafe(_TOKEN_BYTES)
