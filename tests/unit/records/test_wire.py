"""Responses that are put together from stored bytes are those that protobuf itself would write."""

from __future__ import annotations

from google.longrunning import operations_pb2
from hypothesis import given
from hypothesis import strategies as st

from services.records.reading.wire import Listing, varint


@given(names=st.lists(st.text(max_size=300), max_size=5), token=st.text(max_size=300), big=st.integers(0, 20_000))
def test_a_listing_is_what_protobuf_writes(names: list[str], token: str, big: int) -> None:
    operations = [operations_pb2.Operation(name=name) for name in [*names, "x" * big]]
    listing = Listing(operations_pb2.ListOperationsResponse.DESCRIPTOR, "google.longrunning.Operation")
    wanted = operations_pb2.ListOperationsResponse(operations=operations, next_page_token=token)
    written = listing.encode([operation.SerializeToString() for operation in operations], token)
    assert written == wanted.SerializeToString()


def test_a_varint_has_seven_bits_in_each_byte() -> None:
    assert [varint(n) for n in (0, 127, 128, 300, 2**32)] == [
        b"\x00",
        b"\x7f",
        b"\x80\x01",
        b"\xac\x02",
        b"\x80\x80\x80\x80\x10",
    ]
