"""What a provider says about a person, and how we ask it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import normalize_email
from services.auth.domain.authentication import FEDERATED, LEVELS, SEVERAL
from services.auth.domain.errors import FederatedSignInInvalid
from services.auth.domain.federation.providers import (
    DISPLAY_NAME,
    EMAIL,
    EMAIL_VERIFIED,
    SUBJECT,
    is_subject,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from services.auth.domain.federation.providers import Provider

_LONGEST_EMAIL = 254
_LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a provider has said, once its signature and all that it is bound to are checked."""

    subject: str = field(repr=False)
    """The provider's own name of the person."""
    claims: Mapping[str, object] = field(default_factory=dict, repr=False)
    """What it says of the person, by its own names."""
    contexts: tuple[str, ...] = ()
    """How it has seen who they are: its `acr` and `amr`, or its AuthnContextClassRef."""
    time: datetime | None = None
    """When it has seen that, if it says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assertion:
    """What is to be known of somebody who comes by a provider, in our words."""

    subject: str = field(repr=False)
    """The provider's own name of the person, which it gives nobody else."""
    email: str = field(default="", repr=False)
    """Their address, in lower case, or empty."""
    email_verified: bool = False
    """Whether the provider says that it is theirs, and is trusted to."""
    display_name: str = field(default="", repr=False)
    """Their name, or empty."""
    methods: tuple[str, ...] = (FEDERATED,)
    """What it adds to `amr`."""
    time: datetime | None = None
    """When the provider has seen who they are, or None for just now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is asked of a provider."""

    login_hint: str = field(default="", repr=False)
    """Who is likely to sign in, or empty."""
    fresh: bool = False
    """Whether it has to ask the person once more."""
    max_age: int | None = None
    """Seconds that the person's proof may be old, or None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request to a provider."""

    url: str = field(repr=False)
    """Where the browser goes with it."""
    kept: Mapping[str, str] = field(repr=False)
    """What the answer is held against."""


class Speaking(Protocol):
    """Speaks a protocol to providers."""

    async def ask(self, provider: Provider, state: str, wish: Wish) -> Asked:
        """Return a request, whose answer carries the state. Raises `IdentityProviderUnavailable`."""

    async def hear(self, provider: Provider, answer: Mapping[str, str], kept: Mapping[str, str]) -> Said:
        """Return what an answer says, if every check holds.

        Raises:
            FederatedSignInInvalid: a check does not hold.
            FederatedSignInRefused: the provider has signed nobody in.
            IdentityProviderUnavailable: the provider does not answer us.
        """


def read_assertion(provider: Provider, said: Said) -> Assertion:
    """Return what a provider has said in our words. Raises `FederatedSignInInvalid` where it names nobody."""
    subject = said.claims.get(provider.claims[SUBJECT]) if provider.claims.get(SUBJECT) else said.subject
    if not isinstance(subject, str) or not is_subject(subject):
        raise FederatedSignInInvalid("It names nobody.")
    email = _read_email(said.claims.get(provider.claim(EMAIL)))
    several = provider.level_of(said.contexts) != LEVELS[0]
    return Assertion(
        subject=subject,
        email=email,
        email_verified=bool(email) and provider.trusts_email and _is_verified(provider, said.claims),
        display_name=_read_name(said.claims.get(provider.claim(DISPLAY_NAME))),
        methods=(FEDERATED, SEVERAL) if several else (FEDERATED,),
        time=said.time,
    )


def _is_verified(provider: Provider, claims: Mapping[str, object]) -> bool:
    """Whether the provider says that the address is the person's.

    A SAML provider has no word for it unless one is mapped: those that are trusted say so by naming an address.
    """
    name = provider.claim(EMAIL_VERIFIED)
    return not name or claims.get(name) in (True, "true", "True", "1")


def _read_email(value: object) -> str:
    text = normalize_email(value) if isinstance(value, str) else ""
    local, _, domain = text.rpartition("@")
    good = local and domain and len(text) <= _LONGEST_EMAIL and text.isprintable() and not set(text) & set(" <>,;")
    return text if good else ""


def _read_name(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return text[:_LONGEST_NAME] if text.isprintable() else ""


def first_of(values: Sequence[str]) -> object:
    """Return one value where there is one, and all where there are several."""
    return values[0] if len(values) == 1 else list(values)
