"""What a failure of Postgres means to a caller."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from services.chassis.contract import PROTO_ROOT, read_contract
from services.chassis.errors import InvalidArgument
from services.records.failures import explain
from services.records.schema.tables import build_tables


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.ProgramLimitExceededError("index row size 2800 exceeds btree maximum 2704"),
        asyncpg.DataError("value out of range"),
        asyncpg.CharacterNotInRepertoireError("invalid byte sequence"),
    ],
)
def test_what_cannot_be_stored_is_the_callers_mistake_and_names_the_field(error: Any) -> None:
    contract = read_contract(PROTO_ROOT.parent / "gen" / "contract.binpb")
    record = contract.records[0]
    table = build_tables(contract, host=record.host)[record.message]
    found = explain(table, error, field=record.singular)
    assert isinstance(found, InvalidArgument)
    assert found.violations[0].field == record.singular
