"""Messages become JSON that a filter can reach into."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import BytesValue, DoubleValue, StringValue, UInt64Value

from services.records.schema.columns import array_text
from services.records.schema.documents import Documents, Unfit


def document(message: Any) -> Any:
    return json.loads(json.dumps(Documents().message(message.DESCRIPTOR)(message), allow_nan=False))


def test_well_known_types_have_their_plain_form() -> None:
    struct = Struct()
    struct.update({"a": [1, None, {"b": True}], "n": float("nan")})
    assert document(struct) == {"a": [1, None, {"b": True}], "n": "NaN"}
    assert document(Timestamp(seconds=-62135596800, nanos=1000)) == "0001-01-01T00:00:00.000001Z"
    assert document(Duration(seconds=-1, nanos=-1000)) == -1_000_001
    assert document(FieldMask(paths=["a.b"])) == ["a.b"]
    assert document(StringValue(value="x")) == "x"
    assert document(UInt64Value(value=2**64 - 1)) == 2**64 - 1
    assert document(DoubleValue(value=float("-inf"))) == "-Infinity"
    assert document(BytesValue(value=b"x")) == ""
    assert document(AnyMessage(type_url="t/x")) == {"type_url": "t/x"}


def test_a_message_that_holds_itself_is_converted_and_presence_is_kept() -> None:
    message = DescriptorProto(name="a", nested_type=[DescriptorProto(name="b", field=[FieldDescriptorProto(number=0)])])
    found = document(message)
    assert found["nested_type"][0]["name"] == "b"
    assert found["nested_type"][0]["field"][0] == {"number": 0}


def test_what_postgres_cannot_keep_is_found_with_its_path() -> None:
    message = DescriptorProto(nested_type=[DescriptorProto(), DescriptorProto(name="a\0")])
    with pytest.raises(Unfit) as unfit:
        document(message)
    assert unfit.value.path == ".nested_type[1].name"


def test_the_text_of_an_array_is_quoted() -> None:
    assert array_text(["", 'a"b\\c', "NULL"]) == '{"","a\\"b\\\\c","NULL"}'
    assert array_text([True, False]) == "{t,f}"
    assert array_text([1.5, float("inf"), -3]) == "{1.5,inf,-3}"
