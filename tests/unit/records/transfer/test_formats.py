"""What a format writes it reads again, however the file is cut into blocks."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.chassis.interceptors.errors import status_of
from services.records.transfer.failures import BadValue, FileUnreadable
from services.records.transfer.formats import READERS, WRITERS
from services.records.transfer.formats.csv_rows import CsvReader
from services.records.transfer.formats.json_rows import JsonReader
from services.records.transfer.formats.parquet_rows import ParquetReader, ParquetWriter
from services.records.transfer.formats.rows import MAX_ROW_BYTES, Target
from tests.integration.records.transfer.harbour import CSV, JSONL, PACKAGE, PARQUET, cargo_contract
from tests.unit.records.transfer.messages import messages, same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.records.transfer.formats.rows import Raw, Reader

CRATE = cargo_contract().pool.FindMessageTypeByName(f"{PACKAGE}.Crate")
REQUEST = GetMessageClass(cargo_contract().pool.FindMessageTypeByName(f"{PACKAGE}.CreateCrateRequest"))
TARGET = Target(message=REQUEST, body="crate", identifier="crate_id", descriptor=CRATE)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
FIELDS: Any = list(CRATE.fields)


def written(form: int, crates: Sequence[Any]) -> bytes:
    writer = WRITERS[form](FIELDS)
    return writer.begin() + (writer.write(crates) if crates else b"") + writer.end()


def read_all(reader: Reader, content: bytes, step: int = 1 << 20) -> list[Raw]:
    """Read a file as an import does, a block of `step` bytes at a time."""
    if reader.seeks:
        reader.open(io.BytesIO(content))
        found: list[Raw] = []
        while raws := reader.read(b"", at_end=True)[0]:
            found.extend(raws)
        return found
    found, place, size = [], 0, step
    while place < len(content):
        block = content[place : place + size]
        raws, used = reader.read(block, at_end=place + len(block) >= len(content))
        found.extend(raws)
        place += used
        size = step if used else size + step
        if not used and place + len(block) >= len(content):
            break
    return found


def crates_of(reader: Reader, raws: Sequence[Raw]) -> list[Any]:
    found = []
    for raw in raws:
        message, body = TARGET.new()
        reader.put(raw.payload, message, body)
        found.append(body)
    return found


@pytest.mark.parametrize("form", [CSV, JSONL, PARQUET])
@SLOW
@given(crates=st.lists(messages(CRATE), max_size=4), step=st.integers(1, 200))
def test_what_is_written_is_read_again(form: int, crates: list[Any], step: int) -> None:
    reader = READERS[form](TARGET, {})
    raws = read_all(reader, written(form, crates), step)
    assert [raw.number for raw in raws] == list(range(1, len(crates) + 1))
    for read, crate in zip(crates_of(reader, raws), crates, strict=True):
        assert same(read, crate)


@pytest.mark.parametrize("form", [CSV, JSONL, PARQUET])
def test_another_reader_goes_on_where_one_has_ended(form: int) -> None:
    kind: Any = GetMessageClass(CRATE)
    crates = [kind(name=f"crates/{n}", title="a\nb", labels=["x"]) for n in range(5000)]
    content = written(form, crates)
    reader = READERS[form](TARGET, {})
    if reader.seeks:
        reader.open(io.BytesIO(content))
    first, used = reader.read(content, at_end=True)
    assert 0 < len(first) < len(crates)
    other = READERS[form](TARGET, reader.state())
    rest = read_all(other, content[used:])
    assert [raw.number for raw in (*first, *rest)] == list(range(1, len(crates) + 1))
    assert [crate.name for crate in crates_of(other, rest)] == [crate.name for crate in crates[len(first) :]]


def test_a_header_names_fields_in_either_spelling_and_inside_messages() -> None:
    reader = CsvReader(TARGET, {})
    raws = read_all(
        reader, b"\xef\xbb\xbfcrateId,sailTime, maybe_small ,address.city,address.next.number\r\na,,7,Oslo,9\r\n"
    )
    message, body = TARGET.new()
    reader.put(raws[0].payload, message, body)
    assert (message.crate_id, body.maybe_small, body.address.city, body.address.next.number) == ("a", 7, "Oslo", 9)
    assert not body.HasField("sail_time")
    assert reader.mask(raws[0]) == ["sail_time", "maybe_small", "address.city", "address.next.number"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"colour,small\n", "`colour`"),
        (b"\nsmall\n", "no header"),
        (b"small,small\n1,2\n", "same name"),
        (b"labels.x\n", "labels.x"),
        (b"small.x\n", "small.x"),
        (b'"small\n', "does not end"),
    ],
)
def test_a_header_that_is_none_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(FileUnreadable) as refused:
        read_all(CsvReader(TARGET, {}), content)
    assert said in refused.value.message


def test_a_quote_that_is_never_closed_costs_its_own_row_alone() -> None:
    content = b'title,small\na,1\n"b,2\nc,3\nd,4\n'
    reader = CsvReader(TARGET, {})
    raws = read_all(reader, content)
    assert [raw.number for raw in raws] == [1, 2, 3, 4]
    assert [isinstance(raw.payload, BadValue) for raw in raws] == [False, True, False, False]
    assert reader.show(raws[1]) == '"b,2'
    assert raws[3].payload == ["d", "4"]


def test_a_row_that_is_too_long_is_rejected_and_the_next_are_read() -> None:
    long = b"x" * (MAX_ROW_BYTES + 10)
    for reader, content in (
        (CsvReader(TARGET, {}), b"title\n" + long + b"\nshort\n"),
        (JsonReader(TARGET, {}), b'{"title":"' + long + b'"}\n{"title":"short"}\n'),
    ):
        raws = read_all(reader, content, 1 << 20)
        assert isinstance(raws[0].payload, BadValue)
        assert not isinstance(raws[-1].payload, BadValue)


def test_text_that_is_not_utf_8_is_refused_where_a_field_is_to_hold_it() -> None:
    reader = CsvReader(TARGET, {})
    raws = read_all(reader, b"title,small\n\xff,1\nok,2\n")
    message, body = TARGET.new()
    with pytest.raises(BadValue, match="UTF-8"):
        reader.put(raws[0].payload, message, body)
    assert reader.show(raws[0]) == "\ufffd,1"


def test_lines_with_nothing_in_them_are_no_rows() -> None:
    assert len(read_all(CsvReader(TARGET, {}), b"title,small\n\n\na,1\n\n")) == 1
    assert len(read_all(JsonReader(TARGET, {}), b'\n  \n{"title":"a"}\r\n\n')) == 1


@pytest.mark.parametrize("line", [b"7", b"[]", b"{", b'{"colour":1}', b"\xff", b"[" * 100_000])
def test_a_line_that_is_no_record_is_refused(line: bytes) -> None:
    reader = JsonReader(TARGET, {})
    (raw,) = read_all(reader, line + b"\n")
    message, body = TARGET.new()
    if not isinstance(raw.payload, BadValue):
        with pytest.raises(BadValue):
            reader.put(raw.payload, message, body)


def test_a_file_that_is_not_parquet_is_refused() -> None:
    for content in (b"", b"PAR1", b"name,small\n1,2\n", b"PAR1" + b"x" * 100 + b"PAR1"):
        with pytest.raises(FileUnreadable):
            ParquetReader(TARGET, {}).open(io.BytesIO(content))


def test_a_parquet_file_that_is_given_up_leaves_no_thread() -> None:
    writer = ParquetWriter(FIELDS)
    writer.begin()
    writer.write([GetMessageClass(CRATE)(name="crates/a")])
    writer.close()
    assert not writer._thread.is_alive()  # noqa: SLF001 - nothing else tells
    WRITERS[PARQUET](FIELDS).close()


def test_a_parquet_file_of_a_few_bytes_with_huge_rows_is_read_a_little_at_a_time() -> None:
    from arro3.core import Array, DataType, RecordBatch  # noqa: PLC0415
    from arro3.io import write_parquet  # noqa: PLC0415

    texts = ["x" * (1 << 20)] * 40 + ["y" * (MAX_ROW_BYTES + 1), "z"]
    kinds = (DataType.string(), DataType.string_view(), DataType.dictionary(DataType.int32(), DataType.string()))
    for kind in kinds:
        content = io.BytesIO()
        column = Array(texts, type=DataType.string()).cast(kind)
        write_parquet(RecordBatch.from_pydict({"title": column}), content, compression="zstd(1)")
        assert len(content.getvalue()) < 20_000
        reader = ParquetReader(TARGET, {})
        reader.open(io.BytesIO(content.getvalue()))
        numbers: list[int] = []
        while raws := reader.read(b"", at_end=True)[0]:
            assert len(raws) <= 12
            numbers += [raw.number for raw in raws]
            last = raws
        assert numbers == list(range(1, 43))
        assert isinstance(last[-2].payload, BadValue)
        assert (reader.show(last[-2]), reader.show(last[-1])) == ("", '{"title": "z"}')


def test_a_header_that_is_not_utf_8_is_refused_in_words_that_a_message_holds() -> None:
    with pytest.raises(FileUnreadable) as refused:
        read_all(CsvReader(TARGET, {}), "größe,small\n1,2\n".encode("latin-1"))
    assert status_of(refused.value).details
    assert "gr\ufffd\ufffde" in refused.value.message


def test_a_byte_order_mark_is_no_part_of_a_file() -> None:
    mark = b"\xef\xbb\xbf"
    reader = CsvReader(TARGET, {})
    (raw,) = read_all(reader, mark + b'"title","small"\na,1\n')
    assert reader.mask(raw) == ["title", "small"]
    (row,) = read_all(JsonReader(TARGET, {}), mark + b'{"title":"a"}\n')
    assert row.payload == {"title": "a"}


def test_columns_inside_of_messages_end_somewhere() -> None:
    assert read_all(CsvReader(TARGET, {}), b"address." + b"next." * 20 + b"number\n1\n")
    with pytest.raises(FileUnreadable, match="no field for the columns"):
        read_all(CsvReader(TARGET, {}), b"address." + b"next." * 200 + b"number\n1\n")
