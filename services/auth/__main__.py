"""Wires auth and serves it."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from services.auth.domain.families import Families
from services.auth.domain.grants import Grants
from services.auth.domain.passwords import Passwords
from services.auth.domain.sessions import Sessions
from services.auth.domain.sign_in import SignIn
from services.auth.domain.signing_out import SigningOut
from services.auth.domain.tokens import Minting
from services.auth.http import render_jwks, routes
from services.auth.servicer import EngineRecords, RoleServicer, SessionServicer, TokenServicer, UserServicer
from services.auth.settings import Settings
from services.auth.storage.opened import Storage, open_storage
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
        servicers = build_servicers(storage, settings, trust_headers=frame.settings.insecure)
        messages = messages_of(frame.contract.pool)
        yield Wiring(
            handlers={
                path: handler
                for service in frame.contract.hosted_by(frame.name)
                for path, handler in handlers_of(servicers[service.full_name], service, messages).items()
            },
            http=routes(storage.published),
            tasks=(own_keys.run, housekeeping.run, storage.engine.forget, storage.engine.purge),
            verifier=TokenVerifier(keys=own_keys, issuer=frame.settings.issuer, audience=frame.settings.audience),
        )


def build_servicers(storage: Storage, settings: Settings, *, trust_headers: bool) -> dict[str, object]:
    """Return the servicers by the full name of their service."""
    directory, kept, hasher, throttle = storage.directory, storage.sessions, storage.hasher, storage.throttle
    tokens, credentials, changes = storage.tokens, storage.credentials, storage.database
    records = EngineRecords(storage.engine.function)
    sessions = Sessions(kept=kept, lifetimes=settings.lifetimes)
    families = Families(
        kept=storage.families,
        directory=directory,
        tokens=tokens,
        seal=storage.seal,
        lifetimes=settings.lifetimes,
    )
    passwords = Passwords(
        directory=directory,
        credentials=credentials,
        hasher=hasher,
        throttle=throttle,
        sessions=kept,
        changes=changes,
    )
    grants = Grants(
        directory=directory,
        credentials=credentials,
        sessions=kept,
        revocations=storage.revocations,
        changes=changes,
    )
    entrance = SignIn(directory=directory, hasher=hasher, throttle=throttle, sessions=sessions, families=families)
    minting = Minting(directory=directory, tokens=tokens, default_email=settings.admin_email)
    return {
        "tenon.auth.v1.RoleService": RoleServicer(records=records, grants=grants),
        "tenon.auth.v1.SessionService": SessionServicer(
            entrance=entrance,
            exits=SigningOut(sessions=sessions, families=families),
            trust_headers=trust_headers,
        ),
        "tenon.auth.v1.TokenService": TokenServicer(minting=minting),
        "tenon.auth.v1.UserService": UserServicer(
            records=records, grants=grants, passwords=passwords, trust_headers=trust_headers
        ),
    }


if __name__ == "__main__":
    sys.exit(serve(name="auth", wire=wire, environ=os.environ))
