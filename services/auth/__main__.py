"""Wires auth and serves it."""

from __future__ import annotations

import os
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from services.auth.domain.bootstrap import Bootstrap
from services.auth.domain.accounts import normalize_email
from services.auth.domain.grants import Grants
from services.auth.domain.passwords import Passwords
from services.auth.domain.sessions import Lifetimes, Sessions
from services.auth.domain.sign_in import SignIn
from services.auth.domain.signing_keys import Rotation
from services.auth.domain.tokens import Minting
from services.auth.http import render_jwks, routes
from services.auth.servicer import EngineRecords, RoleServicer, SessionServicer, TokenServicer, UserServicer
from services.auth.settings import Settings
from services.auth.storage import schema, throttle
from services.auth.storage.credentials import SqlCredentials
from services.auth.storage.database import Database
from services.auth.storage.directory import SqlDirectory
from services.auth.storage.founding import RecordFounding
from services.auth.storage.hashing import Argon2Hasher
from services.auth.storage.sessions import SqlSessions
from services.auth.storage.signing_keys import RememberedKeys, SqlSigningKeys
from services.auth.storage.tokens import JwtTokens
from services.auth.worker import Housekeeping, first_start
from services.chassis.frame import Frame, Wiring
from services.chassis.keyring import SealBroken
from services.chassis.server import serve
from services.chassis.tokens import Jwks, TokenVerifier
from services.chassis.transport import handlers_of, messages_of
from services.records.engine import Engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def wire(frame: Frame) -> AsyncIterator[Wiring]:
    """Build auth on a frame."""
    chassis, settings = frame.settings, Settings.from_environ(frame.environ)
    async with AsyncExitStack() as stack:
        database = Database(chassis.database_url)
        stack.push_async_callback(database.close)
        redis = throttle.connect(chassis.redis_url)
        stack.push_async_callback(redis.aclose)
        hasher = Argon2Hasher(threads=settings.hash_threads, waiting=settings.hash_waiting)
        stack.callback(hasher.close)
        engine = Engine(frame.contract, host="auth", pool=database, keyring=frame.keyring, schema=schema.SCHEMA)
        await engine.migrate()
        await schema.migrate(database)

        directory, credentials, kept = SqlDirectory(database), SqlCredentials(database), SqlSessions(database)
        ports = {"directory": directory, "credentials": credentials, "changes": database}
        keys = SqlSigningKeys(database, frame.keyring.sealer("auth signing keys"), (SealBroken,))
        remembered = RememberedKeys(keys)
        tokens = JwtTokens(
            remembered, issuer=chassis.issuer, audience=chassis.audience, lifetime=settings.token_lifetime
        )
