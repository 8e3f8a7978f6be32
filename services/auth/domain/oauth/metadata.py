"""What a client says of itself when it registers (RFC 7591 §2; OIDC Dynamic Client Registration §2)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from services.auth.domain.oauth.clients import (
    AUTHORIZATION_CODE,
    BASIC,
    NO_AUTHENTICATION,
    POST,
    PRIVATE_KEY,
    REFRESH_TOKEN,
    Client,
)
from services.auth.domain.oauth.id_tokens import ALGORITHMS
from services.auth.domain.oauth.refusals import OAuthError
from services.auth.domain.scopes import CLAIMS, EMAIL, EVERYTHING_HELD, OFFLINE, OPENID, PROFILE, is_known, split_scope

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

METHODS = (BASIC, POST, NO_AUTHENTICATION, PRIVATE_KEY)
"""How a client that has registered itself may prove who it is."""

_MOST = 50
_LONGEST = 16_384


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What a client that registers itself may ask for."""

    grants: frozenset[str]
    """Grants; never one by which it would act for itself."""
    permissions: bool = False
    """Whether it may ask for permissions, which people then consent to, and not only for who they are."""
    scopes: frozenset[str] = frozenset()
    """Further scopes."""

    def allows(self, scope: str) -> bool:
        """Whether it may ask for a scope."""
        known = self.permissions and is_known(scope) and scope != EVERYTHING_HELD
        return known or scope in CLAIMS or scope in self.scopes

    def widened(self, metadata: Metadata) -> Terms:
        """Return the terms of a client that has been given more already: that it keeps, and gains nothing by it."""
        return replace(self, grants=self.grants | set(metadata.grant_types), scopes=self.scopes | set(metadata.scope))


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """What a client says of itself, judged. The names are those of RFC 7591."""

    redirect_uris: tuple[str, ...] = ()
    """Where answers may go."""
    post_logout_redirect_uris: tuple[str, ...] = ()
    """Where people may go once they are signed out."""
    grant_types: tuple[str, ...] = (AUTHORIZATION_CODE,)
    """How it may ask for tokens."""
    token_endpoint_auth_method: str = BASIC
    """How it proves who it is."""
    client_name: str = ""
    """What people know it by."""
    client_uri: str = ""
    """Its own page."""
    scope: tuple[str, ...] = ()
    """What it may ask for."""
    contacts: tuple[str, ...] = ()
    """Who answers for it."""
    jwks: str = field(default="", repr=False)
    """Its public keys, a JSON document."""
    jwks_uri: str = ""
    """Where its public keys are published."""
    id_token_signed_response_alg: str = "RS256"  # noqa: S105 - an algorithm
    """What its id tokens are signed with."""
    userinfo_signed_response_alg: str = ""
    """What answers about the person are signed with; plain JSON where empty."""
    require_pushed_authorization_requests: bool = False
    """Whether it has to push its requests."""
    dpop_bound_access_tokens: bool = False
    """Whether its tokens have to be bound to a key."""
    backchannel_logout_uri: str = ""
    """Where it hears of people who sign out."""

    def client(self, organization: str) -> Client:
        """Return the client as the domain judges it: one whose people are always asked for their consent."""
        return Client(
            id="",
            organization=organization,
            redirect_uris=self.redirect_uris,
            post_logout_redirect_uris=self.post_logout_redirect_uris,
            grant_types=frozenset(self.grant_types),
            authentication=self.token_endpoint_auth_method,
            keys=self.jwks,
            keys_uri=self.jwks_uri,
            scopes=self.scope,
        )

    def render(self) -> dict[str, Any]:
        """Return what is registered, as a client reads it (RFC 7591 §3.2.1)."""
        told: dict[str, Any] = {
            "redirect_uris": list(self.redirect_uris),
            "post_logout_redirect_uris": list(self.post_logout_redirect_uris),
            "grant_types": list(self.grant_types),
            "response_types": ["code"] if AUTHORIZATION_CODE in self.grant_types else [],
            "token_endpoint_auth_method": self.token_endpoint_auth_method,
            "client_name": self.client_name,
            "client_uri": self.client_uri,
            "scope": " ".join(self.scope),
            "contacts": list(self.contacts),
            "jwks": json.loads(self.jwks) if self.jwks else None,
            "jwks_uri": self.jwks_uri,
            "id_token_signed_response_alg": self.id_token_signed_response_alg,
            "userinfo_signed_response_alg": self.userinfo_signed_response_alg,
            "backchannel_logout_uri": self.backchannel_logout_uri,
        }
        flags = {
            "require_pushed_authorization_requests": self.require_pushed_authorization_requests,
            "dpop_bound_access_tokens": self.dpop_bound_access_tokens,
        }
        return {name: value for name, value in told.items() if value} | flags


def read_metadata(document: Mapping[str, Any], terms: Terms) -> Metadata:
    """Return what a client says of itself; what is not known is passed over (RFC 7591 §2).

    Raises:
        OAuthError: `invalid_client_metadata` or `invalid_redirect_uri`.
    """
    grants = _texts(document, "grant_types") or (AUTHORIZATION_CODE,)
    if refused := [grant for grant in grants if grant not in terms.grants]:
        raise invalid_metadata(f"The grant_types {' '.join(refused)} are not for clients that register themselves.")
    if any(kind != "code" for kind in _texts(document, "response_types")):
        raise invalid_metadata("The only one of response_types is code.")
    if _text(document, "subject_type") not in {"", "public"}:
        raise invalid_metadata("The only subject_type is public: a person is the same for every client.")
    backchannel = _text(document, "backchannel_logout_uri")
    if backchannel and not backchannel.startswith("https://"):
        raise invalid_metadata("The backchannel_logout_uri is not encrypted.")
    return Metadata(
        redirect_uris=_texts(document, "redirect_uris"),
        post_logout_redirect_uris=_texts(document, "post_logout_redirect_uris"),
        grant_types=grants,
        token_endpoint_auth_method=_one_of(document, "token_endpoint_auth_method", METHODS),
        client_name=_text(document, "client_name"),
        client_uri=_text(document, "client_uri"),
        scope=_read_scope(document, grants, terms),
        contacts=_texts(document, "contacts"),
        jwks=_read_keys(document),
        jwks_uri=_text(document, "jwks_uri"),
        id_token_signed_response_alg=_one_of(document, "id_token_signed_response_alg", ALGORITHMS),
        userinfo_signed_response_alg=_one_of(document, "userinfo_signed_response_alg", ("", *ALGORITHMS)),
        require_pushed_authorization_requests=document.get("require_pushed_authorization_requests") is True,
        dpop_bound_access_tokens=document.get("dpop_bound_access_tokens") is True,
        backchannel_logout_uri=backchannel,
    )


def invalid_metadata(description: str) -> OAuthError:
    """Return the refusal of what a client says of itself (RFC 7591 §3.2.2)."""
    return OAuthError("invalid_client_metadata", description)


def _read_scope(document: Mapping[str, Any], grants: Collection[str], terms: Terms) -> tuple[str, ...]:
    asked = split_scope(_text(document, "scope"))
    if not asked:
        return (OPENID, PROFILE, EMAIL, *((OFFLINE,) if REFRESH_TOKEN in grants else ()))
    # What it may not have is left out, and the answer says what is left (RFC 7591 §2).
    allowed = tuple(scope for scope in asked if terms.allows(scope))
    if not allowed:
        raise invalid_metadata("The client may have none of these scopes.")
    return allowed


def _read_keys(document: Mapping[str, Any]) -> str:
    keys = document.get("jwks")
    if keys is None:
        return ""
    if not isinstance(keys, dict):
        raise invalid_metadata("The member jwks is no set of keys.")
    return json.dumps(keys, separators=(",", ":"))


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST or not value.isprintable():
        raise invalid_metadata(f"The member {name} is no text.")
    return value


def _texts(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = document.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _MOST or not all(isinstance(one, str) for one in value):
        raise invalid_metadata(f"The member {name} is no list of texts.")
    return tuple(dict.fromkeys(value))


def _one_of(document: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = _text(document, name) or known[0]
    if value not in known:
        raise invalid_metadata(f"The member {name} is none of {', '.join(filter(None, known))}.")
    return value
