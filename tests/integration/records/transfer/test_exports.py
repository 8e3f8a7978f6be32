"""What an export writes: what its caller may see, as it is at one moment, and nothing is left out in silence."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.chassis.errors import InvalidArgument, PermissionDenied
from tests.integration.records.library import user
from tests.integration.records.transfer.harbour import CSV, FORMATS, JSONL, PACKAGE, cargo_contract
from tests.unit.records.transfer.messages import messages

if TYPE_CHECKING:
    from tests.integration.records.transfer.harbour import Harbour

CRATE: Any = cargo_contract().pool.FindMessageTypeByName(f"{PACKAGE}.Crate")
OURS = ("name", "create_time", "etag")
"""What the server sets, so that no import brings it."""


def lines(*rows: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def exporter(*more: str) -> Any:
    return replace(user(), permissions=frozenset({"cargo.crates.export", *more}))


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(crates=st.lists(messages(CRATE, without=(*OURS, "harbour", "seal", "password")), min_size=1, max_size=12))
async def test_what_is_exported_and_imported_elsewhere_is_equal(harbour: Harbour, form: int, crates: list[Any]) -> None:
    await harbour.engine.pool.fetch("DELETE FROM cargo_v1.crates")
    create: Any = GetMessageClass(harbour.contract.pool.FindMessageTypeByName(f"{PACKAGE}.CreateCrateRequest"))
    handler, call = harbour.engine.function(f"/{PACKAGE}.CargoService/CreateCrate"), harbour.call("CreateCrate")
    for number, crate in enumerate(crates):
        crate.small = min(crate.small, 1_000_000)
        await handler(create(crate=crate, crate_id=f"c{number:02}"), call)
    report, content = await harbour.take(form)
    assert (report.rows_written, list(report.omitted_fields)) == (len(crates), [])
    other = user("globex", "users/2")
    imported = await harbour.bring(content, form, other)
    assert (imported.rows_created, imported.rows_rejected) == (len(crates), 0)
    before, after = await harbour.crates(), await harbour.crates(other)
    for crate in (*before, *after):
        crate.ClearField("create_time")
        crate.ClearField("etag")
    assert [one.SerializeToString(deterministic=True) for one in after] == [
        one.SerializeToString(deterministic=True) for one in before
    ]


async def test_filter_order_and_mask_are_those_of_a_list(harbour: Harbour) -> None:
    rows = ({"name": f"crates/{n}", "small": n, "title": f"t{n}", "address": {"city": "x"}} for n in range(5))
    await harbour.bring(lines(*rows), JSONL)
    asked: dict[str, Any] = {
        "filter": "small > 1",
        "order_by": "small desc",
        "read_mask": {"paths": ["name", "small", "address.city"]},
    }
    report, content = await harbour.take(CSV, **asked)
    assert report.rows_written == 3
    assert [row["name"] for row in table(content)] == ["crates/4", "crates/3", "crates/2"]
    assert set(table(content)[0]) == {"name", "small", "address"}
    mistakes: tuple[dict[str, Any], ...] = (
        {"filter": "small >"},
        {"order_by": "colour"},
        {"read_mask": {"paths": ["colour"]}},
        {"format": 0},
    )
    for wrong in mistakes:
        with pytest.raises(InvalidArgument):
            await harbour.begin("ExportCrates", **{"format": CSV, **wrong})


async def test_an_export_has_the_rows_of_its_own_organization_alone(harbour: Harbour) -> None:
    await harbour.bring(lines({"name": "crates/mine"}), JSONL)
    await harbour.bring(lines({"name": "crates/theirs"}), JSONL, user("globex"))
    report, content = await harbour.take(CSV)
    assert report.rows_written == 1
    assert b"theirs" not in content


async def test_the_rows_below_one_parent_or_below_all_are_exported(harbour: Harbour) -> None:
    await harbour.bring(lines({"name": "crates/a"}, {"name": "crates/b"}), JSONL)
    parts = lines({"name": "crates/a/parts/1", "title": "x"}, {"name": "crates/b/parts/1", "title": "x"})
    await harbour.bring(parts, JSONL, method="ImportParts", parent="crates/-")
    for parent, count in (("crates/a", 1), ("crates/-", 2), ("crates/c", 0)):
        report, _ = await harbour.take(CSV, method="ExportParts", parent=parent)
        assert report.rows_written == count


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("more", "shown", "omitted"),
    [
        ((), set(), ["key", "secret", "address.phone"]),
        (("cargo.keys.read",), {"k3y"}, ["secret", "address.phone"]),
        (("cargo.crates.export_sensitive",), {"s3cret", "ph0ne"}, ["key"]),
        (("cargo.crates.export_sensitive", "cargo.keys.read"), {"s3cret", "ph0ne", "k3y"}, []),
    ],
)
async def test_sensitive_fields_are_left_out_unless_permitted_and_the_report_says_which(
    harbour: Harbour, form: int, more: tuple[str, ...], shown: set[str], omitted: list[str]
) -> None:
    row = {"name": "crates/a", "secret": "s3cret", "key": "k3y", "password": "p4ss", "address": {"phone": "ph0ne"}}
    await harbour.bring(lines(row), JSONL)
    report, content = await harbour.take(form, exporter(*more))
    assert set(omitted) <= set(report.omitted_fields)
    assert bool(omitted) == bool(report.omitted_fields)
    for word in ("s3cret", "k3y", "ph0ne"):
        assert (word.encode() in content) == (word in shown)
    assert b"p4ss" not in content
    for field in ("key", "secret"):
        with pytest.raises((InvalidArgument, PermissionDenied)):
            await harbour.begin("ExportCrates", exporter(*more), format=form, filter=f'{field} = "k3y"')


async def test_an_export_is_of_one_moment(harbour: Harbour) -> None:
    count = 9000
    await harbour.bring(b"name\n" + b"".join(b"crates/%05d\n" % n for n in range(count)), CSV)
    name = await harbour.begin("ExportCrates", format=CSV)
    while not (await harbour.engine.transfers.operations.get(user(), name)).metadata.value:
        pass
    await harbour.engine.pool.fetch("DELETE FROM cargo_v1.crates WHERE name > 'crates/04500'")
    operation = await harbour.wait(name)
    progress = operation.response.value
    assert progress
    assert not operation.HasField("error")


async def test_no_records_make_a_file_without_rows(harbour: Harbour) -> None:
    for form in FORMATS:
        report, content = await harbour.take(form)
        assert report.rows_written == 0
        assert report.size_bytes == len(content)
