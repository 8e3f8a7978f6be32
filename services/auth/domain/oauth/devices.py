"""How a device without a browser comes by tokens: a person lets it, elsewhere, by a short code (RFC 8628)."""

from __future__ import annotations

import enum
import re
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.audit import AuditEntry
from services.auth.domain.authentication import LEVELS, reaches
from services.auth.domain.errors import (
    DeviceCodesThrottled,
    DeviceCodeUnknown,
    DeviceNotForCaller,
    SignInThrottled,
    StrongerSignInRequired,
)
from services.auth.domain.oauth.clients import DEVICE_CODE
from services.auth.domain.oauth.refusals import OAuthError, invalid_scope
from services.auth.domain.oauth.requests import check_audience
from services.auth.domain.sessions import digest_of
from services.auth.domain.throttle import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from services.auth.domain.accounts import Account, Directory
    from services.auth.domain.audit import Audit
    from services.auth.domain.oauth.clients import Client, Clients
    from services.auth.domain.oauth.consents import Consents
    from services.auth.domain.oauth.parameters import Parameters
    from services.auth.domain.oauth.transactions import Transactions
    from services.auth.domain.sessions import Origin, Session
    from services.auth.domain.throttle import Throttle

LIFETIME = timedelta(minutes=10)
"""How long a person may take."""

INTERVAL = timedelta(seconds=5)
"""How long a device waits between two questions, and what is added where it does not (§3.5)."""

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""What user codes are made of: no vowel makes a word, and nothing looks like a digit (§6.1)."""

_LENGTH = 8
_DEVICE_CODE_BYTES = 32
_TRIES = 5


class State(enum.Enum):
    """What has become of a device that waits."""

    WAITING = "waiting"
    """Nobody has decided yet."""
    APPROVED = "approved"
    """A person lets it act for them."""
    DENIED = "denied"
    """A person has refused."""
    USED = "used"
    """It has its tokens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A device that waits."""

    user_code: str
    """The letters that its person types, without the hyphen."""
    client: str
    """The client that runs on it."""
    scope: str
    """What it asks for."""
    audience: tuple[str, ...] = ()
    """For whom its tokens are to be meant; the usual audience where empty."""
    state: State = State.WAITING
    """What has become of it."""
    created: datetime
    """When it asked."""
    expires: datetime
    """Until when somebody may decide, and it may come for its tokens."""
    organization: str = ""
    """The organization in which the person acts who has decided."""
    user: str = ""
    """Name of the person who has decided."""
    session: str = ""
    """The session in which they decided."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Polled:
    """What a device is told that asks."""

    device: Device
    """The device."""
    too_soon: bool
    """Whether it has not waited as long as it was told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What a person has decided."""

    state: State
    """`APPROVED` or `DENIED`."""
    organization: str
    """The organization in which they act."""
    user: str
    """Who they are."""
    session: str
    """The session in which they decided."""


class DeviceStore(Protocol):
    """Keeps devices that wait, by the SHA-256 of their code."""

    async def keep(self, digest: bytes, device: Device) -> bool:
        """Keep a new one; return False where another one has its user code."""

    async def find(self, user_code: str, *, now: datetime) -> Device | None:
        """Return the device that waits and shows this code."""

    async def decide(self, user_code: str, decision: Decision, *, now: datetime) -> Device | None:
        """Keep a decision, in one atomic step; return the device, or None where none waits with this code."""

    async def poll(self, digest: bytes, client: str, *, now: datetime, interval: timedelta) -> Polled | None:
        """Note that a client asks, and have it wait longer where it asks too soon; None where it has no such code."""

    async def use(self, digest: bytes, client: str, *, now: datetime) -> Device | None:
        """Use up an approved device's code, in one atomic step of which exactly one caller is part."""

    async def prune(self, *, now: datetime) -> None:
        """Forget those that have expired."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceCodes:
    """What a device is given to begin with."""

    device_code: str = field(repr=False)
    """What it comes back with: 256 random bits."""
    user_code: str
    """What its person types, with a hyphen in the middle."""
    expires_in: int
    """Seconds that both are good for."""
    interval: int
    """Seconds that it has to wait between two questions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceView:
    """What a person is shown of a device."""

    client_name: str
    """What people know its client by."""
    scopes: tuple[str, ...]
    """What it asks for."""
    user_code: str
    """The code as the device shows it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Devices:
    """Leads devices to a person's decision."""

    kept: DeviceStore
    """Where those are kept that wait."""
    clients: Clients
    """Finds clients."""
    directory: Directory
    """Finds who acts in a client's organization."""
    consents: Consents
    """Where it is kept what people have agreed to, so that they can take it back."""
    throttle: Throttle
    """Counts codes that were typed in vain."""
    transactions: Transactions
    """Makes changes one."""
    audit: Audit
    """Where it is written down who has connected what."""
    clock: Callable[[], datetime]
    """Now, with its time zone."""

    async def begin(self, client: Client, parameters: Parameters) -> DeviceCodes:
        """Return the codes of a new device. Raises `OAuthError` where the client may not ask so."""
        if DEVICE_CODE not in client.grant_types:
            raise OAuthError("unauthorized_client", "The client is not registered for devices.")
        scope = " ".join(client.allowed(parameters.get("scope")))
        if not scope:
            raise invalid_scope("The client may have none of these scopes.")
        audience, now = check_audience(client, parameters.resources), self.clock()
        for _ in range(_TRIES):
            user_code = "".join(secrets.choice(LETTERS) for _ in range(_LENGTH))
            device = Device(
                user_code=user_code,
                client=client.id,
                scope=scope,
                audience=audience,
                created=now,
                expires=now + LIFETIME,
            )
            text = secrets.token_urlsafe(_DEVICE_CODE_BYTES)
            if await self.kept.keep(digest_of(text), device):
                seconds, wait = int(LIFETIME.total_seconds()), int(INTERVAL.total_seconds())
                return DeviceCodes(device_code=text, user_code=_shown(user_code), expires_in=seconds, interval=wait)
        raise OAuthError("temporarily_unavailable", "Too many devices wait. Try again in a moment.", status=503)

    async def describe(self, user_code: str, session: Session, origin: Origin) -> DeviceView:
        """Return what the person of a session is shown.

        Raises:
            DeviceCodeUnknown: no device that waits shows this code.
            DeviceCodesThrottled: too many codes were tried.
            DeviceNotForCaller: its client is not for this person.
            StrongerSignInRequired: the organization asks for a second factor.
        """
        device, client = await self._find(user_code, session, origin)
        await self._account(client, session)
        name = client.display_name or client.id
        return DeviceView(client_name=name, scopes=tuple(device.scope.split()), user_code=_shown(device.user_code))

    async def approve(self, user_code: str, session: Session, origin: Origin) -> None:
        """Let the device act for the person of a session. Raises as `describe`."""
        device, client = await self._find(user_code, session, origin)
        account = await self._account(client, session)
        async with self.transactions.together():
            await self._decide(device, session, account.acts_in, State.APPROVED)
            if not client.first_party:
                scopes = device.scope.split()
                await self.consents.give(account.acts_in, account.name, client.id, scopes, now=self.clock())
            await self.audit.record(_entry("device.approved", device, session, account.acts_in, origin))

    async def deny(self, user_code: str, session: Session, origin: Origin) -> None:
        """Turn the device away. Raises `DeviceCodeUnknown`, `DeviceCodesThrottled`."""
        device, _ = await self._find(user_code, session, origin)
        async with self.transactions.together():
            await self._decide(device, session, session.organization, State.DENIED)
            await self.audit.record(_entry("device.denied", device, session, session.organization, origin))

    async def _find(self, user_code: str, session: Session, origin: Origin) -> tuple[Device, Client]:
        """Return the device that shows a code; each code that none shows counts against whoever types it."""
        attempt = Attempt(
            organization=session.organization, email=f"device code of {session.user}", address=origin.address
        )
        try:
            await self.throttle.admit(attempt)
        except SignInThrottled as error:
            raise DeviceCodesThrottled(error.retry_after or 1.0) from error
        device = await self.kept.find(read_user_code(user_code), now=self.clock())
        client = await self.clients.find(device.client) if device else None
        if device is None or client is None:
            raise DeviceCodeUnknown
        # Earlier failures stay: else a guesser would type a code of their own after each few of others.
        await self.throttle.withdraw(attempt)
        return device, client

    async def _account(self, client: Client, session: Session) -> Account:
        organization = session.organization if client.any_organization else client.organization
        account = await self.directory.find_acting(organization, session.user)
        if account is None or account.disabled:
            raise DeviceNotForCaller(client.id)
        if account.needs_second_factor and not reaches(session.authentication.level, LEVELS[1]):
            raise StrongerSignInRequired(account.acts_in)
        return account

    async def _decide(self, device: Device, session: Session, organization: str, state: State) -> None:
        decision = Decision(state=state, organization=organization, user=session.user, session=session.id)
        if await self.kept.decide(device.user_code, decision, now=self.clock()) is None:
            raise DeviceCodeUnknown


def _entry(kind: str, device: Device, session: Session, organization: str, origin: Origin) -> AuditEntry:
    return AuditEntry(
        kind=kind,
        outcome="success" if kind == "device.approved" else "denied",
        organization=organization,
        actor=session.user,
        subject=f"clients/{device.client}",
        session=session.id,
        client=device.client,
        address=origin.address,
        agent=origin.agent,
        detail={"scope": device.scope},
    )


def read_user_code(typed: str) -> str:
    """Return the letters of a code, however somebody has typed it (§6.1)."""
    return re.sub(r"[^A-Z]", "", typed[:64].upper())


def _shown(user_code: str) -> str:
    half = _LENGTH // 2
    return f"{user_code[:half]}-{user_code[half:]}"
