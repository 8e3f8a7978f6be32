"""The identity providers that an organization trusts, and what each is trusted with."""

from __future__ import annotations

import enum
import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from services.auth.domain.authentication import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NAME = "identityProviders/"
"""What the names of providers begin with."""

BASIC, POST, NONE = "client_secret_basic", "client_secret_post", "none"
"""How we prove to a provider who we are: by a secret, or by nothing but PKCE."""

OPENID = "openid"

SUBJECT, EMAIL, EMAIL_VERIFIED, DISPLAY_NAME = "subject", "email", "email_verified", "display_name"
"""What we want to know of a person, by the keys of `claims`."""

STANDARD_CLAIMS = {SUBJECT: "sub", EMAIL: "email", EMAIL_VERIFIED: "email_verified", DISPLAY_NAME: "name"}
"""The claims of OpenID Connect that say so, where a provider has no others (OIDC Core §5.1)."""

HIGHEST = "aal2"
"""The highest level that a provider's word is good for: nobody here has seen the factors."""

_LONGEST_SUBJECT = 255


class Kind(enum.StrEnum):
    """What a provider speaks."""

    OIDC = "oidc"
    """OpenID Connect Core 1.0, the code flow."""
    SAML = "saml"
    """SAML 2.0, the browser profile, begun by us."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """An identity provider of one organization."""

    organization: str
    """The organization whose people sign in by it."""
    name: str
    """Its name, such as `identityProviders/0198…`."""
    display_name: str
    """What people know it by."""
    kind: Kind
    """What it speaks."""
    disabled: bool = False
    """Whether nobody signs in by it."""
    issuer: str
    """The issuer of its tokens, or the entity id of its assertions, compared to the letter."""
    client_id: str = ""
    """Who we are to it; as a SAML service provider we are our metadata's address."""
    scopes: tuple[str, ...] = ()
    """What we ask for beside `openid`; `email` and `profile` where empty."""
    authentication: str = BASIC
    """How we prove to it who we are."""
    sign_in_url: str = ""
    """Where a SAML provider takes requests by the redirect binding."""
    certificates: tuple[str, ...] = ()
    """The certificates that a SAML provider signs with, PEM: several while one takes the place of another."""
    sign_requests: bool = False
    """Whether our requests to a SAML provider are signed."""
    name_id_format: str = ""
    """The format of the name that we ask a SAML provider for, or empty for its own choice."""
    claims: Mapping[str, str] = field(default_factory=dict)
    """The provider's names of what we want to know, by our own."""
    levels: Mapping[str, str] = field(default_factory=dict)
    """The level of each value of its `acr`, its `amr`, or its AuthnContextClassRef; `aal1` for all others."""
    email_domains: tuple[str, ...] = ()
    """The domains of addresses whose people it may provision; any where empty."""
    trusts_email: bool = False
    """Whether its word is enough for an address to count as verified."""
    provisions: bool = False
    """Whether whoever comes by it for the first time becomes a user."""
    default_roles: tuple[str, ...] = ()
    """The roles of such users."""
    sends_login_hint: bool = False
    """Whether it is told who is likely to sign in."""

    @property
    def id(self) -> str:
        """The last segment of the name."""
        return self.name.removeprefix(NAME)

    @property
    def scope(self) -> str:
        """What we ask an OpenID provider for."""
        return " ".join(dict.fromkeys((OPENID, *(self.scopes or ("email", "profile")))))

    def claim(self, wanted: str) -> str:
        """Return the provider's name of what we want to know, or nothing where it says nothing of it."""
        return self.claims.get(wanted) or (STANDARD_CLAIMS[wanted] if self.kind is Kind.OIDC else "")

    def takes(self, email: str) -> bool:
        """Whether people of that address may be provisioned."""
        return not self.email_domains or email.rpartition("@")[2] in self.email_domains

    def level_of(self, contexts: Sequence[str]) -> str:
        """Return how strong a sign-in is of which the provider says that; never more than `HIGHEST`."""
        found = [self.levels[context] for context in contexts if self.levels.get(context) in LEVELS]
        return min(max(found, key=LEVELS.index, default=LEVELS[0]), HIGHEST, key=LEVELS.index)


class Providers(Protocol):
    """Reads providers. Within `Changes.open` it sees what was written there."""

    async def find(self, name: str) -> Provider | None:
        """Return a provider that is not disabled, of whatever organization: the server names them, none twice."""

    async def find_own(self, organization: str, name: str) -> Provider | None:
        """Return a provider of an organization, disabled or not."""

    async def list_of(self, organization: str) -> Sequence[Provider]:
        """Return an organization's providers that are not disabled, by the names that people know them by."""


class ProviderSecrets(Protocol):
    """Keeps, sealed, what we prove ourselves to providers by. Nobody reads it but who speaks to them."""

    async def set_secret(self, organization: str, provider: str, secret: str) -> None:
        """Keep a client secret in place of the one before."""

    async def find_secret(self, organization: str, provider: str) -> str:
        """Return the client secret, or nothing."""

    async def remove(self, organization: str, provider: str) -> None:
        """Forget all that is kept for a provider."""


def find_problems(provider: Provider, *, private: bool = False) -> dict[str, str]:
    """Return what is wrong with a provider, by the path of the field; `private` allows for those without TLS."""
    own = _oidc_problems(provider, private) if provider.kind is Kind.OIDC else _saml_problems(provider, private)
    problems = {f"identity_provider.{path}": problem for path, problem in own}
    if unknown := provider.claims.keys() - STANDARD_CLAIMS.keys():
        problems["identity_provider.claims"] = f"has {', '.join(sorted(unknown))}, which is none of ours"
    if wrong := [value for value, level in provider.levels.items() if level not in LEVELS[:2]]:
        problems["identity_provider.levels"] = f"gives {wrong[0]} another level than {' or '.join(LEVELS[:2])}"
    if any(domain != domain.lower() or "@" in domain for domain in provider.email_domains):
        problems["identity_provider.email_domains"] = "has what is no domain in lower case, such as example.com"
    if provider.default_roles and not provider.provisions:
        problems["identity_provider.default_roles"] = "is for providers that provision users"
    return problems


def _oidc_problems(provider: Provider, private: bool) -> Iterator[tuple[str, str]]:
    if problem := _url_problem(provider.issuer, private, bare=True):
        yield "issuer", problem
    if not provider.client_id:
        yield "client_id", "is empty: register us with the provider, and write what it calls us"
    for path, value in (("sign_in_url", provider.sign_in_url), ("certificates", provider.certificates)):
        if value:
            yield path, "is for SAML: an OpenID provider says so itself"
    if provider.sign_requests:
        yield "sign_requests", "is for SAML"


def _saml_problems(provider: Provider, private: bool) -> Iterator[tuple[str, str]]:
    if not provider.issuer:
        yield "issuer", "is empty: write the provider's entity id"
    if problem := _url_problem(provider.sign_in_url, private):
        yield "sign_in_url", problem
    if not provider.certificates:
        yield "certificates", "is empty: nothing of the provider's could be believed"
    for path, value in (("client_id", provider.client_id), ("scopes", provider.scopes)):
        if value:
            yield path, "is for OpenID Connect"


def _url_problem(url: str, private: bool, *, bare: bool = False) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if not host or parts.username is not None or not url.isascii() or not url.isprintable() or " " in url:
        return "is no URL of a host"
    if parts.fragment or "#" in url or (bare and "?" in url):
        return "has a query or a fragment"
    if parts.scheme != "https" and not (private and parts.scheme == "http" and is_loopback(host)):
        return "is not https"
    return ""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_subject(subject: object) -> bool:
    """Whether something can be the subject of an identity: a text that is neither empty nor endless."""
    return isinstance(subject, str) and 0 < len(subject) <= _LONGEST_SUBJECT and subject.isprintable()
