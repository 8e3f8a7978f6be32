"""Every value comes back as it was sent, at the ends of its range, and is found by the filter that asks for it."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.contract import PROTO_ROOT, Contract, compile_protos, load_contract
from services.records.engine import Engine
from services.records.failures import BatchTooLarge, RecordExists, Unstorable
from services.records.reading.getting import BATCH_BYTES
from services.records.reading.listing import PAGE_BYTES
from services.records.writing.preparing import MAX_RECORD_BYTES
from tests.integration.records.library import KEYRING, Library

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from services.chassis.postgres import Pool

PACKAGE = "test.extremes_in_a_package_whose_name_is_longer_than_63_bytes_allow.v1"
LONG = "a_name_that_is_a_good_deal_longer_than_the_sixty_three_bytes_which_postgres_keeps_of_"
FIRST, LAST = {"seconds": -62135596800}, {"seconds": 253402300799, "nanos": 999_999_000}
LONGEST = {"seconds": 315_576_000_000, "nanos": 999_999_000}
SHORTEST = {"seconds": -315_576_000_000, "nanos": -999_999_000}
FLOAT_MAX, FLOAT_MIN = 3.4028234663852886e38, 1.401298464324817e-45
DOUBLE_MAX, DOUBLE_MIN = 1.7976931348623157e308, 5e-324
ODD_TEXT = "\uffff\ufffe\u0001\x7f\x1f\\\"'{},\U0010ffff\ue000\u2028 NULL \r\n\t`$1%s"


def numbers(**more: Any) -> dict[str, Any]:
    return {
        "a_int32": -(2**31),
        "a_int64": -(2**63),
        "a_uint32": 2**32 - 1,
        "a_uint64": 2**64 - 1,
        "a_float": -FLOAT_MAX,
        "a_double": DOUBLE_MAX,
        "a_bool": True,
        "a_string": ODD_TEXT,
        "a_bytes": b"\x00\xff",
        "a_color": 2**31 - 1,
        "a_time": FIRST,
        "a_span": SHORTEST,
        "inner": {"inner": {"a_double": DOUBLE_MIN, "a_float": FLOAT_MIN, "maybe": 0}},
        "a_fixed64": 2**64 - 1,
        "a_sfixed64": -(2**63),
        "a_sint64": 2**63 - 1,
        **more,
    }


HIGH: dict[str, Any] = {
    "a_int32": 2**31 - 1,
    "a_int64": 2**63 - 1,
    "a_uint32": 2**32 - 1,
    "a_uint64": 2**64 - 1,
    "a_sint32": -(2**31),
    "a_sint64": -(2**63),
    "a_fixed32": 2**32 - 1,
    "a_fixed64": 2**64 - 1,
    "a_sfixed32": -(2**31),
    "a_sfixed64": -(2**63),
    "a_float": FLOAT_MAX,
    "a_double": DOUBLE_MAX,
    "a_bool": True,
    "a_string": ODD_TEXT,
    "a_bytes": bytes(range(256)),
    "a_color": 2**31 - 1,
    "a_time": LAST,
    "a_span": LONGEST,
    "maybe_int64": 0,
    "maybe_uint64": 0,
    "maybe_double": 0.0,
    "maybe_bool": False,
    "maybe_string": "",
    "maybe_bytes": b"",
    "maybe_color": 0,
    "as_numbers": {},
    "all_int32": [2**31 - 1, -(2**31), 0],
    "all_int64": [2**63 - 1, -(2**63)],
    "all_uint32": [2**32 - 1, 0],
    "all_uint64": [2**64 - 1, 0],
    "all_float": [FLOAT_MAX, -FLOAT_MAX, FLOAT_MIN, math.inf, -math.inf, math.nan, -0.0],
    "all_double": [DOUBLE_MAX, -DOUBLE_MAX, DOUBLE_MIN, math.inf, -math.inf, math.nan, -0.0, 0.1],
    "all_bool": [True, False],
    "all_string": [ODD_TEXT, "", "NULL", "{}", '"', "\\"],
    "all_bytes": [b"", b"\x00"],
    "all_color": [0, 1, -(2**31)],
    "all_time": [FIRST, LAST, {}],
    "all_span": [SHORTEST, LONGEST, {}],
    "all_numbers": [{}, numbers(), {"a_double": math.nan, "a_float": -math.inf}],
    "numbers": numbers(many=[numbers(), {}]),
    "by_text": {"": "", ODD_TEXT: ODD_TEXT, "a.b": "c"},
    "by_int32": {-(2**31): numbers(), 0: {}},
    "by_int64": {2**63 - 1: -(2**63), -(2**63): 0},
    "by_uint32": {2**32 - 1: b"\x00", 0: b""},
    "by_uint64": {2**64 - 1: -0.0, 0: math.nan},
    "by_bool": {True: 1, False: 77},
    "by_sfixed64": {-(2**63): FIRST, 0: LAST},
    "spans": {"": LONGEST},
    "structure": {"": [None, {"x": [[]]}, 1e308], ODD_TEXT: -0.0},
    "value": {"string_value": ODD_TEXT},
    "list": [],
    "anything": {"type_url": "type.googleapis.com/x.Y", "value": b"\xff"},
    "mask": {"paths": ["a.b", ""]},
    "w_bool": {},
    "w_int32": {},
    "w_int64": {"value": -(2**63)},
    "w_uint32": {"value": 2**32 - 1},
    "w_uint64": {"value": 2**64 - 1},
    "w_float": {"value": math.nan},
    "w_double": {"value": -math.inf},
    "w_string": {},
    "w_bytes": {"value": b"\x00"},
    "all_w_int64": [{"value": 2**63 - 1}, {}],
    "all_structure": [{"a": None}, {}],
    "values": {"null": {"null_value": 0}, "number": {"number_value": math.inf}, "unset": {}},
}
LOW: dict[str, Any] = {
    "a_int32": -(2**31),
    "a_int64": -(2**63),
    "a_float": -math.inf,
    "a_double": -0.0,
    "a_time": FIRST,
    "a_span": SHORTEST,
    "a_color": -(2**31),
    "as_truth": False,
    "numbers": {},
    "structure": {},
    "value": {"null_value": 0},
    "w_double": {"value": math.nan},
    "mask": {},
    "anything": {},
}
NAMED: dict[str, Any] = {
    "user": "u",
    "order": "o",
    "user_order": "u",
    "xmin": -1,
    "organization": "mine",
    "message": "m",
    "revision": "r",
    "shape": "s",
    "written_at": "w",
    "select": True,
    LONG + "it": "it",
    LONG + "them": "them",
    "camelCase": "c",
    "ctid": "t",
}


@cache
def _contract() -> Contract:
    folder = Path(__file__).parent / "extremes"
    return load_contract(compile_protos([PROTO_ROOT, folder]), services=("auth", "data"), custom=None)


@pytest.fixture
async def probes(pool: Pool) -> Library:
    engine = Engine(_contract(), host="data", pool=pool, keyring=KEYRING)
    await engine.migrate()
    return Library(engine, _contract(), PACKAGE, f"/{PACKAGE}.ProbeService/")


def _bytes(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


@pytest.mark.parametrize("body", [HIGH, LOW, NAMED, {}], ids=["high", "low", "named", "empty"])
async def test_a_record_is_stored_alone_and_in_a_batch_as_it_was_sent(probes: Library, body: dict[str, Any]) -> None:
    sent = probes.type("Probe")(**body)
    alone = await probes.do("CreateProbe", probe_id="one", probe=sent)
    other = probes.type("Probe")()
    other.CopyFrom(sent)
    for key in ("user", "order", "user_order"):
        other.ClearField(key)
    batch = (await probes.do("BatchCreateProbes", requests=[{"probe_id": "two", "probe": other}])).probes[0]
    for made, wanted in ((alone, sent), (batch, other)):
        read = await probes.do("GetProbe", name=made.name)
        assert _bytes(read) == _bytes(made)
        read.ClearField("name")
        assert _bytes(read) == _bytes(wanted)
    assert {probe.name for probe in (await probes.do("ListProbes")).probes} == {"probes/one", "probes/two"}
    schema = probes.engine.tables[f"{PACKAGE}.Probe"].schema
    rows = await probes.engine.pool.fetch(f'SELECT * FROM "{schema}".probes ORDER BY name')
    ignored = ("name", "message", "user", "order", "user_order", "written_at")
    one, two = ({key: value for key, value in dict(row).items() if key not in ignored} for row in rows)
    assert repr(one) == repr(two)


FILTERS = [
    f"a_int32 = {2**31 - 1} AND a_int64 = {2**63 - 1} AND a_uint32 = {2**32 - 1} AND a_uint64 = {2**64 - 1}",
    f"a_sint64 = {-(2**63)} AND a_fixed64 = {2**64 - 1} AND a_sfixed32 = {-(2**31)}",
    "a_float = 3.4028234663852886e38 AND a_double >= 1.7976931348623157e308",
    'a_time = "9999-12-31T23:59:59.999999Z" AND a_span = 315576000000.999999s',
    f"all_uint64:{2**64 - 1} AND all_int64:{-(2**63)} AND all_double:5e-324 AND all_color:COLOR_RED",
    'all_time:"0001-01-01T00:00:00Z" AND all_span:-315576000000.999999s AND all_bool:false',
    f"numbers.a_int64 = {-(2**63)} AND numbers.a_uint64 = {2**64 - 1} AND numbers.a_fixed64 = {2**64 - 1}",
    "numbers.inner.inner.a_double = 5e-324 AND numbers.a_double = 1.7976931348623157e308",
    'numbers.a_time = "0001-01-01T00:00:00Z" AND numbers.a_span = -315576000000.999999s',
    "numbers.inner.inner.maybe = 0 AND NOT numbers.maybe:* AND as_numbers:* AND NOT as_text:*",
    "maybe_int64 = 0 AND maybe_bool = false AND maybe_color = COLOR_UNSPECIFIED AND maybe_string = ''",
    f"by_int64.{2**63 - 1} = {-(2**63)} AND by_int32.{-(2**31)}.a_bool = true AND by_bool.true = COLOR_RED",
    f'by_uint64.{2**64 - 1} = 0 AND by_uint32:{2**32 - 1} AND by_text."a.b" = c',
    f'by_sfixed64.{-(2**63)} = "0001-01-01T00:00:00Z"',
    f"w_int64 = {-(2**63)} AND w_uint64 = {2**64 - 1} AND w_bool = false AND w_string = '' AND w_int32 = 0",
    f"all_w_int64:{2**63 - 1} AND all_numbers.a_uint64:{2**64 - 1}",
]
"""Filters that find the record with high values, and neither the one with low values nor the empty one."""


async def test_the_ends_of_ranges_are_found(probes: Library) -> None:
    await probes.do("BatchCreateProbes", requests=[{"probe_id": "low", "probe": LOW}, {"probe_id": "none"}])
    await probes.do("CreateProbe", probe_id="high", probe=HIGH)
    for text in FILTERS:
        assert [probe.name for probe in (await probes.do("ListProbes", filter=text)).probes] == ["probes/high"], text


async def test_names_that_postgres_and_the_engine_use_are_fields_like_any_other(probes: Library) -> None:
    await probes.do("CreateProbe", probe_id="a", probe=NAMED)
    await probes.do("CreateProbe", probe_id="b", probe={})
    for name, value in NAMED.items():
        said = {True: "true"}.get(value, value) if isinstance(value, bool) else value
        found = await probes.do("ListProbes", filter=f"{name} = {said}", order_by=f"{name} desc")
        assert [probe.name for probe in found.probes] == ["probes/a"], name
    changed = {name: False if value is True else -2 if value == -1 else f"{value}2" for name, value in NAMED.items()}
    after = await probes.do("UpdateProbe", probe={"name": "probes/a", **changed}, update_mask={"paths": list(changed)})
    assert {name: getattr(after, name) for name in changed} == changed


ORDERS = """
a_int64|a_uint64 desc|a_float|a_double desc|a_time|a_span|w_double|numbers.a_uint64|numbers.a_time desc|as_truth
"""


async def test_pages_go_on_after_the_ends_of_ranges(probes: Library) -> None:
    nan = {"a_float": math.nan, "a_double": math.nan}
    bodies = [HIGH, LOW, {}, nan, {**LOW, "a_double": math.inf}]
    await probes.do("BatchCreateProbes", requests=[{"probe_id": f"p{n}", "probe": b} for n, b in enumerate(bodies)])
    for order in ORDERS.strip().split("|"):
        whole = [probe.name for probe in (await probes.do("ListProbes", order_by=order)).probes]
        seen, token = [], ""
        for _ in bodies:
            page = await probes.do("ListProbes", order_by=order, page_size=1, page_token=token)
            seen += [probe.name for probe in page.probes]
            token = page.next_page_token
        assert (seen, token) == (whole, ""), order


def big(size: int) -> dict[str, Any]:
    """Return a body that makes a record of a little more than so many bytes."""
    text = "x\U0001f600" * (size // 20)
    return {"a_bytes": b"\xff" * (size // 2), "a_string": text, "numbers": {"a_string": text}}


async def test_a_row_as_large_as_may_be_is_stored_and_found(probes: Library) -> None:
    body = big(MAX_RECORD_BYTES - 1000)
    text = body["a_string"]
    made = await probes.do("CreateProbe", probe_id="big", probe=body)
    assert made.ByteSize() > MAX_RECORD_BYTES - 2000
    assert (await probes.do("GetProbe", name=made.name)).a_string == text
    page = await probes.do("ListProbes", order_by="a_string desc", filter="numbers.a_string >= x")
    assert page.probes[0].name == made.name


async def test_a_row_that_is_larger_is_refused_with_its_path(probes: Library) -> None:
    with pytest.raises(Unstorable) as refused:
        await probes.do("CreateProbe", probe_id="big", probe=big(MAX_RECORD_BYTES))
    assert [violation.field for violation in refused.value.violations] == ["probe"]


async def test_a_page_ends_by_its_bytes_and_the_next_one_goes_on(probes: Library) -> None:
    sizes = {f"p{number}": PAGE_BYTES // 3 if number % 4 else 10 for number in range(8)}
    for name, size in sizes.items():
        await probes.do("CreateProbe", probe_id=name, probe=big(size))
    seen: list[str] = []
    pages, token = 0, ""
    while True:
        page = await probes.do("ListProbes", page_token=token)
        assert page.ByteSize() < PAGE_BYTES + MAX_RECORD_BYTES
        assert all(len(probe.a_bytes) == sizes[probe.name.removeprefix("probes/")] // 2 for probe in page.probes)
        seen += [probe.name.removeprefix("probes/") for probe in page.probes]
        pages, token = pages + 1, page.next_page_token
        if not token:
            break
    assert (seen, pages) == (sorted(sizes), 2)


async def test_a_batch_of_more_bytes_than_an_answer_may_have_is_refused(probes: Library) -> None:
    for number in range(3):
        await probes.do("CreateProbe", probe_id=f"b{number}", probe=big(BATCH_BYTES // 3 + 1000))
    names = [f"probes/b{number}" for number in range(3)]
    assert len((await probes.do("BatchGetProbes", names=names[:2])).probes) == 2
    for asked in (names, names[:1] * 1000):
        with pytest.raises(BatchTooLarge, match="Ask for fewer"):
            await probes.do("BatchGetProbes", names=asked)


async def test_a_change_of_a_zeros_sign_is_a_change(probes: Library) -> None:
    await probes.do("CreateProbe", probe_id="a", probe={"a_double": 0.0, "maybe_double": 0.0})
    sent = {"name": "probes/a", "a_double": -0.0, "maybe_double": -0.0}
    made = await probes.do("UpdateProbe", probe=sent, update_mask={"paths": ["a_double", "maybe_double"]})
    assert math.copysign(1, made.a_double) == math.copysign(1, made.maybe_double) == -1


async def test_keys_whose_fields_run_together_are_two_keys(probes: Library) -> None:
    """The keys (user, order) and (user_order) would have one name if their fields were only joined."""
    await probes.do("CreateProbe", probe={"user": "u", "order": "o", "user_order": "x"})
    with pytest.raises(RecordExists) as refused:
        await probes.do("CreateProbe", probe={"user": "u", "order": "o"})
    assert refused.value.metadata["key"] == "user,order"
    with pytest.raises(RecordExists) as refused:
        await probes.do("CreateProbe", probe={"user_order": "x"})
    assert refused.value.metadata["key"] == "user_order"
