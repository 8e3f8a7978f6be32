"""What a client asks of a person: an authorization request, read and judged (RFC 6749 §4.1.1; OIDC Core §3.1.2.1)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from services.auth.domain.authentication import LEVELS
from services.auth.domain.oauth import pkce
from services.auth.domain.oauth.claims import SCOPE_OF
from services.auth.domain.oauth.clients import AUTHORIZATION_CODE
from services.auth.domain.oauth.refusals import OAuthError, invalid_request, invalid_scope
from services.auth.domain.scopes import split_scope

if TYPE_CHECKING:
    from services.auth.domain.oauth.clients import Client
    from services.auth.domain.oauth.parameters import Parameters

RESPONSE_MODES = ("query", "form_post")
PROMPTS = ("none", "login", "consent", "select_account")
_MAX_AGE = 10**9
_WISHES = ("essential", "value", "values")
_OTHER_CLAIMS = ("sub", "auth_time", "acr", "amr")


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorizationRequest:
    """A request of a client that may make it."""

    client: str
    """The client."""
    redirect_uri: str
    """Where the answer goes."""
    response_mode: str = "query"
    """How the answer goes there."""
    state: str = ""
    """What the client wants to see again, to the byte."""
    scope: str = ""
    """What it may have of what it asks for."""
    audience: tuple[str, ...] = ()
    """For whom its tokens are to be meant; the usual audience where empty."""
    nonce: str = ""
    """What the id token has to repeat."""
    challenge: str = ""
    """The challenge of PKCE."""
    confirmation: str = ""
    """The thumbprint of the key that its tokens are to be bound to (RFC 9449 §10), or empty."""
    prompt: tuple[str, ...] = ()
    """What the person has to be asked."""
    max_age: int | None = None
    """Seconds that the sign-in may be old."""
    levels: tuple[str, ...] = ()
    """Levels of assurance of which one has to be reached; any where empty."""
    login_hint: str = ""
    """Who is likely to sign in."""
    ui_locales: str = ""
    """Languages that the person reads, best first."""
    hint: str = field(default="", repr=False)
    """An id token of the person who is expected."""
    claims: dict[str, Any] = field(default_factory=dict)
    """What is understood of the parameter `claims` (OIDC Core §5.5)."""
    pushed: str = ""
    """The `request_uri` that it was pushed under, or empty."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return its scopes, each once."""
        return split_scope(self.scope)

    @property
    def disclosed(self) -> tuple[str, ...]:
        """Return what the person has to agree to: its scopes, and those of the claims that it asks for by name."""
        named = (SCOPE_OF[claim] for claims in self.claims.values() for claim in claims if claim in SCOPE_OF)
        return tuple(dict.fromkeys((*self.scopes, *named)))

    @property
    def age(self) -> timedelta | None:
        """Return how old the sign-in may be."""
        return None if self.max_age is None else timedelta(seconds=self.max_age)

    @property
    def expected(self) -> str:
        """Return the `sub` that the parameter `claims` insists on, or nothing."""
        sub = _members(_members(self.claims, "id_token"), "sub")
        value = sub.get("value", "")
        return value if isinstance(value, str) else ""

    def dump(self) -> bytes:
        """Return it as it is kept. Bytes of `state` that are no UTF-8 come back as they were."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def load(cls, kept: bytes) -> AuthorizationRequest:
        """Return what was kept."""
        members = json.loads(kept)
        tuples = {name: tuple(members[name]) for name in ("audience", "prompt", "levels")}
        return cls(**{**members, **tuples})


def find_redirect(client: Client, parameters: Parameters) -> str:
    """Return where answers go, which a client with one place need not say.

    Raises:
        OAuthError: it is not registered, so nothing may be sent there.
    """
    if {"client_id", "redirect_uri"} & parameters.repeated:
        raise invalid_request("The parameters client_id and redirect_uri may be there once.")
    asked = parameters.get("redirect_uri")
    if not asked:
        if len(client.redirect_uris) != 1:
            raise invalid_request("The parameter redirect_uri is missing.")
        return client.redirect_uris[0]
    if not client.may_redirect(asked):
        raise invalid_request("The redirect_uri is not one that the client has registered.")
    return asked


def find_mode(parameters: Parameters) -> str:
    """Return how answers go, refusals too; what cannot be read is `query`."""
    asked = parameters.get("response_mode")
    return asked if asked in RESPONSE_MODES and "response_mode" not in parameters.repeated else RESPONSE_MODES[0]


def read_request(client: Client, redirect_uri: str, parameters: Parameters) -> AuthorizationRequest:
    """Return what a client asks for.

    Raises:
        OAuthError: it may not ask so; the answer goes to the client.
    """
    parameters.check()
    _check_kind(client, parameters)
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if not pkce.is_challenge(challenge) or method != pkce.METHOD:
        raise invalid_request("PKCE is mandatory: send code_challenge, and code_challenge_method S256.")
    claims = _read_claims(client, parameters.get("claims"))
    return AuthorizationRequest(
        client=client.id,
        redirect_uri=redirect_uri,
        response_mode=_read_mode(parameters),
        state=parameters.get("state"),
        scope=_read_scope(client, parameters.get("scope")),
        audience=check_audience(client, parameters.resources),
        nonce=parameters.get("nonce"),
        challenge=challenge,
        confirmation=parameters.get("dpop_jkt"),
        prompt=_read_prompt(parameters.get("prompt")),
        max_age=_read_age(parameters.get("max_age")),
        levels=_read_levels(parameters.get("acr_values"), claims),
        login_hint=parameters.get("login_hint"),
        ui_locales=parameters.get("ui_locales"),
        hint=parameters.get("id_token_hint"),
        claims=claims,
    )


def check_audience(client: Client, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return for whom tokens are meant. Raises `OAuthError` where the client may not ask for those (RFC 8707 §2)."""
    if any(audience not in client.audiences for audience in wanted):
        raise OAuthError("invalid_target", "The client may not ask for tokens for this resource.")
    return wanted


def _check_kind(client: Client, parameters: Parameters) -> None:
    if parameters.get("request"):
        raise OAuthError("request_not_supported", "Request objects are not supported. Push the request instead.")
    if parameters.get("request_uri"):
        raise OAuthError("request_uri_not_supported", "Only a request_uri that was pushed here is understood.")
    if not (kind := parameters.get("response_type")):
        raise invalid_request("The parameter response_type is missing.")
    if kind != "code":
        raise OAuthError("unsupported_response_type", "The only response_type is code.")
    if AUTHORIZATION_CODE not in client.grant_types:
        raise OAuthError("unauthorized_client", "The client is not registered for codes.")


def _read_mode(parameters: Parameters) -> str:
    if parameters.get("response_mode") not in {"", *RESPONSE_MODES}:
        raise invalid_request("The response_mode is neither query nor form_post.")
    return find_mode(parameters)


def _read_scope(client: Client, asked: str) -> str:
    allowed = client.allowed(asked)
    if not allowed:
        raise invalid_scope("The client may have none of these scopes.")
    return " ".join(allowed)


def _read_prompt(asked: str) -> tuple[str, ...]:
    prompts = split_scope(asked)
    if any(prompt not in PROMPTS for prompt in prompts):
        raise invalid_request("The parameter prompt has a value that is not known.")
    if "none" in prompts and len(prompts) > 1:
        raise invalid_request("The prompt none stands alone.")
    return prompts


def _read_age(asked: str) -> int | None:
    if not asked:
        return None
    if not asked.isascii() or not asked.isdigit():
        raise invalid_request("The parameter max_age is no number of seconds.")
    return min(int(asked[:12]), _MAX_AGE)


def _read_claims(client: Client, asked: str) -> dict[str, Any]:
    """Return what is asked for by name of what the client may have; the rest is passed over, however deep it is."""
    if not asked:
        return {}
    try:
        claims = json.loads(asked)
    except (ValueError, RecursionError) as error:
        raise invalid_request("The parameter claims is no JSON.") from error
    if not isinstance(claims, dict) or not all(isinstance(v, dict) for v in claims.values()):
        raise invalid_request("The parameter claims is no object of objects.")
    places = {place: claims[place] for place in ("id_token", "userinfo") if place in claims}
    return {
        place: {name: _read_wish(wish) for name, wish in named.items() if _may_ask(client, name)}
        for place, named in places.items()
    }


def _may_ask(client: Client, claim: str) -> bool:
    return claim in _OTHER_CLAIMS or (claim in SCOPE_OF and client.may_have(SCOPE_OF[claim]))


def _read_wish(wish: Any) -> dict[str, Any] | None:
    if not isinstance(wish, dict):
        return None
    return {name: wish[name] for name in _WISHES if name in wish and _is_plain(wish[name])}


def _is_plain(value: Any) -> bool:
    return all(isinstance(one, str | bool) for one in (value if isinstance(value, list) else [value]))


def _read_levels(asked: str, claims: dict[str, Any]) -> tuple[str, ...]:
    """Return the levels of which one will do; those that we do not know ask for nothing (OIDC Core §3.1.2.1)."""
    acr = _members(_members(claims, "id_token"), "acr")
    named = acr.get("values") if isinstance(acr.get("values"), list) else [acr.get("value")]
    wanted = [*split_scope(asked), *(named or ())]
    known = tuple(level for level in LEVELS if level in wanted)
    if acr.get("essential") is True and any(named or ()) and not any(level in (named or ()) for level in LEVELS):
        raise OAuthError("unmet_authentication_requirements", "None of these levels of assurance is known.")
    return known


def _members(value: Any, name: str) -> dict[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
