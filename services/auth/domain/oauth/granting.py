"""How clients come by tokens: a registry of grants by `grant_type`, and the three of OAuth 2.1."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from services.auth.domain.accounts import Account
from services.auth.domain.audit import AuditEntry
from services.auth.domain.errors import RefreshTokenInvalid, RefreshTokenReused, StrongerSignInRequired
from services.auth.domain.families import Proof, Request
from services.auth.domain.oauth import pkce
from services.auth.domain.oauth.claims import asked_for
from services.auth.domain.oauth.clients import REFRESH_TOKEN
from services.auth.domain.oauth.codes import Redemption
from services.auth.domain.oauth.id_tokens import Identity
from services.auth.domain.oauth.refusals import OAuthError, invalid_grant, invalid_scope
from services.auth.domain.oauth.requests import check_audience
from services.auth.domain.scopes import CLAIMS, OFFLINE, OPENID, narrow, split_scope
from services.auth.domain.sessions import Origin, digest_of
from services.auth.domain.tokens import Grant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from services.auth.domain.accounts import Directory
    from services.auth.domain.audit import Audit
    from services.auth.domain.families import Families, Family, Opened, RefreshToken
    from services.auth.domain.oauth.clients import Client
    from services.auth.domain.oauth.codes import Code, Codes
    from services.auth.domain.oauth.id_tokens import Identities
    from services.auth.domain.oauth.parameters import Parameters
    from services.auth.domain.oauth.transactions import Transactions
    from services.auth.domain.sessions import Sessions
    from services.auth.domain.tokens import AccessToken, Tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request at the token endpoint, of a client that has proven who it is."""

    client: Client
    """The client."""
    parameters: Parameters
    """What it sends."""
    confirmation: str = ""
    """The thumbprint of the key that it has proven (RFC 9449), or empty."""
    origin: Origin = field(default_factory=Origin)
    """Where it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Granted:
    """What a client gets."""

    access: AccessToken
    """The token that calls carry."""
    scope: str
    """What it is for."""
    refresh: RefreshToken | None = None
    """The token that renews it, or None."""
    id_token: str = field(default="", repr=False)
    """The id token, or empty."""
    confirmation: str = ""
    """The thumbprint of the key that the token is bound to, or empty."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the answer, such as `issued_token_type`."""


class GrantType(Protocol):
    """Grants tokens to clients that are registered for its `grant_type`."""

    async def grant(self, asked: Asked) -> Granted:
        """Return what the client gets. Raises `OAuthError`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """The token endpoint."""

    grants: Mapping[str, GrantType]
    """What grants, by `grant_type`."""

    async def serve(self, asked: Asked) -> Granted:
        """Return what the client gets.

        Raises:
            OAuthError: it gets nothing.
        """
        kind = asked.parameters.require("grant_type")
        grant = self.grants.get(kind)
        if grant is None:
            raise OAuthError("unsupported_grant_type", "There is no such grant_type here.")
        if kind not in asked.client.grant_types:
            raise OAuthError("unauthorized_client", "The client is not registered for this grant_type.")
        if asked.client.bound_tokens and not asked.confirmation:
            raise OAuthError("invalid_dpop_proof", "The client has to prove a key (RFC 9449).")
        return await grant.grant(asked)


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeGrant:
    """`authorization_code`: a code, once (RFC 6749 §4.1.3)."""

    codes: Codes
    """Where codes are kept."""
    directory: Directory
    """Says whether the person may still act."""
    sessions: Sessions
    """Finds the session in which they agreed."""
    families: Families
    """Gives the client its tokens."""
    identities: Identities
    """Signs id tokens."""
    transactions: Transactions
    """Makes using the code and opening the family one."""
    audit: Audit
    """Where it is written down who got what."""
    clock: Callable[[], datetime]
    """Now, with its time zone."""

    async def grant(self, asked: Asked) -> Granted:
        """Redeem a code. Raises `OAuthError`."""
        parameters = asked.parameters
        verifier = parameters.require("code_verifier")
        redemption = Redemption(
            digest=digest_of(parameters.require("code")),
            client=asked.client.id,
            challenge=pkce.challenge_of(verifier),
            redirect_uri=parameters.get("redirect_uri"),
            confirmation=asked.confirmation,
        )
        try:
            # All of it is one transaction: whatever stops us, the code is unused and nothing is half-made.
            async with self.transactions.together():
                code = await self.codes.use(redemption, now=self.clock())
                if code is not None:
                    return await self._open(asked, code)
        except (RefreshTokenInvalid, StrongerSignInRequired) as error:
            raise _code_refused() from error
        await self._end_reused(asked, redemption)
        raise _code_refused()

    async def _open(self, asked: Asked, code: Code) -> Granted:
        _check_narrowing(asked, code.request.audience)
        account = await self.directory.find_acting(code.organization, code.user)
        session = await self.sessions.kept.find(code.session)
        if account is None or account.disabled or session is None or session.ended is not None:
            raise _code_refused()
        scopes = code.request.scopes
        wanted = Request(
            family=code.family,
            client=asked.client.id,
            scope=code.request.scope,
            audience=code.request.audience,
            confirmation=asked.confirmation if asked.client.is_public else "",
            proven=asked.confirmation,
            session=session,
            refreshable=OFFLINE in scopes and REFRESH_TOKEN in asked.client.grant_types,
        )
        opened = await self.families.open(account, wanted)
        if asked_later := asked_for(code.request.claims, "userinfo"):
            await self.codes.keep_asked(code.family, json.dumps(asked_later).encode())
        detail = {"scope": code.request.scope, "grant": code.family}
        await self.audit.record(_entry("token.granted", asked, code.organization, code.user, detail))
        identity = identity_of(opened, code.request.nonce, asked_for(code.request.claims, "id_token"))
        return await granted(asked.client, opened, code.request.scope, identity, self.identities)

    async def _end_reused(self, asked: Asked, redemption: Redemption) -> None:
        """End what a code has opened that is used again: one of both was a thief (RFC 6749 §4.1.2)."""
        code = await self.codes.find(redemption.digest)
        if code is None or code.used is None or code.request.client != redemption.client:
            return
        async with self.transactions.together():
            await self.families.end(code.family)
            await self.audit.record(_entry("token.reused", asked, code.organization, code.user, {"what": "code"}))


@dataclass(frozen=True, kw_only=True, slots=True)
class RefreshGrant:
    """`refresh_token`: each once, its successor again within a grace (RFC 6749 §6; RFC 9700 §4.14.2)."""

    families: Families
    """Renews."""
    identities: Identities
    """Signs id tokens."""
    audit: Audit
    """Where it is written down who used what twice."""
    renewals: Audit
    """Where it is written down who renewed what, of which there is much."""

    async def grant(self, asked: Asked) -> Granted:
        """Renew what the client holds, narrower if it asks so. Raises `OAuthError`."""
        token = asked.parameters.require("refresh_token")
        scope = asked.parameters.get("scope")
        proof = Proof(client=asked.client.id, confirmation=asked.confirmation)
        if scope:
            await self._check_scope(token, proof, scope)
        narrow = partial(_narrowed, asked.client, scope)
        try:
            opened = await self.families.renew(token, proof, narrow=narrow)
        except (RefreshTokenInvalid, RefreshTokenReused) as error:
            if isinstance(error, RefreshTokenReused):
                await self._note(asked, token)
            raise invalid_grant("The refresh token is unknown, expired, revoked, or not this client's.") from error
        if not asked.client.serves(opened.family.organization):
            await self.families.end(opened.family.id)
            raise invalid_grant("The client no longer serves the person's organization.")
        held = narrow(opened.family.scope)
        renewed = await granted(asked.client, opened, held, identity_of(opened, "", {}), self.identities)
        await self.renewals.record(_renewal(asked, opened.family, held))
        return renewed

    async def _note(self, asked: Asked, token: str) -> None:
        if (found := await self.families.find(token)) is not None:
            family, detail = found.family, {"what": "refresh token", "grant": found.family.id}
            await self.audit.record(_entry("token.reused", asked, family.organization, family.user, detail))

    async def _check_scope(self, token: str, proof: Proof, scope: str) -> None:
        """Refuse what was not granted, before the token is used up."""
        found = await self.families.find(token)
        if found is None or not proof.fits(found.family):
            return
        if not set(split_scope(scope)) <= set(split_scope(found.family.scope)):
            raise invalid_scope("The scope is more than was granted.")


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientGrant:
    """`client_credentials`: a client that acts as its service account, or as nobody but itself (RFC 6749 §4.4)."""

    directory: Directory
    """Says what the service account holds now."""
    tokens: Tokens
    """Signs."""
    audit: Audit
    """Where it is written down who got what, of which there is much."""

    async def grant(self, asked: Asked) -> Granted:
        """Sign a token. Nothing is kept of it. Raises `OAuthError`."""
        client = asked.client
        if client.is_public:
            raise OAuthError("unauthorized_client", "Only a client that proves who it is acts by itself.")
        account = await self._account(client)
        wanted = asked.parameters.get("scope")
        scopes = [name for name in (client.allowed(wanted) if wanted else client.scopes) if name not in CLAIMS]
        if wanted and not scopes:
            raise invalid_scope("The client may have none of these scopes.")
        scope = " ".join(scopes)
        grant = Grant(
            subject=account.name,
            organization=account.organization,
            permissions=narrow(account.permissions, scope),
            client=client.id,
            scope=scope,
            audience=check_audience(client, asked.parameters.resources),
            confirmation=asked.confirmation,
            valid_from=account.valid_from,
        )
        access = await self.tokens.issue(grant)
        detail = {"scope": scope, "token": access.id}
        await self.audit.record(_entry("token.granted", asked, account.organization, account.name, detail))
        return Granted(access=access, scope=scope, confirmation=asked.confirmation)

    async def _account(self, client: Client) -> Account:
        if not client.service_account:
            return Account(organization=client.organization, name=client.name, email="")
        account = await self.directory.find_by_name(client.organization, client.service_account)
        if account is None or account.disabled:
            raise OAuthError("unauthorized_client", "The client's service account is gone or disabled.")
        return account


def identity_of(opened: Opened, nonce: str, asked: Mapping[str, Any]) -> Identity | None:
    """Return what an id token is to say, or None where none is wanted."""
    family = opened.family
    if OPENID not in split_scope(family.scope):
        return None
    return Identity(family=family, access=opened.access, nonce=nonce, asked=asked)


async def granted(
    client: Client, opened: Opened, scope: str, identity: Identity | None, identities: Identities
) -> Granted:
    """Return what a client gets of a family that was opened or renewed."""
    return Granted(
        access=opened.access,
        refresh=opened.refresh,
        scope=scope,
        id_token=await identities.sign(client, identity) if identity else "",
        confirmation=opened.confirmation,
    )


def _narrowed(client: Client, wanted: str, held: str) -> str:
    """Return what is wanted of what is held, as far as the client may still ask for it."""
    return " ".join(client.allowed(wanted or held))


def _check_narrowing(asked: Asked, audience: tuple[str, ...]) -> None:
    if not set(asked.parameters.resources) <= set(audience):
        raise OAuthError("invalid_target", "The code was not given for this resource.")


def _entry(kind: str, asked: Asked, organization: str, user: str, detail: Mapping[str, str]) -> AuditEntry:
    """Return what is written down of a request."""
    return AuditEntry(
        kind=kind,
        outcome="denied" if kind == "token.reused" else "success",
        organization=organization,
        actor=asked.client.name,
        subject=user,
        client=asked.client.id,
        address=asked.origin.address,
        agent=asked.origin.agent,
        detail=detail,
    )


def _renewal(asked: Asked, family: Family, scope: str) -> AuditEntry:
    detail = {"scope": scope, "grant": family.id}
    entry = _entry("token.renewed", asked, family.organization, family.user, detail)
    return replace(entry, session=family.session)


def _code_refused() -> OAuthError:
    return invalid_grant("The code is unknown, expired or used, or something does not fit to it.")
