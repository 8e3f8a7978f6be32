"""What every adapter of the ports of machines must do, the fakes too."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from services.auth.domain.api_keys import ApiKey, Listed
from tests.fakes.auth import START

if TYPE_CHECKING:
    from services.auth.domain.api_keys import ApiKeyStore
    from services.auth.domain.oauth.dpop import Replays

MINUTE = timedelta(minutes=1)


def key_named(key_id: str, *, owner: str = "serviceAccounts/1", organization: str = "default") -> ApiKey:
    return ApiKey(
        id=key_id,
        organization=organization,
        owner=owner,
        display_name="nightly",
        scopes=("library.*", "shop.orders.get"),
        digest=b"d" * 32,
        created=START,
        creator="users/1",
        expires=START + 60 * MINUTE,
    )


class ApiKeysConformance:
    """A subclass's fixture `kept` is empty."""

    async def test_a_key_comes_back_as_it_was_kept(self, kept: ApiKeyStore) -> None:
        await kept.add(key_named("a"))
        assert await kept.find("a") == key_named("a")
        assert await kept.find("b") is None
        assert await kept.find("a\0") is None

    async def test_keys_are_listed_by_owner_in_order_and_page_by_page(self, kept: ApiKeyStore) -> None:
        for key_id in ("b", "a", "C"):
            await kept.add(key_named(key_id))
        await kept.add(key_named("d", owner="users/2"))
        await kept.add(key_named("e", organization="other"))

        async def listed(**fields: str) -> list[str]:
            found = await kept.list(Listed(organization="default", limit=2, **fields))
            return [key.id for key in found]

        assert await listed() == ["C", "a"]
        assert await listed(after="a") == ["b", "d"]
        assert await listed(owner="users/2") == ["d"]
        assert await kept.count("default", "serviceAccounts/1") == 3

    async def test_a_key_is_revoked_once(self, kept: ApiKeyStore) -> None:
        await kept.add(key_named("a"))
        await kept.revoke("a", START + MINUTE)
        await kept.revoke("a", START + 2 * MINUTE)
        found = await kept.find("a")
        assert found is not None
        assert found.revoked == START + MINUTE
        assert not found.is_good(START + MINUTE)

    async def test_a_key_is_forgotten(self, kept: ApiKeyStore) -> None:
        for key_id in "ab":
            await kept.add(key_named(key_id))
        await kept.remove("a")
        assert [bool(await kept.find(key_id)) for key_id in "ab"] == [False, True]

    async def test_the_last_use_is_kept_and_never_an_earlier_one(self, kept: ApiKeyStore) -> None:
        await kept.add(key_named("a"))
        for minutes in (1, 3, 2):
            await kept.note_used({"a": START + minutes * MINUTE, "gone": START})
        found = await kept.find("a")
        assert found is not None
        assert found.used == START + 3 * MINUTE


class ReplaysConformance:
    """A subclass's fixture `replays` is empty."""

    async def test_of_many_at_once_exactly_one_is_first(self, replays: Replays) -> None:
        answers = await asyncio.gather(*(replays.is_first("a", MINUTE) for _ in range(20)))
        assert sum(answers) == 1
        assert await replays.is_first("b", MINUTE)
