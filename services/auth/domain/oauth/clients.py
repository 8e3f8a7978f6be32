"""A client as OAuth sees it: what it is registered for, and where its answers may go."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from services.auth.domain.permissions import is_covered
from services.auth.domain.scopes import EVERYTHING_HELD, is_pattern, split_scope

if TYPE_CHECKING:
    from collections.abc import Iterable
    from urllib.parse import SplitResult

NAME = "clients/"
"""What the names of clients begin with; the rest is the `client_id`."""

NO_AUTHENTICATION = "none"
"""Of a client that can keep no secret."""

BASIC, POST = "client_secret_basic", "client_secret_post"
PRIVATE_KEY, CERTIFICATE = "private_key_jwt", "tls_client_auth"
AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS = "authorization_code", "refresh_token", "client_credentials"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - the name of a grant

_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\])(?::\d{1,5})?(?=[/?]|$)")
_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """A program that is granted something (RFC 6749 §2)."""

    id: str
    """`client_id`."""
    organization: str
    """The organization that has registered it."""
    display_name: str = ""
    """What people know it by."""
    uri: str = ""
    """Its own page, or empty."""
    redirect_uris: tuple[str, ...] = ()
    """Where answers may go."""
    post_logout_redirect_uris: tuple[str, ...] = ()
    """Where people may go once they are signed out."""
    grant_types: frozenset[str] = frozenset()
    """How it may ask for tokens."""
    authentication: str = BASIC
    """How it proves who it is."""
    keys: str = field(default="", repr=False)
    """Its public keys, a JWKS document, or empty."""
    keys_uri: str = ""
    """Where its public keys are published, or empty."""
    certificate_uri: str = ""
    """The identity that its certificate in the mesh proves, or empty."""
    scopes: tuple[str, ...] = ()
    """What it may ask for: scopes, and patterns of permissions."""
    audiences: tuple[str, ...] = ()
    """For whom it may ask for tokens, and whose tokens it may introspect."""
    first_party: bool = False
    """Whether people are not asked for their consent."""
    impersonates: bool = False
    """Whether it may pass for people whose tokens name it as somebody who may act for them (RFC 8693 §4.4)."""
    any_organization: bool = False
    """Whether people of every organization may use it, or those of its own alone."""
    service_account: str = ""
    """Name of the account that it acts as by itself, or empty."""
    id_token_algorithm: str = "RS256"  # noqa: S105 - an algorithm
    """What its id tokens are signed with."""
    userinfo_algorithm: str = ""
    """What answers about the person are signed with, or empty for plain JSON."""
    require_pushed: bool = False
    """Whether it has to push its authorization requests (RFC 9126 §6)."""
    bound_tokens: bool = False
    """Whether its tokens have to be bound to a key (RFC 9449 §5.2)."""
    backchannel_logout_uri: str = ""
    """Where it hears of people who sign out, or empty."""
    disabled: bool = False
    """Whether nobody may use it."""
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """SHA-256 of its secrets that have not expired."""

    @property
    def name(self) -> str:
        """Return the name of its record, which is `sub` where it acts for nobody."""
        return NAME + self.id

    @property
    def is_public(self) -> bool:
        """Whether it can keep no secret."""
        return self.authentication == NO_AUTHENTICATION

    @property
    def is_assured(self) -> bool:
        """Whether nobody can pose as it: it has a secret, or answers go to its own sites alone (RFC 8252 §8.6)."""
        return not self.is_public or all(uri.startswith("https://") for uri in self.redirect_uris)

    def serves(self, organization: str) -> bool:
        """Whether people of an organization may use it."""
        return self.any_organization or self.organization == organization

    def may_have(self, scope: str) -> bool:
        """Whether it may ask for a scope."""
        if scope == EVERYTHING_HELD:
            return self.first_party and scope in self.scopes
        return scope in self.scopes or (is_pattern(scope) and is_covered(scope, self.scopes))

    def allowed(self, scope: str) -> tuple[str, ...]:
        """Return those of the scopes that it may have; others are passed over (RFC 6749 §3.3)."""
        return tuple(name for name in split_scope(scope) if self.may_have(name))

    def may_redirect(self, uri: str) -> bool:
        """Whether answers may go to `uri`: it is one of the list to the letter (RFC 9700 §4.1.3).

        Of an app on the person's own machine the port is free (RFC 8252 §7.3).
        """
        if uri in self.redirect_uris:
            return True
        portless = _without_port(uri) if self.is_public else None
        return portless is not None and any(_without_port(known) == portless for known in self.redirect_uris)


class Clients(Protocol):
    """Finds clients. What it returns may be a second or two old."""

    async def find(self, client_id: str) -> Client | None:
        """Return the client that may be used, of whatever organization."""


def find_problem(uri: str) -> str:
    """Return what is wrong with a redirect URI that is to be registered, or nothing (RFC 9700 §2.1; RFC 8252 §7)."""
    # Of others browsers make something else (`\\` is `/` to them), so that people would be told another host.
    if not _CHARACTERS.fullmatch(uri):
        return "has characters that no URI has"
    if "#" in uri:
        return "has a fragment"
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return "is no URI"
    return _find_place_problem(parts)


def _find_place_problem(parts: SplitResult) -> str:
    if parts.username is not None or "*" in parts.netloc:
        return "has a user or a wildcard"
    if parts.scheme == "https":
        return "" if parts.hostname else "has no host"
    if parts.scheme == "http":
        local = parts.hostname in {"127.0.0.1", "::1", "localhost"}
        return "" if local else "is not encrypted; `http` is for the person's own machine alone"
    own = "." in parts.scheme and not parts.netloc
    return "" if own else "has a scheme that is neither `https` nor an app's own, such as `com.example.app:/callback`"


def find_problems(uris: Iterable[str]) -> dict[int, str]:
    """Return what is wrong with each of the URIs, by its place."""
    return {place: problem for place, uri in enumerate(uris) if (problem := find_problem(uri))}


def _without_port(uri: str) -> str | None:
    found = _LOOPBACK.match(uri)
    return None if found is None else f"http://{found[1]}{uri[found.end() :]}"
