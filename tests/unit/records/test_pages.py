"""Pages: sizes are coerced, and a token opens for its own request alone."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.errors import InvalidArgument
from services.chassis.keyring import Keyring, RootKey
from services.records.reading.pages import PageTokenInvalid, PageTokens, fingerprint, page_size

TOKENS = PageTokens(Keyring([RootKey(id="one", secret=bytes(32))]))
BOUND = bytes(16)
SEALED = TOKENS.seal(["a"], BOUND)

values = (
    st.none()
    | st.booleans()
    | st.text()
    | st.integers(-(2**63), 2**64)
    | st.floats(allow_nan=False)
    | st.datetimes(timezones=st.just(UTC))
    | st.decimals(allow_nan=False, allow_infinity=False)
)


def _request_type() -> Any:
    names = ["parent", "page_token", "filter", "order_by"]
    fields = [
        FieldDescriptorProto(name=n, number=i, type=FieldDescriptorProto.TYPE_STRING) for i, n in enumerate(names, 1)
    ]
    fields.append(FieldDescriptorProto(name="page_size", number=5, type=FieldDescriptorProto.TYPE_INT32))
    file = FileDescriptorProto(
        name="list.proto", syntax="proto3", message_type=[DescriptorProto(name="List", field=fields)]
    )
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("List"))


LIST = _request_type()


@pytest.mark.parametrize(
    ("asked", "given_"), [(0, 50), (1, 1), (999, 999), (1000, 1000), (1001, 1000), (2**31 - 1, 1000)]
)
def test_a_page_size_is_the_default_for_zero_and_coerced_above_the_most(asked: int, given_: int) -> None:
    assert page_size(asked) == given_


def test_a_negative_page_size_is_refused_at_its_field() -> None:
    with pytest.raises(InvalidArgument) as caught:
        page_size(-1)
    assert [v.field for v in caught.value.violations] == ["page_size"]


@settings(deadline=None)
@given(keys=st.lists(values, max_size=5))
def test_a_token_brings_back_the_very_values(keys: list[Any]) -> None:
    opened = TOKENS.open(TOKENS.seal(keys, BOUND), BOUND)
    assert [(type(value), value) for value in opened] == [(type(value), value) for value in keys]


def test_a_token_keeps_microseconds_and_large_numbers() -> None:
    keys: list[Any] = [
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        Decimal(2**64 - 1),
        2**63 - 1,
        0.1,
        "\x00ä",
        None,
    ]
    assert list(TOKENS.open(TOKENS.seal(keys, BOUND), BOUND)) == keys


def test_a_token_is_safe_in_a_url_and_shows_nothing() -> None:
    token = TOKENS.seal(["specimens/secret-name"], BOUND)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert "secret" not in token


@settings(deadline=None)
@given(data=st.data())
def test_a_token_with_a_changed_character_is_refused(data: st.DataObject) -> None:
    token = SEALED
    place = data.draw(st.integers(0, len(token) - 2))
    other = data.draw(st.sampled_from("ABCxyz019-_ .~é\x00").filter(lambda c: c != token[place]))
    with pytest.raises(PageTokenInvalid) as caught:
        TOKENS.open(token[:place] + other + token[place + 1 :], BOUND)
    assert caught.value.reason == "PAGE_TOKEN_INVALID"
    assert [v.field for v in caught.value.violations] == ["page_token"]


@settings(deadline=None)
@given(token=st.text(max_size=80))
def test_any_text_is_refused_and_never_fails_otherwise(token: str) -> None:
    with pytest.raises(PageTokenInvalid):
        TOKENS.open(token, BOUND)


def test_a_cut_token_is_refused() -> None:
    token = TOKENS.seal(["a"], BOUND)
    for length in range(len(token)):
        with pytest.raises(PageTokenInvalid):
            TOKENS.open(token[:length], BOUND)


def test_an_endless_token_is_refused_unread() -> None:
    with pytest.raises(PageTokenInvalid):
        TOKENS.open("A" * 10_000_000, BOUND)


def test_a_token_of_another_keyring_is_refused() -> None:
    foreign = PageTokens(Keyring([RootKey(id="one", secret=b"\x01" * 32)]))
    with pytest.raises(PageTokenInvalid):
        TOKENS.open(foreign.seal(["a"], BOUND), BOUND)


def test_a_token_of_a_request_with_other_arguments_says_so() -> None:
    with pytest.raises(PageTokenInvalid, match="other arguments"):
        TOKENS.open(TOKENS.seal(["a"], BOUND), b"\x01" * 16)


def test_only_paging_may_change_between_pages() -> None:
    def of(method: str = "/a/List", organization: str = "acme", shape: str = "", **arguments: Any) -> bytes:
        return fingerprint(method, organization, LIST(**({"parent": "a/1", "filter": "x=1"} | arguments)), shape=shape)

    assert of() == of(page_size=7) == of(page_token="t")
    others = [
        of(parent="a/2"),
        of(filter="x=2"),
        of(order_by="x"),
        of(method="/b/List"),
        of(organization="b"),
        of(shape="x"),
    ]
    assert len({of(), *others}) == 7


def test_making_a_fingerprint_leaves_the_request_as_it_is() -> None:
    request = LIST(page_size=3, page_token="t")
    fingerprint("/a/List", "acme", request)
    assert request == LIST(page_size=3, page_token="t")
