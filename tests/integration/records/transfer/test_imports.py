"""What an import makes of a file: every row becomes a record or is rejected with the reason, and none is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.records.library import user
from tests.integration.records.transfer.harbour import CSV, FORMATS, JSONL

if TYPE_CHECKING:
    from tests.integration.records.transfer.harbour import Harbour


def lines(*rows: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


async def rejected(harbour: Harbour, name: str) -> list[Any]:
    return [json.loads(line) for line in (await harbour.download(name)).splitlines()]


async def test_rows_of_a_csv_file_become_records(harbour: Harbour) -> None:
    report = await harbour.bring(b'name,title,small\ncrates/a,First,7\ncrates/b,"Sec\nond, ""2""",\n', CSV)
    assert (report.rows_read, report.rows_created) == (2, 2)
    assert [(c.name, c.title, c.small) for c in await harbour.crates()] == [
        ("crates/a", "First", 7),
        ("crates/b", 'Sec\nond, "2"', 0),
    ]


async def test_bad_rows_are_rejected_with_their_number_text_and_reasons_and_the_others_go_on(harbour: Harbour) -> None:
    report = await harbour.bring(
        b"crate_id,small,seal,harbour\n"
        b"a,1,s1,\n"
        b"b,x,,\n"
        b"c,2000000,,\n"
        b"d,1,s1,\n"
        b"e,1,,harbours/none\n"
        b"f,1\n"
        b"g/g,1,,\n"
        b"a,2,,\n"
        b"h,3,s3,\n",
        CSV,
    )
    assert (report.rows_read, report.rows_created, report.rows_rejected) == (9, 2, 7)
    found = await rejected(harbour, report.rejected_file)
    assert [(one["row"], one["errors"][0]["field"], one["errors"][0]["reason"]) for one in found] == [
        (2, "small", "FORMAT_INVALID"),
        (3, "small", "int32.lte"),
        (4, "seal", "RECORD_ALREADY_EXISTS"),
        (5, "harbour", "REFERENCE_NOT_FOUND"),
        (6, "", "FORMAT_INVALID"),
        (7, "crate_id", "id.pattern"),
        (8, "name", "RECORD_ALREADY_EXISTS"),
    ]
    assert found[0]["raw"] == "b,x,,"
    assert [crate.name for crate in await harbour.crates()] == ["crates/a", "crates/h"]


@pytest.mark.parametrize("form", FORMATS)
async def test_what_is_exported_can_be_imported(harbour: Harbour, form: int) -> None:
    await harbour.bring(lines({"name": "crates/a", "title": "x", "labels": ["a", "b"], "large": "9"}), JSONL)
    before = await harbour.crates()
    report, content = await harbour.take(form)
    assert report.rows_written == 1
    other = user("globex", "users/2")
    assert (await harbour.bring(content, form, other)).rows_created == 1
    after = await harbour.crates(other)
    for crate in (*before, *after):
        crate.ClearField("create_time")
        crate.ClearField("etag")
    assert after == before
