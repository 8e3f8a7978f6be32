"""Counts attempts to sign in, in Redis."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from services.auth.domain.errors import SignInThrottled, ThrottleUnavailable
from services.auth.domain.throttle import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.domain.throttle import Allowance, Attempt

# Looks at all counters first and counts only where none of them makes us wait. KEYS are the counters, of one slot;
# ARGV[1] is the time, then come four figures for each counter. Returns the seconds to wait as text.
_ADMIT = """
local now = tonumber(ARGV[1])
local wait = 0
for i, key in ipairs(KEYS) do
  wait = math.max(wait, tonumber(redis.call('HGET', key, 'until') or '0') - now)
end
if wait > 0 then return tostring(wait) end
for i, key in ipairs(KEYS) do
  local at = 2 + (i - 1) * 4
  local free, first = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local longest, memory = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local beyond = redis.call('HINCRBY', key, 'failures', 1) - free
  if beyond > 0 then
    local pause = math.min(longest, first * 2 ^ math.min(beyond - 1, 60))
    redis.call('HSET', key, 'until', string.format('%.3f', now + pause))
  end
  redis.call('EXPIRE', key, math.ceil(memory))
end
return '0'
"""

# Takes one failure back from each counter that is still there, and the wait that it caused.
_FORGIVE = """
for i, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    redis.call('HDEL', key, 'until')
    if redis.call('HINCRBY', key, 'failures', -1) <= 0 then redis.call('DEL', key) end
  end
end
return 1
"""

# Takes failures back from a counter of all organizations; its wait ends where no more are left than are free.
_FORGIVE_SOME = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  local left = redis.call('HINCRBY', KEYS[1], 'failures', -tonumber(ARGV[1]))
  if left <= tonumber(ARGV[2]) then redis.call('HDEL', KEYS[1], 'until') end
  if left <= 0 then redis.call('DEL', KEYS[1]) end
end
return 1
"""

# Forgets a counter, and returns how many failures it had.
_FORGET = """
local failures = tonumber(redis.call('HGET', KEYS[1], 'failures') or '0')
redis.call('DEL', KEYS[1])
return failures
"""

# The same without the wait: whoever fills the server with attempts must not be able to end one.
_WITHDRAW = """
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HINCRBY', KEYS[1], 'failures', -1) <= 0 then
  redis.call('DEL', KEYS[1])
end
return 1
"""


def connect(url: str) -> Redis:
    """Return a client that says within a second that Redis does not answer: somebody waits to sign in."""
    return Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0, retry=Retry(NoBackoff(), 1))


class RedisThrottle:
    """Counters in Redis (port `Throttle`). Where Redis does not answer, nobody may try (ASVS 5.0 16.5.3).

    Keys hold no address of a person. Those of one account share a slot, so that a cluster runs the script too.
    """

    def __init__(self, redis: Redis, limits: Limits | None = None, *, clock: Callable[[], float] = time.time) -> None:
        """Take a client, what is allowed, and a clock of the Unix epoch."""
        self._redis = redis
        self._limits = limits or Limits()
        self._clock = clock
        self._admit_script = redis.register_script(_ADMIT)
        self._withdraw_script = redis.register_script(_WITHDRAW)
        self._forgive_script = redis.register_script(_FORGIVE)
        self._forgive_some_script = redis.register_script(_FORGIVE_SOME)
        self._forget_script = redis.register_script(_FORGET)

    def limited(self, limits: Limits) -> RedisThrottle:
        """Return a throttle that allows something else, over the same connections."""
        return RedisThrottle(self._redis, limits, clock=self._clock)

    async def admit(self, attempt: Attempt) -> None:
        """Count an attempt. Raises `SignInThrottled`, `ThrottleUnavailable`."""
        limits = self._limits
        try:
            await self._count({_address_key(attempt): limits.address})
            counters = {_pair_key(attempt): limits.pair}
            anywhere = {_pair_anywhere_key(attempt): limits.pair}
            if not await self._redis.exists(_known_key(attempt, attempt.known_by)):
                counters[_account_key(attempt)] = limits.account
                anywhere[_person_key(attempt)] = limits.account
            await self._count(counters)
            await self._count(anywhere)
        except (RedisError, OSError) as error:
            raise ThrottleUnavailable from error

    async def withdraw(self, attempt: Attempt) -> None:
        """Take an attempt back that was not made after all."""
        with contextlib.suppress(RedisError, OSError):
            for name in (_address_key, _account_key, _pair_key, _person_key, _pair_anywhere_key):
                await self._withdraw_script(keys=[name(attempt)])

    async def forgive(self, attempt: Attempt) -> None:
        """Take a successful attempt back. A Redis that is gone by now keeps nobody out."""
        with contextlib.suppress(RedisError, OSError):
            await self._forgive_script(keys=[_address_key(attempt)])
            await self._forgive_script(keys=[_account_key(attempt)])
            failures = await self._forget_script(keys=[_pair_key(attempt)])
            await self._forgive_some(_pair_anywhere_key(attempt), failures, self._limits.pair)
            await self._forgive_some(_person_key(attempt), 1, self._limits.account)
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in {attempt.account, attempt.owner}:
                    pipe.set(_known_key(attempt, name), 1, ex=int(self._limits.known_for))
                await pipe.execute()

    async def _forgive_some(self, key: str, failures: int, allowance: Allowance) -> None:
        await self._forgive_some_script(keys=[key], args=[failures, allowance.free])

    async def _count(self, counters: dict[str, Allowance]) -> None:
        arguments: list[Any] = [self._clock()]
        for allowance in counters.values():
            arguments += [allowance.free, allowance.first_wait, allowance.longest_wait, allowance.memory]
        wait = float(await self._admit_script(keys=list(counters), args=arguments))
        if wait > 0:
            raise SignInThrottled(wait)


def _address_key(attempt: Attempt) -> str:
    return f"auth:signin:address:{{{attempt.address}}}"


def _account_key(attempt: Attempt) -> str:
    return f"auth:signin:account:{{{attempt.account}}}"


def _pair_key(attempt: Attempt) -> str:
    return f"auth:signin:pair:{{{attempt.account}}}:{attempt.address}"


def _person_key(attempt: Attempt) -> str:
    return f"auth:signin:person:{{{attempt.person}}}"


def _pair_anywhere_key(attempt: Attempt) -> str:
    return f"auth:signin:pair:{{{attempt.person}}}:{attempt.address}"


def _known_key(attempt: Attempt, name: str) -> str:
    return f"auth:signin:known:{{{name}}}:{attempt.address}"
