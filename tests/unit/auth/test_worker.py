"""Whether the background work goes on whatever happens to one round of it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from services.auth.domain.signing_keys import Rotation, SigningKey, current_key
from services.auth.worker import Housekeeping
from services.chassis.errors import Unavailable
from tests.fakes.auth import FakeClock, FakeFamilies, FakeRevocations, FakeSessions, FakeSigningKeys

if TYPE_CHECKING:
    from collections.abc import Sequence


class FlakyKeys(FakeSigningKeys):
    """Fails in its first round, and says when the second is done."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds = 0
        self.done = asyncio.Event()

    async def rotate(self, rotation: Rotation, *, now: object) -> Sequence[SigningKey]:
        self.rounds += 1
        if self.rounds == 1:
            raise Unavailable("Postgres is away")
        self.done.set()
        return ()


def housekeeping(keys: FakeSigningKeys, clock: FakeClock, period: float = 60.0) -> Housekeeping:
    return Housekeeping(
        keys=keys,
        rotation=Rotation(),
        sessions=FakeSessions(),
        families=FakeFamilies(),
        revocations=FakeRevocations(),
        grace=timedelta(seconds=10),
        period=period,
        clock=clock,
    )


async def test_a_round_that_fails_is_followed_by_the_next() -> None:
    keys = FlakyKeys()
    task = asyncio.create_task(housekeeping(keys, FakeClock(), period=0.0).run())
    async with asyncio.timeout(5):
        await keys.done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert keys.rounds >= 2


async def test_over_a_year_there_is_always_a_key_that_was_published_long_before_it_signs() -> None:
    keys, clock = FakeSigningKeys(), FakeClock()
    work = housekeeping(keys, clock)
    await work.do_round()
    seen: dict[str, datetime] = {}
    signers: list[str] = []
    for _ in range(365 * 24 * 4):
        await work.do_round()
        for key in await keys.list():
            seen.setdefault(key.id, clock())
        signer = current_key(await keys.list(), clock())
        if signer.id not in signers:
            signers.append(signer.id)
            assert len(signers) == 1 or clock() - seen[signer.id] >= timedelta(minutes=15)
        clock.advance(minutes=15)
    assert 12 <= len(signers) <= 13
    assert len(await keys.list()) <= 2
