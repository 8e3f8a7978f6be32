"""What an import makes of a file: every row becomes a record or is rejected with the reason, and none is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tenon.records.v1 import transfer_pb2

from services.chassis.errors import InvalidArgument, NotFound, PermissionDenied, ResourceExhausted
from services.records.engine import Engine
from services.records.transfer.formats import WRITERS
from services.records.transfer.limits import Limits
from tests.integration.records.library import KEYRING, user
from tests.integration.records.transfer.harbour import CSV, JSONL, PACKAGE, PARQUET, SERVICE, Harbour, cargo_contract

if TYPE_CHECKING:
    from services.chassis.call import Caller
    from services.chassis.postgres import Pool

FAIL, SKIP, UPDATE = (transfer_pb2.OnConflict.Value(f"ON_CONFLICT_{name}") for name in ("FAIL", "SKIP", "UPDATE"))


def lines(*rows: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def holding(*permissions: str) -> Caller:
    return replace(user(), permissions=frozenset(permissions))


async def rejected(harbour: Harbour, name: str, caller: Caller | None = None) -> list[Any]:
    return [json.loads(line) for line in (await harbour.download(name, caller)).splitlines()]


async def titles(harbour: Harbour) -> dict[str, str]:
    return {crate.name.partition("/")[2]: crate.title for crate in await harbour.crates()}


async def test_rows_of_a_csv_file_become_records(harbour: Harbour) -> None:
    report = await harbour.bring(b'name,title,small\ncrates/a,First,7\ncrates/b,"Sec\nond, ""2""",\n', CSV)
    assert (report.rows_read, report.rows_created) == (2, 2)
    assert await titles(harbour) == {"a": "First", "b": 'Sec\nond, "2"'}
    assert [crate.small for crate in await harbour.crates()] == [7, 0]


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


async def test_a_row_without_a_name_gets_an_id_of_its_own(harbour: Harbour) -> None:
    report = await harbour.bring(lines({"title": "a"}, {"title": "b"}), JSONL)
    assert report.rows_created == 2
    assert len(await titles(harbour)) == 2


async def test_every_row_of_a_batch_may_be_bad_for_a_reason_of_the_database(harbour: Harbour) -> None:
    await harbour.bring(lines(*({"name": f"crates/old-{n}", "seal": f"s{n}"} for n in range(50))), JSONL)
    report = await harbour.bring(lines(*({"name": f"crates/new-{n}", "seal": f"s{n}"} for n in range(60))), JSONL)
    assert (report.rows_created, report.rows_rejected) == (10, 50)
    found = await rejected(harbour, report.rejected_file)
    assert [one["row"] for one in found] == list(range(1, 51))
    assert {one["errors"][0]["reason"] for one in found} == {"RECORD_ALREADY_EXISTS"}


@pytest.mark.parametrize(
    ("conflict", "created", "skipped", "updated"), [(FAIL, 1, 0, 0), (SKIP, 1, 2, 0), (UPDATE, 1, 0, 2)]
)
async def test_a_row_whose_record_exists_is_dealt_with_as_asked(
    harbour: Harbour, conflict: int, created: int, skipped: int, updated: int
) -> None:
    await harbour.bring(
        lines({"name": "crates/a", "title": "old", "small": 1}, {"name": "crates/b", "title": "old"}), JSONL
    )
    content = b"name,title\ncrates/a,new\ncrates/b,old\ncrates/c,new\n"
    report = await harbour.bring(content, CSV, on_conflict=conflict)
    assert (report.rows_created, report.rows_skipped, report.rows_updated) == (created, skipped, updated)
    assert await titles(harbour) == {"a": "new" if conflict == UPDATE else "old", "b": "old", "c": "new"}
    # What the file has no column for stays.
    assert (await harbour.crates())[0].small == 1


async def test_an_update_clears_what_has_a_column_and_no_cell_and_says_why_a_row_cannot_be(harbour: Harbour) -> None:
    await harbour.bring(lines(*({"name": f"crates/{n}", "title": "old", "seal": f"s{n}"} for n in range(3))), JSONL)
    rows = (b"crates/0,,s0,,", b"crates/1,x,s2,,", b"crates/2,x,s2,harbours/none,", b"crates/2,y,s2,,no")
    content = b"\n".join([b"name,title,seal,harbour,etag", *rows])
    report = await harbour.bring(content, CSV, on_conflict=UPDATE)
    assert (report.rows_updated, report.rows_rejected) == (1, 3)
    reasons = {one["row"]: one["errors"][0]["reason"] for one in await rejected(harbour, report.rejected_file)}
    assert reasons == {2: "RECORD_ALREADY_EXISTS", 3: "REFERENCE_NOT_FOUND", 4: "ETAG_MISMATCH"}
    assert await titles(harbour) == {"0": "", "1": "old", "2": "old"}


@pytest.mark.parametrize(("conflict", "title"), [(FAIL, "first"), (SKIP, "first"), (UPDATE, "third")])
async def test_of_rows_with_one_name_each_comes_after_the_one_before(
    harbour: Harbour, conflict: int, title: str
) -> None:
    rows = [{"name": "crates/a", "title": title} for title in ("first", "second", "third")]
    report = await harbour.bring(lines(*rows), JSONL, on_conflict=conflict)
    assert report.rows_created == 1
    assert report.rows_updated + report.rows_skipped + report.rows_rejected == 2
    assert await titles(harbour) == {"a": title}


async def test_validate_only_reports_and_writes_nothing(harbour: Harbour) -> None:
    content = lines({"name": "crates/a"}, {"name": "crates/b", "small": "x"}, {"name": "crates/a"})
    report = await harbour.bring(content, JSONL, validate_only=True)
    assert (report.rows_created, report.rows_rejected) == (1, 2)
    assert len(await rejected(harbour, report.rejected_file)) == 2
    assert await harbour.crates() == []
    assert not await harbour.engine.pool.fetch("SELECT 1 FROM data.outbox")


async def test_each_record_has_its_event_and_its_own_fields_are_the_servers(harbour: Harbour) -> None:
    row = {"name": "crates/a", "createTime": "2000-01-01T00:00:00Z", "etag": '"mine"', "secret": "s"}
    await harbour.bring(lines(row), JSONL)
    (crate,) = await harbour.crates()
    assert crate.create_time.seconds > 1_700_000_000
    assert crate.etag != '"mine"'
    (event,) = await harbour.engine.pool.fetch("SELECT * FROM data.outbox")
    assert (event["type"], event["subject"], event["actor"]) == (
        "cargo.example.com/Crate.created",
        "crates/a",
        "users/1",
    )
    assert type(crate).FromString(event["after"]).secret == ""


async def test_a_field_that_needs_a_permission_to_be_written_needs_it_here_too(harbour: Harbour) -> None:
    content = lines({"name": "crates/a", "key": "k"}, {"name": "crates/b"})
    caller = holding("cargo.crates.import")
    report = await harbour.bring(content, JSONL, caller)
    assert (report.rows_created, report.rows_rejected) == (1, 1)
    (one,) = await rejected(harbour, report.rejected_file, caller)
    assert one["errors"][0]["reason"] == "FIELD_NOT_WRITABLE"


async def test_rows_are_below_the_parent_that_the_import_names(harbour: Harbour) -> None:
    await harbour.bring(lines({"name": "crates/a"}, {"name": "crates/b"}), JSONL)
    content = b"name,title\n,one\ncrates/a/parts/p,two\ncrates/b/parts/p,three\n,\n"
    report = await harbour.bring(content, CSV, method="ImportParts", parent="crates/a")
    assert (report.rows_created, report.rows_rejected) == (2, 2)
    found = await rejected(harbour, report.rejected_file)
    assert [(one["row"], one["errors"][0]["field"]) for one in found] == [(3, "name"), (4, "title")]
    report = await harbour.bring(content, CSV, method="ImportParts", parent="crates/-")
    assert report.rows_created == 1
    report = await harbour.bring(b"title\nx\n", CSV, method="ImportParts", parent="crates/none")
    assert (await rejected(harbour, report.rejected_file))[0]["errors"][0]["reason"] == "RECORD_NOT_FOUND"


@pytest.mark.parametrize("form", [CSV, PARQUET])
async def test_a_file_that_cannot_be_read_fails_the_operation(harbour: Harbour, form: int) -> None:
    source = await harbour.upload(b"colour,weight\n1,2\n")
    operation = await harbour.wait(await harbour.begin("ImportCrates", source=source, format=form))
    assert operation.error.code == 3
    assert "not Parquet" in operation.error.message or "`colour`" in operation.error.message
    report = transfer_pb2.ImportReport()
    assert operation.error.details[-1].Unpack(report)


async def test_an_empty_file_has_no_rows(harbour: Harbour) -> None:
    assert (await harbour.bring(b"", JSONL)).rows_read == 0
    assert (await harbour.bring(b"name\n", CSV)).rows_read == 0
    assert (await harbour.bring(WRITERS[PARQUET]([]).begin() or empty_parquet(), PARQUET)).rows_read == 0


def empty_parquet() -> bytes:
    from tests.integration.records.transfer.harbour import cargo_contract  # noqa: PLC0415 - beside its use

    crate: Any = cargo_contract().pool.FindMessageTypeByName("cargo.v1.Crate")
    writer = WRITERS[PARQUET](list(crate.fields))
    return writer.begin() + writer.end()


async def test_what_is_wrong_with_the_request_is_answered_at_once(harbour: Harbour) -> None:
    source = await harbour.upload(b"name\n")
    with pytest.raises(NotFound):
        await harbour.begin("ImportCrates", source="files/none", format=CSV)
    with pytest.raises(NotFound):
        await harbour.begin("ImportCrates", user("globex"), source=source, format=CSV)
    with pytest.raises(InvalidArgument):
        await harbour.begin("ImportCrates", source=source)
    with pytest.raises(InvalidArgument):
        await harbour.begin("ImportParts", parent="shelves/1", source=source, format=CSV)
    with pytest.raises(PermissionDenied):
        await harbour.begin(
            "ImportCrates", holding("cargo.crates.import"), source=source, format=CSV, on_conflict=UPDATE
        )
    assert not await harbour.engine.pool.fetch("SELECT 1 FROM data.operations")


async def test_a_large_file_is_read_in_blocks_and_no_row_is_read_twice(harbour: Harbour) -> None:
    count = 12_345
    content = b"name,title,large\n" + b"".join(b"crates/%d,%s,%d\n" % (n, b"x" * (n % 97), n) for n in range(count))
    report = await harbour.bring(content, CSV)
    assert (report.rows_read, report.rows_created) == (count, count)
    rows = await harbour.engine.pool.fetch("SELECT count(*) AS count, sum(large)::bigint AS sum FROM cargo_v1.crates")
    assert (rows[0]["count"], rows[0]["sum"]) == (count, count * (count - 1) // 2)


async def test_an_import_is_part_of_the_contract_like_any_method(harbour: Harbour) -> None:
    method = harbour.contract.methods[f"{SERVICE}ImportCrates"]
    assert method.standard is not None
    assert method.output == "google.longrunning.Operation"


@pytest.mark.parametrize("depth", [40, 97, 150, 600])
async def test_a_row_that_nests_so_deeply_that_nobody_could_read_it_is_rejected_alone(
    harbour: Harbour, depth: int
) -> None:
    deep = b'{"next":' * depth + b"{}" + b"}" * depth
    content = b'{"crateId":"deep","address":' + deep + b'}\n{"crateId":"flat"}\n'
    report = await harbour.bring(content, JSONL)
    fits = depth < 98
    assert (report.rows_created, report.rows_rejected) == ((2, 0) if fits else (1, 1))
    # What is kept can be read, by those who list it too.
    await harbour.send("ListCrates")
    assert len(await harbour.crates()) == report.rows_created
    _, exported = await harbour.take(JSONL)
    assert exported.count(b"\n") == report.rows_created


async def test_values_that_no_field_could_hold_cost_their_own_rows_alone(harbour: Harbour) -> None:
    rows = (
        b'{"crateId":"a","twofold":1' + b"0" * 400 + b"}",
        b'{"crateId":"b","title":' + b"[" * 800 + b"]" * 800 + b"}",
        b'{"crateId":"c","title":"\\u0000"}',
        b'{"crateId":"d","small":1' + b"0" * 5000 + b"}",
        b'{"crateId":"e","extra":' + b"[" * 90 + b"]" * 90 + b"}",
        b'{"crateId":"f"}',
    )
    report = await harbour.bring(b"\n".join(rows), JSONL)
    assert (report.rows_read, report.rows_created, report.rows_rejected) == (6, 1, 5)
    assert [one["row"] for one in await rejected(harbour, report.rejected_file)] == [1, 2, 3, 4, 5]


async def test_a_header_in_another_encoding_fails_the_operation_and_says_so(harbour: Harbour) -> None:
    source = await harbour.upload("größe,small\n1,2\n".encode("latin-1"))
    operation = await harbour.wait(await harbour.begin("ImportCrates", source=source, format=CSV))
    assert operation.error.code == InvalidArgument.code
    assert "gr\ufffd\ufffde" in operation.error.message


async def test_an_import_ends_before_rows_whose_rejection_cannot_be_kept(pool: Pool) -> None:
    contract = cargo_contract()
    limits = Limits(file_bytes=1_000_000)
    engine = Engine(contract, host="data", pool=pool, keyring=KEYRING, limits=limits)
    await engine.migrate()
    harbour = Harbour(engine, contract, PACKAGE, SERVICE)
    source = await harbour.upload(b"title,small\n" + b"x\n" * 20_000)
    operation = await harbour.wait(await harbour.begin("ImportCrates", source=source, format=CSV))
    assert operation.error.code == ResourceExhausted.code
    report = transfer_pb2.ImportReport()
    assert operation.error.details[-1].Unpack(report)
    assert 0 < report.rows_read == report.rows_rejected < 20_000
    assert len(await rejected(harbour, report.rejected_file)) == report.rows_rejected
