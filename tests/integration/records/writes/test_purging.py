"""The purge: what is large goes in steps, and what cannot go keeps nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.records.deleting.purging import AT_ONCE
from services.records.deleting.statements import MAX_ALONG

if TYPE_CHECKING:
    from tests.integration.records.writes.depot import Depot

DUE = "UPDATE test_depot_v1.makers SET purge_at = now() - interval '1 minute' WHERE deleted_at IS NOT NULL"


async def _deleted_tools(depot: Depot, maker: str, count: int) -> None:
    # Rows as a thousand single deletions leave them.
    await depot.rows(
        "INSERT INTO test_depot_v1.tools (organization, name, parent, message, revision, shape, deleted_at) "
        f"SELECT 'acme', '{maker}/tools/' || n, '{maker}', '', 2, 0, now() FROM generate_series(1, {count}) n"
    )


async def test_a_record_with_more_below_it_than_goes_at_once_is_purged_in_steps(depot: Depot) -> None:
    for name in ("a", "m", "z"):
        await depot.maker(name)
        await depot.do("DeleteMaker", name=f"makers/{name}")
    await _deleted_tools(depot, "makers/m", 2 * MAX_ALONG + 5)
    await depot.rows(DUE)
    assert await depot.engine.purging.purge() == 3
    assert await depot.names("makers") == []
    assert await depot.names("tools") == []
    kinds = [kind for kind, _ in await depot.events()]
    assert (kinds.count("Tool.expunged"), kinds[-1]) == (2 * MAX_ALONG + 5, "Maker.expunged")


async def test_a_record_that_cannot_go_keeps_no_other_and_loses_nothing(depot: Depot) -> None:
    """One with something live below it, and one that a table of another contract refers to."""
    names = [f"n{number:03}" for number in range(AT_ONCE + 20)]
    await depot.do("BatchCreateMakers", requests=[{"maker_id": name, "maker": {"title": name}} for name in names])
    for name in ("live", "other"):
        await depot.maker(name)
    await depot.do("BatchDeleteMakers", names=[f"makers/{name}" for name in ("live", "other", *names)])
    await _deleted_tools(depot, "makers/live", 3)
    await depot.rows("UPDATE test_depot_v1.tools SET deleted_at = NULL WHERE name = 'makers/live/tools/2'")
    await depot.rows(
        'CREATE TABLE test_depot_v1.older (organization text COLLATE "C", parent text COLLATE "C", '
        "FOREIGN KEY (organization, parent) REFERENCES test_depot_v1.makers (organization, name))"
    )
    await depot.rows("INSERT INTO test_depot_v1.older VALUES ('acme', 'makers/other')")
    await depot.rows(DUE)
    # The one that holds comes first.
    await depot.rows(
        "UPDATE test_depot_v1.makers SET purge_at = now() - interval '1 day' WHERE title IN ('live', 'other')"
    )
    for expected in (len(names), 0):
        assert await depot.engine.purging.purge() == expected
        assert await depot.names("makers") == ["makers/live", "makers/other"]
        assert len(await depot.names("tools")) == 3
    await depot.rows("DELETE FROM test_depot_v1.older")
    assert await depot.engine.purging.purge() == 1


async def test_what_comes_back_before_it_is_purged_stays(depot: Depot) -> None:
    await depot.maker()
    await depot.do("DeleteMaker", name="makers/m")
    await depot.rows(DUE)
    call = depot.call("UndeleteMaker")
    request = depot.type("UndeleteMakerRequest")(name="makers/m")
    async with depot.engine.pool.transaction() as transaction:
        await depot.engine.function(call.method.path)(request, call, transaction)
        # It is locked: the purge goes past it.
        assert await depot.engine.purging.purge() == 0
    assert await depot.engine.purging.purge() == 0
    assert not (await depot.do("GetMaker", name="makers/m")).HasField("delete_time")
