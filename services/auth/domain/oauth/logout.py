"""Whether a client may sign somebody out, and where they go then (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from services.auth.domain.errors import SessionUnknown
from services.auth.domain.oauth.parameters import STATE
from services.auth.domain.oauth.refusals import invalid_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.auth.domain.oauth.clients import Client, Clients
    from services.auth.domain.oauth.parameters import Parameters
    from services.auth.domain.session_lists import SessionLists
    from services.auth.domain.sessions import Session


class IdTokens(Protocol):
    """Reads id tokens that come back."""

    async def read(self, token: str) -> Mapping[str, Any] | None:
        """Return the claims of an id token of ours, whatever its times are; None for anything else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leave:
    """What a client asks for, as far as it may."""

    subject: str = ""
    """Whom its id token is about; empty where it has shown none that is ours."""
    session: str = ""
    """The session that its id token is of, or empty."""
    onward: str = ""
    """Where the person goes then, or empty for a page of ours."""

    def needs_asking(self, session: Session | None) -> bool:
        """Whether the person has to be asked: nobody proves that they want it, or somebody else is signed in."""
        return not self.subject or (session is not None and session.user != self.subject)


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaving:
    """Signs people out for clients."""

    hints: IdTokens
    """Reads id tokens."""
    clients: Clients
    """Finds clients."""
    lists: SessionLists
    """Ends sessions, and has it written down."""

    async def judge(self, parameters: Parameters) -> Leave:
        """Return what a client may have of what it asks for (§2, §3).

        Raises:
            OAuthError: it names two clients, or a place that it has not registered; nobody is sent there.
        """
        parameters.check()
        hint = parameters.get("id_token_hint")
        claims = await self.hints.read(hint) if hint else None
        subject, named = _claim(claims, "sub"), _claim(claims, "aud")
        if subject and parameters.get("client_id") not in {"", named}:
            raise invalid_request("The id_token_hint was issued to another client than client_id says.")
        client = await self.clients.find(named or parameters.get("client_id"))
        # A hint that is not ours proves nothing, not even that the client itself has sent the person here.
        trusted = bool(subject) or not hint
        onward = _find_onward(client, parameters) if trusted else ""
        return Leave(subject=subject, session=_claim(claims, "sid"), onward=onward)

    async def leave(self, leave: Leave, session: Session | None) -> None:
        """End the browser's session, and that which the id token is of, where nobody has to be asked."""
        named = await self.lists.sessions.kept.find(leave.session) if leave.session else None
        ending = {one.id: one for one in (session, named) if one is not None and one.user == leave.subject}
        for one in ending.values():
            with suppress(SessionUnknown):  # it has ended meanwhile
                await self.lists.end_one(one.organization, one.user, one.id)


def _find_onward(client: Client | None, parameters: Parameters) -> str:
    """Return the place that a client has registered to the letter, with its state."""
    uri = parameters.get("post_logout_redirect_uri")
    if not uri or client is None:
        return ""
    if uri not in client.post_logout_redirect_uris:
        raise invalid_request("The post_logout_redirect_uri is not one that the client has registered.")
    state = parameters.get(STATE)
    if not state:
        return uri
    return uri + ("&" if "?" in uri else "?") + urlencode({STATE: state}, errors="surrogateescape")


def _claim(claims: Mapping[str, Any] | None, name: str) -> str:
    value = claims.get(name) if claims and "exp" in claims else ""
    return value if isinstance(value, str) else ""
