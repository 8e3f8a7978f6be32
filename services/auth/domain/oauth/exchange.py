"""How a service that was called goes on in its caller's name (RFC 8693): for no more, and with its own name beside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.auth.domain.accounts import Account
from services.auth.domain.audit import AuditEntry
from services.auth.domain.authentication import SEVERAL, Authentication
from services.auth.domain.oauth.granting import Granted
from services.auth.domain.oauth.introspecting import may_know
from services.auth.domain.oauth.refusals import OAuthError, invalid_request, invalid_scope
from services.auth.domain.permissions import intersect, is_covered
from services.auth.domain.scopes import EVERYTHING_HELD, is_pattern, narrow, split_scope
from services.auth.domain.tokens import Grant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.auth.domain.accounts import Directory
    from services.auth.domain.audit import Audit
    from services.auth.domain.oauth.clients import Client
    from services.auth.domain.oauth.granting import Asked
    from services.auth.domain.oauth.introspecting import Reading
    from services.auth.domain.tokens import Tokens

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type
"""The one type of token that is taken and given (§3)."""

LONGEST_CHAIN = 5
"""Actors that a token may name, one for another."""

_LONGEST_LIFE = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeGrant:
    """`urn:ietf:params:oauth:grant-type:token-exchange`: an access token for one that is as good or less."""

    reading: Reading
    """Reads access tokens, and knows which were revoked."""
    directory: Directory
    """Says whether the subject may still act, and what they hold now."""
    tokens: Tokens
    """Signs."""
    audit: Audit
    """Where it is written down who has acted for whom."""
    clock: Callable[[], datetime]
    """Now, with its time zone."""

    async def grant(self, asked: Asked) -> Granted:
        """Return a token for the subject. Raises `OAuthError`."""
        client = asked.client
        if client.is_public:
            raise OAuthError("unauthorized_client", "Only a client that proves who it is exchanges tokens.")
        if asked.parameters.get("requested_token_type") not in {"", ACCESS_TOKEN}:
            raise invalid_request(f"The only requested_token_type is {ACCESS_TOKEN}.")
        subject = await self._read(asked, "subject_token")
        if subject is None:
            raise invalid_request("The parameter subject_token is missing.")
        try:
            grant = await self._judge(asked, subject)
        except OAuthError as error:
            await self._note(asked, subject, None, str(error.code))
            raise
        access = await self.tokens.issue(grant)
        await self._note(asked, subject, grant, "")
        extra = {"issued_token_type": ACCESS_TOKEN}
        return Granted(access=access, scope=grant.scope, confirmation=grant.confirmation, extra=extra)

    async def _judge(self, asked: Asked, subject: Mapping[str, Any]) -> Grant:
        actor = _actor(asked.client, subject, await self._read(asked, "actor_token"))
        account = await self._account(asked.client, subject)
        scope = _narrowed_scope(asked, subject)
        held = intersect(subject.get("permissions", ()), account.permissions)
        now = self.clock()
        return Grant(
            subject=str(subject["sub"]),
            organization=str(subject["org"]),
            permissions=narrow(held, scope),
            client=asked.client.id,
            session=str(subject.get("sid", "")),
            family=str(subject.get("grant", "")),
            scope=scope,
            audience=_narrowed_audience(asked, subject),
            confirmation=asked.confirmation,
            authentication=_authentication_of(subject),
            actor=actor,
            valid_from=account.valid_from,
            lifetime=min(_LONGEST_LIFE, timedelta(seconds=max(0.0, int(subject["exp"]) - now.timestamp()))),
        )

    async def _read(self, asked: Asked, name: str) -> Mapping[str, Any] | None:
        """Return the claims of a token that came along, or None where none did.

        It has to be good, and the client's own or meant for it: whoever has picked it up elsewhere gains nothing.
        """
        token, kind = asked.parameters.get(name), asked.parameters.get(f"{name}_type")
        if not token and not kind:
            return None
        if not token or kind != ACCESS_TOKEN:
            raise invalid_request(f"The parameters {name} and {name}_type have to be there, the latter {ACCESS_TOKEN}.")
        claims = await self.reading.read(token)
        if claims is None or not may_know(asked.client, claims):
            raise invalid_request(f"The {name} is no access token that this client may exchange.")
        if claims.get("cnf", {}).get("jkt", asked.confirmation) != asked.confirmation:
            raise invalid_request(f"The {name} is bound to a key that was not proven.")
        return claims

    async def _account(self, client: Client, subject: Mapping[str, Any]) -> Account:
        """Return the subject as they are now; a client that acts for itself alone holds nothing."""
        name, organization = str(subject["sub"]), str(subject["org"])
        if name == client.name:
            return Account(organization=organization, name=name, email="")
        account = await self.directory.find_acting(organization, name)
        if account is None:
            account = await self.directory.find_by_name(organization, name)
        if account is None or account.disabled or not client.serves(organization):
            raise invalid_request("The subject of the subject_token may not act any more, or not by this client.")
        return account

    async def _note(self, asked: Asked, subject: Mapping[str, Any], grant: Grant | None, refusal: str) -> None:
        detail = {"grant": str(subject.get("grant", ""))}
        if grant is not None:
            detail |= {"scope": grant.scope, "actors": " ".join(_chain(grant.actor))}
        entry = AuditEntry(
            kind="token.refused" if refusal else "token.exchanged",
            outcome="denied" if refusal else "success",
            organization=str(subject["org"]),
            actor=asked.client.name,
            subject=str(subject["sub"]),
            session=str(subject.get("sid", "")),
            client=asked.client.id,
            address=asked.origin.address,
            agent=asked.origin.agent,
            detail={**detail, **({"error": refusal} if refusal else {})},
        )
        await self.audit.record(entry)


def _actor(client: Client, subject: Mapping[str, Any], actor: Mapping[str, Any] | None) -> Mapping[str, object] | None:
    """Return `act`, or None where the client may pass for the subject (§4.1, §4.4).

    Raises:
        OAuthError: the subject's token names who may act for them, and this is somebody else; or too many have.
    """
    name = str(actor["sub"]) if actor else client.name
    allowed = subject.get("may_act")
    if allowed is not None and not _is_named(allowed, name):
        raise invalid_request("The subject_token says who may act for its subject, which is somebody else.")
    before = subject.get("act")
    if actor is None and client.impersonates and allowed is not None:
        return before if isinstance(before, dict) else None
    if len(_chain(before)) >= LONGEST_CHAIN:
        raise invalid_request("Too many have acted one for another.")
    return {"sub": name, **({"act": before} if before else {})}


def _is_named(allowed: object, name: str) -> bool:
    return isinstance(allowed, dict) and allowed.get("sub") == name


def _chain(actor: object) -> list[str]:
    """Return who acts, the latest first."""
    names = []
    while isinstance(actor, dict):
        names.append(str(actor.get("sub", "")))
        actor = actor.get("act")
    return names


def _narrowed_scope(asked: Asked, subject: Mapping[str, Any]) -> str:
    """Return what the new token is for: nothing that the subject's is not for, or that the client may not ask for."""
    granted = split_scope(str(subject.get("scope", "")))
    # A token without a scope, such as a workload's own, is bounded by its permissions alone.
    held = granted or (EVERYTHING_HELD,)
    wanted = split_scope(asked.parameters.get("scope"))
    if any(not _is_within(name, held) for name in wanted):
        raise invalid_scope("The scope is more than that of the subject_token.")
    scope = [name for name in wanted or _patterns(granted, subject) if asked.client.may_have(name)]
    if wanted and not scope:
        raise invalid_scope("The client may have none of these scopes.")
    return " ".join(scope)


def _patterns(granted: tuple[str, ...], subject: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the scopes of a subject's token; where they say nothing of permissions, its permissions."""
    if granted and EVERYTHING_HELD not in granted:
        return granted
    others = tuple(name for name in granted if name != EVERYTHING_HELD)
    return (*others, EVERYTHING_HELD, *subject.get("permissions", ()))


def _is_within(name: str, held: tuple[str, ...]) -> bool:
    if name in held:
        return True
    return is_pattern(name) and (EVERYTHING_HELD in held or is_covered(name, [one for one in held if is_pattern(one)]))


def _narrowed_audience(asked: Asked, subject: Mapping[str, Any]) -> tuple[str, ...]:
    """Return for whom the new token is meant: nobody for whom the subject's is not."""
    known = subject.get("aud", ())
    held = tuple(known) if isinstance(known, list) else (str(known),)
    named = asked.parameters.get("audience")
    wanted = (*asked.parameters.resources, *((named,) if named else ()))
    if any(one not in held for one in wanted):
        raise OAuthError("invalid_target", "The subject_token is not meant for this audience.")
    return tuple(dict.fromkeys(wanted)) or held


def _authentication_of(subject: Mapping[str, Any]) -> Authentication | None:
    """Return how the person has proven who they are, as their token says it."""
    since, methods = subject.get("auth_time"), subject.get("amr")
    if not isinstance(since, int) or not isinstance(methods, list):
        return None
    proven = Authentication(time=datetime.fromtimestamp(since, UTC), methods=tuple(map(str, methods)))
    if proven.level == subject.get("acr"):
        return proven
    # What was told of a factor may be less than what was known of it; nobody becomes stronger by an exchange.
    return Authentication(time=proven.time, methods=tuple(one for one in proven.methods if one != SEVERAL)[:1])
