"""The ports of machines kept in memory: each passes the same conformance suite as its real adapter."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from services.auth.domain.errors import ReplayUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from services.auth.domain.api_keys import ApiKey, Listed
    from tests.fakes.auth import FakeClock


@dataclass
class FakeApiKeys:
    """API keys (port `ApiKeyStore`)."""

    keys: dict[str, ApiKey] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)

    async def add(self, key: ApiKey) -> None:
        self.keys[key.id] = key

    async def find(self, key_id: str) -> ApiKey | None:
        self.looked_up.append(key_id)
        return self.keys.get(key_id)

    async def list(self, listed: Listed) -> Sequence[ApiKey]:
        found = [
            key
            for key_id, key in sorted(self.keys.items())
            if key.organization == listed.organization and listed.owner in {"", key.owner} and key_id > listed.after
        ]
        return found[: listed.limit]

    async def count(self, organization: str, owner: str) -> int:
        return sum((key.organization, key.owner) == (organization, owner) for key in self.keys.values())

    async def revoke(self, key_id: str, now: datetime) -> None:
        key = self.keys.get(key_id)
        if key is not None and key.revoked is None:
            self.keys[key_id] = replace(key, revoked=now)

    async def remove(self, key_id: str) -> None:
        self.keys.pop(key_id, None)

    async def note_used(self, used: Mapping[str, datetime]) -> None:
        for key_id, time in used.items():
            if key_id in self.keys:
                key = self.keys[key_id]
                self.keys[key_id] = replace(key, used=max(time, key.used or time))


@dataclass
class FakeReplays:
    """What was used (port `Replays`)."""

    clock: FakeClock
    away: bool = False
    used: dict[str, datetime] = field(default_factory=dict)

    async def is_first(self, digest: str, keep_for: timedelta) -> bool:
        if self.away:
            raise ReplayUnavailable
        if digest in self.used and self.used[digest] > self.clock():
            return False
        self.used[digest] = self.clock() + keep_for
        return True
