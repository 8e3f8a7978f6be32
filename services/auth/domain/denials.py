"""What the edge's own refusals mean, said as a service would have said it that refuses the same call."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

ACCESS_DENIED = "access.denied"
TOKEN_REFUSED = "token.refused"  # noqa: S105 - the kind of an event

_TOKEN = "jwt_authn_access_denied{"  # noqa: S105 - how Envoy's filter of tokens speaks
_EXCHANGE = "ext_authz_denied"
_PERMISSION = "rbac_access_denied"
_STEP_UP = "[step_up]"
_OF_TOKEN: Mapping[str, tuple[str, str]] = {
    "Jwt_is_missing": (ACCESS_DENIED, "TOKEN_MISSING"),
    "Jwt_is_expired": (TOKEN_REFUSED, "TOKEN_EXPIRED"),
    "Audiences_in_Jwt_are_not_allowed": (ACCESS_DENIED, "AUDIENCE_MISMATCH"),
    "Jwks_remote_fetch_is_failed": (TOKEN_REFUSED, "KEYS_UNAVAILABLE"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Denial:
    """A call that the edge has denied itself."""

    time: datetime
    """When it began."""
    method: str
    """The RPC's path."""
    details: str
    """What Envoy says of it (`RESPONSE_CODE_DETAILS`)."""
    credential: str = ""
    """What kind of credential was to be exchanged: an API key, or a token bound to a key; empty for none of these."""
    request_id: str = ""
    """The call's id."""
    address: str = ""
    """Where from."""
    agent: str = ""
    """The `User-Agent`."""
    actor: str = ""
    """Who called, where their token was good."""
    organization: str = ""
    """Where they act."""
    session: str = ""
    """The session of their token."""
    client: str = ""
    """The client of their token."""
    level: str = ""
    """How surely they have signed in."""


def is_protocol(denial: Denial) -> bool:
    """Whether it is no denial but a step of a protocol: a proof without our nonce is sent again with it (RFC 9449 §8).

    A proof that is not good is answered in the same way by the edge.
    """
    return denial.details.startswith(_EXCHANGE) and denial.credential.lower().startswith("dpop")


def explain(details: str) -> tuple[str, str]:
    """Return the kind of the event, and the reason, of a refusal."""
    if details.startswith(_EXCHANGE):
        return TOKEN_REFUSED, "API_KEY_INVALID"
    if details.startswith(_TOKEN):
        return _OF_TOKEN.get(details.removeprefix(_TOKEN).rstrip("}"), (TOKEN_REFUSED, "TOKEN_INVALID"))
    if details.startswith(_PERMISSION):
        return ACCESS_DENIED, "STEP_UP_REQUIRED" if details.endswith(_STEP_UP) else "PERMISSION_MISSING"
    return ACCESS_DENIED, "RESOURCE_EXHAUSTED"


def fold(denials: Iterable[Denial]) -> Iterable[tuple[Denial, int]]:
    """Return the first of those that are alike and how many they are: who calls in a loop does not fill the trail."""
    first: dict[tuple[str, ...], Denial] = {}
    times = Counter[tuple[str, ...]]()
    for one in denials:
        alike = (one.method, one.details, one.address, one.organization, one.actor)
        first.setdefault(alike, one)
        times[alike] += 1
    return [(one, times[alike]) for alike, one in first.items()]
