"""Our JSON is that of `google.protobuf.json_format`, both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import any_pb2, duration_pb2, json_format
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings

from services.records.transfer.failures import BadValue
from services.records.transfer.setting import Reading
from services.records.transfer.showing import Showing
from tests.integration.records.transfer.harbour import PACKAGE, cargo_contract
from tests.unit.records.transfer.messages import messages, same

CRATE = cargo_contract().pool.FindMessageTypeByName(f"{PACKAGE}.Crate")
NEW: Any = GetMessageClass(CRATE)
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@SLOW
@given(messages(CRATE))
def test_what_is_shown_is_what_protobuf_shows(crate: Any) -> None:
    shown = Showing().message(CRATE)(crate)
    assert json.loads(json.dumps(shown)) == json.loads(json_format.MessageToJson(crate))


@SLOW
@given(messages(CRATE))
def test_what_protobuf_shows_is_read(crate: Any) -> None:
    for text in (json_format.MessageToJson(crate), json_format.MessageToJson(crate, preserving_proto_field_name=True)):
        read = NEW()
        Reading().message(CRATE)(read, json.loads(text))
        assert same(read, json_format.Parse(text, NEW()))


@SLOW
@given(messages(CRATE))
def test_what_is_shown_is_read_again(crate: Any) -> None:
    read = NEW()
    Reading().message(CRATE)(read, json.loads(json.dumps(Showing().message(CRATE)(crate))))
    assert same(read, crate)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"small": "x"}, "small"),
        ({"small": 1.5}, "small"),
        ({"small": 2**31}, "small"),
        ({"small": "1_0"}, "small"),
        ({"small": True}, "small"),
        ({"flag": "true"}, "flag"),
        ({"flag": 1}, "flag"),
        ({"title": 7}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"blob": "§"}, "blob"),
        ({"kind": "KIND_NONE"}, "kind"),
        ({"single": 1e300}, "single"),
        ({"twofold": "abc"}, "twofold"),
        ({"twofold": 10**400}, "twofold"),
        ({"single": -(10**400)}, "single"),
        ({"sailTime": "2013-01-01"}, "sailTime"),
        ({"sailTime": "2013-01-01T00:00:00"}, "sailTime"),
        ({"sail_time": 7}, "sail_time"),
        ({"voyage": "1"}, "voyage"),
        ({"voyage": "999999999999s"}, "voyage"),
        ({"labels": "a"}, "labels"),
        ({"labels": ["a", None]}, "labels[1]"),
        ({"numbers": [1, "x"]}, "numbers[1]"),
        ({"addresses": {"x": {}}}, 'addresses["x"]'),
        ({"addresses": {"1": {"city": 7}}}, 'addresses["1"].city'),
        ({"odds": {"yes": 1}}, 'odds["yes"]'),
        ({"address": []}, "address"),
        ({"stations": [{"next": {"colour": 1}}]}, "stations[0].next.colour"),
        ({"extra": 7}, "extra"),
        ({"colour": 7}, "colour"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(document: dict[str, Any], path: str) -> None:
    with pytest.raises(BadValue) as refused:
        Reading().message(CRATE)(NEW(), document)
    assert refused.value.path == path
    assert refused.value.description.endswith(".")


def test_null_leaves_a_field_unset_but_for_a_value_which_it_is() -> None:
    read = NEW()
    Reading().message(CRATE)(read, dict.fromkeys(field.json_name for field in CRATE.fields))
    assert [field.name for field, _ in read.ListFields()] == ["anything"]


def test_an_any_that_nobody_here_knows_keeps_its_bytes() -> None:
    unknown = any_pb2.Any(type_url="type.googleapis.com/nobody.v1.Thing", value=b"\x01\xff")
    known = any_pb2.Any()
    known.Pack(duration_pb2.Duration(seconds=7))
    for packed in (unknown, known):
        shown = json.loads(json.dumps(Showing().message(any_pb2.Any.DESCRIPTOR)(packed)))
        read = any_pb2.Any()
        Reading().message(any_pb2.Any.DESCRIPTOR)(read, shown)
        assert read == packed
