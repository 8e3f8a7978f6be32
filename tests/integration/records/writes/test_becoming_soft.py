"""A record that is deleted softly from some day on, and one that is so no more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.records.engine import Engine
from services.records.failures import RecordExists
from services.records.migrating.migrations import MigrationRefused
from tests.integration.records.library import KEYRING
from tests.integration.records.writes.conftest import depot_contract
from tests.integration.records.writes.depot import PACKAGE, SERVICE, Depot

if TYPE_CHECKING:
    from services.chassis.contract import Contract
    from services.chassis.postgres import Pool


def _hard() -> Contract:
    """Return the depot's contract as it was when makers were deleted for good."""
    contract = depot_contract()
    records = tuple(
        replace(record, soft_delete=False, keep_deleted=None) if record.singular == "maker" else record
        for record in contract.records
    )
    kept = [
        method
        for method in contract.services[0].methods
        if method.name not in ("UndeleteMaker", "ExpungeMaker", "DeleteMaker", "BatchDeleteMakers")
    ]
    services = (replace(contract.services[0], methods=tuple(kept)),)
    return replace(contract, records=records, services=services)


async def test_rows_that_are_there_are_live_once_their_record_is_deleted_softly(pool: Pool) -> None:
    before = Engine(_hard(), host="data", pool=pool, keyring=KEYRING)
    await before.migrate()
    await Depot(before, before.contract, PACKAGE, SERVICE).maker(code="c")
    engine = Engine(depot_contract(), host="data", pool=pool, keyring=KEYRING)
    await engine.migrate()
    depot = Depot(engine, engine.contract, PACKAGE, SERVICE)
    with pytest.raises(RecordExists):
        await depot.maker("n", code="c")
    assert (await depot.do("DeleteMaker", name="makers/m")).HasField("delete_time")
    await depot.maker("n", code="c")


async def test_a_record_that_was_deleted_softly_goes_on_being_so(pool: Pool) -> None:
    engine = Engine(depot_contract(), host="data", pool=pool, keyring=KEYRING)
    await engine.migrate()
    with pytest.raises(MigrationRefused, match="Keep `soft_delete: true`"):
        await Engine(_hard(), host="data", pool=pool, keyring=KEYRING).migrate()
