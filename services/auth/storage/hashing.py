"""Hashes passwords by argon2id in a bounded pool of threads (RFC 9106; ASVS 5.0 appendix C)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from services.auth.domain.errors import HashingBusy
from services.auth.domain.password_policy import normalize_password
from services.auth.storage import foreign_hashes

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

T = TypeVar("T")

MEMORY_KIB = 19 * 1024
"""Memory of one hash."""

TIME_COST = 2
"""Passes over it."""

NICENESS = 15
"""How far the threads stand back that hash; 19 is as far as one can."""

OWN = f"$argon2id$v=19$m={MEMORY_KIB},t={TIME_COST},p=1$"
"""What the hashes begin with that are made here, today."""


class Argon2Hasher:
    """Argon2id with 19 MiB, two passes and one lane (port `Hasher`).

    There are as many threads as cores, since more would only take memory, and a bound on those that wait: beyond it
    somebody is told to come back, rather than everybody waiting until their deadlines pass.
    """

    def __init__(self, *, threads: int | None = None, waiting: int = 64) -> None:
        """Take how many hash at once (as many as there are cores when left out), and how many more may wait."""
        count = threads or len(os.sched_getaffinity(0))
        self._hasher = PasswordHasher(
            time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
        )
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix="argon2", initializer=_stand_back)
        self._bound = count + waiting
        self._pending: set[Future[Any]] = set()
        self._decoy = self._hasher.hash(os.urandom(16).hex())

    async def hash(self, password: str) -> str:
        """Return an encoded hash. Raises `HashingBusy`."""
        return await self._run(lambda: self._hasher.hash(_encode(password)))

    async def verify(self, password_hash: str, password: str) -> bool:
        """Whether the password is the one that was hashed; an empty hash costs the same. Raises `HashingBusy`."""
        matches = await self._run(lambda: self._matches(password_hash or self._decoy, password))
        return matches and bool(password_hash)

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash was made elsewhere, or with other parameters than today."""
        return not password_hash.startswith(OWN)

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _matches(self, password_hash: str, password: str) -> bool:
        if not password_hash.startswith(OWN):
            return foreign_hashes.matches(password_hash, _encode(password))
        try:
            return self._hasher.verify(password_hash, _encode(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, function: Callable[[], T]) -> T:
        if len(self._pending) >= self._bound:
            raise HashingBusy
        # A caller that goes away frees its place when its hash is done or was never begun: no thread can be stopped.
        future = self._pool.submit(function)
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)
        return await asyncio.wrap_future(future)


def _stand_back() -> None:
    """Let all other work of the machine go before this thread: a hash takes long anyway, and the rest must not."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            # There a thread has a niceness of its own.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _encode(password: str) -> bytes:
    return normalize_password(password).encode("utf-8", "surrogatepass")
