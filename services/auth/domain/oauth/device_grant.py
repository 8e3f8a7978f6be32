"""Grants tokens to devices that a person has let act for them (RFC 8628 §3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.audit import AuditEntry
from services.auth.domain.errors import RefreshTokenInvalid, StrongerSignInRequired
from services.auth.domain.families import Request
from services.auth.domain.oauth.clients import REFRESH_TOKEN
from services.auth.domain.oauth.devices import INTERVAL, State
from services.auth.domain.oauth.granting import granted, identity_of
from services.auth.domain.oauth.refusals import OAuthError, invalid_grant
from services.auth.domain.scopes import OFFLINE
from services.auth.domain.sessions import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from services.auth.domain.accounts import Directory
    from services.auth.domain.audit import Audit
    from services.auth.domain.families import Families
    from services.auth.domain.oauth.devices import Device, DeviceStore
    from services.auth.domain.oauth.granting import Asked, Granted
    from services.auth.domain.oauth.id_tokens import Identities
    from services.auth.domain.oauth.transactions import Transactions
    from services.auth.domain.sessions import Sessions


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceGrant:
    """`urn:ietf:params:oauth:grant-type:device_code`: asked for again and again, until somebody has decided."""

    kept: DeviceStore
    """Where devices are kept."""
    directory: Directory
    """Says whether the person may still act."""
    sessions: Sessions
    """Finds the session in which they decided."""
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
        """Return the tokens of a device that was let. Raises `OAuthError`, as long as nobody has decided too."""
        digest, client = digest_of(asked.parameters.require("device_code")), asked.client.id
        polled = await self.kept.poll(digest, client, now=self.clock(), interval=INTERVAL)
        if polled is None:
            raise _refused()
        device = polled.device
        if device.state is State.USED:
            raise _refused()
        if self.clock() >= device.expires:
            raise OAuthError("expired_token", "Nobody has decided in time. Begin anew.")
        if device.state is State.DENIED:
            raise OAuthError("access_denied", "The person has refused.")
        if device.state is State.WAITING:
            code = "slow_down" if polled.too_soon else "authorization_pending"
            raise OAuthError(code, "Nobody has decided yet. Wait as long as you were told, and ask again.")
        try:
            # All of it is one transaction: whatever stops us, the code is unused and nothing is half-made.
            async with self.transactions.together():
                used = await self.kept.use(digest, client, now=self.clock())
                if used is None:
                    raise _refused()
                return await self._open(asked, used)
        except (RefreshTokenInvalid, StrongerSignInRequired) as error:
            raise _refused() from error

    async def _open(self, asked: Asked, device: Device) -> Granted:
        account = await self.directory.find_acting(device.organization, device.user)
        session = await self.sessions.kept.find(device.session)
        if account is None or account.disabled or session is None or session.ended is not None:
            raise _refused()
        wanted = Request(
            client=asked.client.id,
            scope=device.scope,
            audience=device.audience,
            confirmation=asked.confirmation if asked.client.is_public else "",
            proven=asked.confirmation,
            session=session,
            refreshable=OFFLINE in device.scope.split() and REFRESH_TOKEN in asked.client.grant_types,
        )
        opened = await self.families.open(account, wanted)
        await self._note(asked, device, opened.family.id)
        return await granted(asked.client, opened, device.scope, identity_of(opened, "", {}), self.identities)

    async def _note(self, asked: Asked, device: Device, family: str) -> None:
        entry = AuditEntry(
            kind="token.granted",
            organization=device.organization,
            actor=asked.client.name,
            subject=device.user,
            session=device.session,
            client=asked.client.id,
            address=asked.origin.address,
            agent=asked.origin.agent,
            detail={"scope": device.scope, "grant": family, "by": "device"},
        )
        await self.audit.record(entry)


def _refused() -> OAuthError:
    return invalid_grant("The device code is unknown, used, or not this client's, or its person may not act any more.")
