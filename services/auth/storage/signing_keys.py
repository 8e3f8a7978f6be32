"""Keeps the key pairs that sign tokens in Postgres, their private parts sealed."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from typing import TYPE_CHECKING, Any, Protocol

from joserfc.jwk import ECKey, RSAKey

from services.auth.domain.signing_keys import SigningKey
from services.auth.storage.schema import SCHEMA
from services.chassis.errors import TenonError
from services.chassis.keyring import SealBroken
from services.chassis.tokens import ALGORITHM

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    import asyncpg

    from services.auth.domain.families import Seal
    from services.auth.domain.signing_keys import Rotation, SigningKeys
    from services.chassis.postgres import Executor, Pool

RSA_ALGORITHM = "RS256"
"""What id tokens are signed with for clients that know no better (OIDC Discovery §3)."""

_RSA_BITS = 2048
_LIST = f"SELECT id, public, private, activate_time FROM {SCHEMA}.signing_keys ORDER BY activate_time"
_INSERT = f"""
INSERT INTO {SCHEMA}.signing_keys (id, public, private, activate_time) VALUES ($1, $2, $3, $4)
"""
_DELETE = f"DELETE FROM {SCHEMA}.signing_keys WHERE id = ANY ($1)"
_ACTIVATE = f"UPDATE {SCHEMA}.signing_keys SET activate_time = $2 WHERE id = $1"
_LOCK = "SELECT pg_advisory_xact_lock(x'617574686b657973'::bigint)"  # "authkeys"
_log = logging.getLogger(__name__)


class SqlSigningKeys:
    """Key pairs in Postgres (port `SigningKeys`)."""

    def __init__(self, pool: Pool, seal: Seal, algorithms: Sequence[str] = (ALGORITHM,)) -> None:
        """Take the pool, what seals private keys, and the algorithms for each of which there is to be a key."""
        self._pool = pool
        self._seal = seal
        self._algorithms = algorithms

    async def list(self) -> Sequence[SigningKey]:
        """Return all keys."""
        return await self._list(self._pool)

    async def rotate(self, rotation: Rotation, *, now: datetime) -> Sequence[SigningKey]:
        """Make and drop what is due. An advisory lock lets one worker at a time do it."""
        async with self._pool.transaction() as transaction:
            await transaction.fetch(_LOCK)
            keys = await self._list(transaction)
            for algorithm in self._algorithms:
                alike = [key for key in keys if key.algorithm == algorithm]
                await self._exchange(transaction, algorithm, alike, rotation, now)
            return await self._list(transaction)

    async def _exchange(
        self, executor: Executor, algorithm: str, keys: Sequence[SigningKey], rotation: Rotation, now: datetime
    ) -> None:
        """Make and drop what is due among the keys of one algorithm."""
        activates = rotation.next_activation(keys, now)
        if activates is not None:
            await self._make(executor, algorithm, activates)
        if outdated := rotation.outdated(keys, now):
            await executor.fetch(_DELETE, [outdated])
            _log.info("dropped the signing keys %s", ", ".join(outdated))

    async def stage(self, *, activates: datetime, now: datetime) -> Sequence[SigningKey]:
        """Make a key for each algorithm that has none which signs later than now."""
        await self._pool.fetch(_LOCK)
        keys = await self._list(self._pool)
        for algorithm in self._algorithms:
            if not any(key.algorithm == algorithm and key.activates > now for key in keys):
                await self._make(self._pool, algorithm, activates)
        return await self._list(self._pool)

    async def withdraw(self, ids: Collection[str], *, now: datetime) -> Sequence[SigningKey]:
        """Drop keys; where none is left that signs, the next one does at once, or else a new one."""
        await self._pool.fetch(_LOCK)
        await self._pool.fetch(_DELETE, [list(ids)])
        for algorithm in self._algorithms:
            await self._replace(self._pool, algorithm, now)
        return await self._list(self._pool)

    async def _replace(self, executor: Executor, algorithm: str, now: datetime) -> None:
        """See to it that a key of the algorithm signs."""
        keys = [key for key in await self._list(executor) if key.algorithm == algorithm and key.private is not None]
        if any(key.activates <= now for key in keys):
            return
        if not keys:
            await self._make(executor, algorithm, now)
            return
        following = min(keys, key=lambda key: key.activates)
        await executor.fetch(_ACTIVATE, [following.id, now])

    async def _make(self, executor: Executor, algorithm: str, activates: datetime) -> None:
        # Finding primes takes a tenth of a second, in which others are served.
        key = await asyncio.to_thread(generate_key, activates, algorithm)
        sealed = self._seal.seal(json.dumps(dict(key.private or {})).encode(), key.id.encode())
        await executor.fetch(_INSERT, [key.id, json.dumps(dict(key.public)), sealed, activates])
        _log.info("made the signing key %s (%s), from %s", key.id, algorithm, activates.isoformat())

    async def _list(self, executor: Executor) -> Sequence[SigningKey]:
        return [self._key(row) for row in await executor.fetch(_LIST, repeatable=True)]

    def _key(self, row: asyncpg.Record) -> SigningKey:
        try:
            private = json.loads(self._seal.open(row["private"], row["id"].encode()))
        except SealBroken:
            # It goes on being published, so that the tokens that it has signed are good until they expire.
            _log.warning("the signing key %s cannot be unsealed: is the root key another one?", row["id"])
            private = None
        return SigningKey(
            id=row["id"], public=json.loads(row["public"]), private=private, activates=row["activate_time"]
        )


class KeySource(Protocol):
    """Where the keys are read from to sign and to publish."""

    async def list(self) -> Sequence[SigningKey]:
        """Return all keys."""


class RememberedKeys:
    """Remembers keys for a while, and beyond where Postgres does not answer (`KeySource`).

    A new key is published for much longer before it signs than it is remembered here, so nobody has to be told.
    """

    def __init__(self, kept: SigningKeys, *, period: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Take where keys are kept, and for how many seconds what was read holds."""
        self._kept = kept
        self._period = period
        self._clock = clock
        self._keys: Sequence[SigningKey] = ()
        self._read = float("-inf")

    async def list(self) -> Sequence[SigningKey]:
        """Return all keys."""
        if self._clock() - self._read >= self._period or not self._keys:
            try:
                self._keys = await self._kept.list()
            except TenonError:
                if not self._keys:
                    raise
            self._read = self._clock()
        return self._keys

    def forget(self) -> None:
        """Read them anew the next time."""
        self._read = float("-inf")


def generate_key(activates: datetime, algorithm: str = ALGORITHM) -> SigningKey:
    """Return a new key pair for ES256 or RS256 under a random id."""
    kid = secrets.token_urlsafe(9)
    parameters: Any = {"kid": kid, "use": "sig", "alg": algorithm}
    pair: ECKey | RSAKey
    if algorithm == RSA_ALGORITHM:
        pair = RSAKey.generate_key(_RSA_BITS, parameters, private=True)
    else:
        pair = ECKey.generate_key("P-256", parameters, private=True)
    public = {name: str(value) for name, value in pair.as_dict(private=False).items()}
    private = {name: str(value) for name, value in pair.as_dict(private=True).items()}
    return SigningKey(id=kid, public=public, private=private, activates=activates)
