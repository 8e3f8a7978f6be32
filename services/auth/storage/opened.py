"""Opens everything that auth keeps, and closes it again."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.storage import schema, throttle
from services.auth.storage.credentials import SqlCredentials
from services.auth.storage.database import Database
from services.auth.storage.directory import SqlDirectory
from services.auth.storage.families import SqlFamilies
from services.auth.storage.hashing import Argon2Hasher
from services.auth.storage.revocations import SqlRevocations
from services.auth.storage.sessions import SqlSessions
from services.auth.storage.signing_keys import RSA_ALGORITHM, RememberedKeys, SqlSigningKeys
from services.auth.storage.throttle import RedisThrottle
from services.auth.storage.tokens import JwtTokens
from services.chassis.tokens import ALGORITHM
from services.records.engine import Engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

    from services.auth.settings import Settings
    from services.chassis.frame import Frame
    from services.chassis.keyring import Sealer


@dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """The adapters of the domain's ports."""

    database: Database
    """Makes changes one (`Changes`)."""
    engine: Engine
    """Serves users and roles."""
    directory: SqlDirectory
    """Reads them."""
    credentials: SqlCredentials
    """Keeps hashes of passwords."""
    sessions: SqlSessions
    """Keeps sessions."""
    families: SqlFamilies
    """Keeps what clients hold."""
    revocations: SqlRevocations
    """Keeps what was revoked."""
    seal: Sealer
    """Seals refresh tokens."""
    keys: SqlSigningKeys
    """Keeps signing keys."""
    published: RememberedKeys
    """The same keys, to sign with and to publish."""
    tokens: JwtTokens
    """Signs."""
    throttle: RedisThrottle
    """Counts attempts."""
    redis: Redis
    """Remembers what may be used once."""
    hasher: Argon2Hasher
    """Hashes passwords."""


@asynccontextmanager
async def open_storage(frame: Frame, settings: Settings) -> AsyncIterator[Storage]:
    """Connect, bring the tables in step, and close all of it at the end."""
    chassis = frame.settings
    async with AsyncExitStack() as stack:
        database = Database(chassis.database_url)
        stack.push_async_callback(database.close)
        redis = throttle.connect(chassis.redis_url)
        stack.push_async_callback(redis.aclose)
        hasher = Argon2Hasher(threads=settings.hash_threads, waiting=settings.hash_waiting)
        stack.callback(hasher.close)
        engine = Engine(frame.contract, host=frame.name, pool=database, keyring=frame.keyring, schema=schema.SCHEMA)
        await engine.migrate(judge=frame.judge)
        await schema.migrate(database)
        keys = SqlSigningKeys(database, frame.keyring.sealer("auth signing key"), (ALGORITHM, RSA_ALGORITHM))
        published = RememberedKeys(keys)
        yield Storage(
            database=database,
            engine=engine,
            directory=SqlDirectory(database),
            credentials=SqlCredentials(database),
            sessions=SqlSessions(database),
            families=SqlFamilies(database),
            revocations=SqlRevocations(database),
            seal=frame.keyring.sealer("auth refresh token"),
            keys=keys,
            published=published,
            tokens=JwtTokens(
                published, issuer=chassis.issuer, audience=chassis.audience, lifetime=settings.token_lifetime
            ),
            throttle=RedisThrottle(redis),
            redis=redis,
            hasher=hasher,
        )
