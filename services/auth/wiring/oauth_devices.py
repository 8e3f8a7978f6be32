"""Wires devices that have no browser."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from services.auth.domain.oauth.clients import DEVICE_CODE
from services.auth.domain.oauth.device_grant import DeviceGrant
from services.auth.domain.oauth.devices import Devices
from services.auth.domain.throttle import Allowance, Limits
from services.auth.http.oauth import device
from services.auth.storage.oauth_devices import SqlDevices
from services.auth.wiring.oauth_parts import Extension
from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from services.auth.wiring.oauth_parts import Parts

_FORGET_EVERY = 60.0
_GUESSES = Allowance(free=5, first_wait=5.0)
LIMITS = Limits(pair=_GUESSES, account=_GUESSES)
"""Codes that a person may type in vain: five, and then ever more slowly (RFC 8628 §5.1)."""


def devices_of(parts: Parts) -> Devices:
    """Return what leads devices to a person's decision."""
    kit = parts.kit
    return Devices(
        kept=SqlDevices(kit.storage.database),
        clients=parts.clients,
        directory=kit.storage.directory,
        consents=parts.consents,
        throttle=kit.storage.throttle.limited(LIMITS),
        transactions=kit.storage.database,
        audit=parts.audit,
        clock=parts.clock,
    )


def extend(parts: Parts) -> Extension:
    """Add the endpoint, the grant and the metadata."""
    kit = parts.kit
    kept = SqlDevices(kit.storage.database)
    grant = DeviceGrant(
        kept=kept,
        directory=kit.storage.directory,
        sessions=kit.sessions,
        families=kit.families,
        identities=parts.identities,
        transactions=kit.storage.database,
        audit=parts.audit,
        clock=parts.clock,
    )

    async def forget() -> None:
        """Forget devices that nobody has connected, once a minute, until cancelled."""
        while True:
            with contextlib.suppress(TenonError):
                await kept.prune(now=parts.clock())
            await asyncio.sleep(_FORGET_EVERY)

    return Extension(
        grants={DEVICE_CODE: grant},
        metadata={"device_authorization_endpoint": kit.frame.settings.issuer + device.PATH},
        routes=lambda provider: device.routes(provider, devices_of(parts)),
        tasks=(forget,),
    )
