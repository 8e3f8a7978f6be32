"""Wires auth and serves it."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from services.auth.http.keys import render_jwks
from services.auth.servicer.persons import for_persons
from services.auth.settings import Settings
from services.auth.storage.opened import open_storage
from services.auth.wiring import wire_topics
from services.auth.wiring.audit import recorder_of
from services.auth.wiring.kit import make_kit
from services.auth.worker import Housekeeping, start_up
from services.chassis.frame import Frame, Wiring
from services.chassis.jwks import Jwks
from services.chassis.server import serve
from services.chassis.tokens import TokenVerifier
from services.chassis.transport import handlers_of, messages_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def wire(frame: Frame) -> AsyncIterator[Wiring]:
    """Build auth on a frame."""
    settings = Settings.from_environ(frame.environ)
    async with open_storage(frame, settings) as storage:
        housekeeping = Housekeeping(
            keys=storage.keys,
            rotation=settings.rotation,
            sessions=storage.sessions,
            families=storage.families,
            revocations=storage.revocations,
            grace=settings.refresh_grace,
        )
        await start_up(storage, settings, frame.contract, housekeeping)
        own_keys = Jwks(fetch=lambda: render_jwks(storage.published))
        kit = make_kit(frame, settings, storage)
        await kit.revoked.look()
        whole = wire_topics(kit)
        messages = messages_of(frame.contract.pool)
        yield Wiring(
            handlers=for_persons(
                {
                    path: handler
                    for service in frame.contract.hosted_by(frame.name)
                    for path, handler in handlers_of(whole.servicers[service.full_name], service, messages).items()
                }
            ),
            http=whole.routes,
            tasks=(own_keys.run, housekeeping.run, storage.engine.forget, storage.engine.purge, *whole.tasks),
            verifier=TokenVerifier(
                keys=own_keys,
                revoked=kit.revoked,
                issuer=frame.settings.issuer,
                audience=frame.settings.audience,
            ),
            recorder=recorder_of(kit),
        )


if __name__ == "__main__":
    sys.exit(serve(name="auth", wire=wire, environ=os.environ))
