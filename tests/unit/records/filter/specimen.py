"""A record with a field of every kind, compiled once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.dialects.postgresql import asyncpg

from services.chassis.contract import compile_protos, load_contract
from services.records.schema.tables import build_tables

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from sqlalchemy import Dialect

    from services.chassis.contract import Contract
    from services.records.schema.tables import RecordTable

CONTRACTS = Path(__file__).parent / "contracts"


@cache
def contract() -> Contract:
    """Return the contract."""
    return load_contract(compile_protos([CONTRACTS]), services=("auth", "data"))


@cache
def table() -> RecordTable:
    """Return the record's table."""
    return build_tables(contract(), host="data")["specimen.v1.Specimen"]


def descriptor() -> Descriptor:
    """Return the descriptor of the record's message."""
    return table().descriptor


def dialect() -> Dialect:
    """Return Postgres as asyncpg speaks it."""
    return cast("Dialect", asyncpg.dialect())


def specimen(**fields: Any) -> Any:
    """Return a specimen."""
    return table().message(**fields)


def part(**fields: Any) -> Any:
    """Return a part of a specimen."""
    return type(specimen().part)(**fields)
