"""Whether attempts are counted in a real Redis as the domain says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.auth.domain.errors import ThrottleUnavailable
from services.auth.storage.throttle import RedisThrottle, connect
from tests.fakes.auth import FakeClock
from tests.fakes.auth_conformance import LIMITS, ThrottleConformance, attempt_from

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis


class TestRedisThrottle(ThrottleConformance):
    """The adapter in Redis."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def throttle(self, redis: Redis, clock: FakeClock) -> RedisThrottle:
        return RedisThrottle(redis, LIMITS, clock=clock.seconds)

    async def test_no_key_holds_a_persons_address_and_each_expires(self, redis: Redis, throttle: RedisThrottle) -> None:
        await throttle.admit(attempt_from("192.0.2.1"))
        await throttle.forgive(attempt_from("192.0.2.1"))
        await throttle.admit(attempt_from("192.0.2.1"))
        keys = await redis.keys("*")
        assert keys
        assert "ann" not in str(keys)
        assert all([await redis.ttl(key) > 0 for key in keys])


async def test_nobody_may_try_while_redis_does_not_answer(tmp_path: Path) -> None:
    gone = connect(f"unix://{tmp_path}/gone.sock")
    with pytest.raises(ThrottleUnavailable):
        await RedisThrottle(gone).admit(attempt_from("192.0.2.1"))
    await RedisThrottle(gone).forgive(attempt_from("192.0.2.1"))
    await gone.aclose()
