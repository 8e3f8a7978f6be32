"""What the conformance tests ask of a provider, whichever it is: clients, people, and how its pages are answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joserfc.jwk import ECKey, RSAKey

    from tests.conformance.page import Form, Page

CALLBACK = "https://rp.example.com/callback"
"""Where answers to the tests' clients go. Nobody listens there: the browser stops in front of it."""
SIGNED_OUT = "https://rp.example.com/signed-out"
"""Where the tests' clients want people to be sent after signing out."""
SECONDS = 20.0
"""How long an answer may take."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who can sign in."""

    login: str
    """What they type first."""
    password: str = field(repr=False)
    """What they type second."""
    claims: Mapping[str, Any]
    """What the provider knows of them, by the standard names of OIDC Core §5.1."""


@dataclass(frozen=True, kw_only=True)
class Client:
    """A registered client."""

    id: str
    """Its `client_id`."""
    secret: str = field(default="", repr=False)
    """Its secret, where it has one."""
    method: str = "client_secret_basic"
    """How it proves who it is."""
    key: RSAKey | ECKey | None = field(default=None, repr=False)
    """Its key, where it proves itself by assertions."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What it was registered with."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the person in front of the browser wants."""

    person: Person | None = None
    """Who they are, the provider's usual person when None."""
    consent: bool = True
    """Whether they let the client do what it asks for."""
    sign_out: bool = True
    """Whether they want to sign out when they are asked."""
    user_code: str = ""
    """The code that their device shows."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is done on one page."""

    kind: str
    """`sign-in`, `consent`, `sign-out`, `code` or `confirm`."""
    form: Form | None = None
    """The form that is sent."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What is filled in."""
    button: tuple[str, str] | None = None
    """The button that is pressed."""
    link: str = ""
    """The link that is followed, where no form is sent."""


class Provider(Protocol):
    """An OpenID provider under test."""

    name: str
    """`oracle` or `tenon`."""
    issuer: str
    """Its issuer identifier."""
    person: Person
    """Who signs in unless a test says otherwise."""
    other: Person
    """Somebody else."""
    scopes: tuple[str, str]
    """Two scopes of its API that a client may be granted."""
    metadata: Mapping[str, Any]
    """Its discovery document."""
    grace: float
    """Seconds for which a used refresh token gives its successor once more, for answers that were lost on their way."""

    def make_client(self, **metadata: Any) -> Client:
        """Register a client by RFC 7591 metadata, over whichever way the provider has for its administrators."""

    def register(self, **metadata: Any) -> httpx.Response:
        """Ask the registration endpoint (RFC 7591) for a client, with all that the provider wants to see for it."""

    def answer(self, page: Page, wish: Wish) -> Step | None:
        """Say what the person does on a page, or None where there is nothing to do any more."""

    def rotate_keys(self) -> None:
        """Have new keys sign from now on."""

    def forget_client_keys(self) -> None:
        """Have the keys of clients be fetched again, where they are kept for a time without looking."""


def fetch_metadata(issuer: str) -> dict[str, Any]:
    """Return the discovery document of an issuer (OIDC Discovery §4)."""
    answer = httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=SECONDS)
    assert answer.status_code == 200, answer.text
    metadata: dict[str, Any] = answer.json()
    return metadata
