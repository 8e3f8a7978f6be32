"""What reaches a servicer is as its contract promises, and everything that is wrong is told at once."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from tenon.auth.v1 import audit_service_pb2

from services.chassis.contract import Internal, Standard, StandardKind
from services.chassis.interceptors.validation import RequestInvalid, RequestUndecodable, bind_check
from services.chassis.transport.handlers import decoder_of
from tests.fakes.chassis_frame import fake_handler, fake_method
from tests.fakes.chassis_proto import toy_messages

NUL = "a\0b"


def message(name: str) -> Any:
    return toy_messages()(f"toy.v1.{name}")


async def serve(request: Any, call: Any) -> Any:
    return request


def check(request: Any, standard: StandardKind | None = None, internal: bool = False) -> Any:
    method = fake_method(
        standard=Standard(kind=standard, record="toy.v1.Book") if standard else None,
        access=Internal(callers=("auth",)) if internal else None,
    )
    bind_check(fake_handler(serve, method, type(request)))(request)
    return request


def violations(request: Any, standard: StandardKind | None = None) -> dict[str, str]:
    with pytest.raises(RequestInvalid) as caught:
        check(request, standard)
    return {violation.field: violation.reason for violation in caught.value.violations}


def book(**fields: Any) -> Any:
    return message("Book")(**{"title": "Tenon", "pages": 3, "year": 2026, **fields})


def create(**fields: Any) -> Any:
    return message("CreateBookRequest")(parent="shelves/1", book=book(**fields))


def update(paths: tuple[str, ...], **fields: Any) -> Any:
    request = message("UpdateBookRequest")(book=message("Book")(**fields))
    request.update_mask.paths.extend(paths)
    return request


def test_a_good_request_passes() -> None:
    check(create(), StandardKind.CREATE)


def test_missing_required_fields_are_all_named() -> None:
    assert violations(message("CreateBookRequest")()) == {"parent": "REQUIRED", "book": "REQUIRED"}


def test_required_fields_of_a_created_resource_are_asked_for() -> None:
    request = message("CreateBookRequest")(parent="a", book=message("Book")())
    assert violations(request, StandardKind.CREATE) == {"book.title": "REQUIRED", "book.year": "REQUIRED"}


def test_zero_is_a_value_of_a_required_number() -> None:
    found = violations(create(title="", pages=0, year=0))
    assert "book.pages" not in found
    assert "book.year" not in found


def test_violations_of_all_kinds_come_in_one_answer_with_full_paths() -> None:
    request = create(
        title="T",
        authors=[{"name": "Ann"}, {"name": "Bob", "aliases": ["x", NUL]}, {"name": "too long"}],
        labels={"a": "long label", "b": NUL},
        editors={7: {"name": ""}},
        pages=-1,
    )
    found = violations(request)
    assert found["book.title"] == "string.min_len"
    assert found["book.authors[1].aliases[1]"] == "NO_NUL"
    assert found["book.authors[2].name"] == "string.max_len"
    assert found['book.labels["a"]'] == "string.max_len"
    assert found['book.labels["b"]'] == "NO_NUL"
    assert found["book.editors[7].name"] == "REQUIRED"
    assert found["book.pages"] == "int32.gte"
    assert found["book"] == "book.pages"


def test_a_missing_field_is_named_once() -> None:
    with pytest.raises(RequestInvalid) as caught:
        check(create(title=""))
    assert [v.field for v in caught.value.violations].count("book.title") == 1


def test_the_message_names_the_first_violations_and_counts_the_rest() -> None:
    with pytest.raises(RequestInvalid) as caught:
        check(create(authors=[{"name": ""} for _ in range(5)]))
    assert "book.authors[0].name: Is required and missing" in caught.value.message
    assert "and 2 more" in caught.value.message


def test_what_the_server_alone_writes_is_dropped_and_not_judged() -> None:
    request = check(create(state="far too long"))
    assert request.book.state == ""


def test_what_the_server_alone_writes_passes_from_inside_the_mesh() -> None:
    assert check(create(state="x"), internal=True).book.state == "x"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (lambda: message("GetBookRequest")(name=NUL), "name"),
        (lambda: message("Tree")(root={"root": {"branches": [{}, {"name": NUL}]}}), "root.root.branches[1].name"),
        (lambda: create(labels={NUL: "x"}), "book.labels"),
        (
            lambda: _loose({"a": [1, {"b": NUL}]}),
            'anything.fields["a"].list_value.values[1].struct_value.fields["b"].string_value',
        ),
    ],
)
def test_nul_is_refused_at_any_depth(request_: Any, field: str) -> None:
    assert violations(request_())[field] == "NO_NUL"


def _loose(value: dict[str, Any]) -> Any:
    request = message("Loose")()
    request.anything.update(value)
    return request


def test_nul_is_a_byte_like_any_other_in_bytes() -> None:
    check(message("Loose")(data=b"\0\0"))


def test_a_request_that_is_no_message_is_refused() -> None:
    undecodable = decoder_of(message("GetBookRequest"))(b"\xff\xff")
    with pytest.raises(RequestUndecodable):
        bind_check(fake_handler(serve, fake_method(), message("GetBookRequest")))(undecodable)


def test_nesting_without_end_is_refused() -> None:
    nested = decoder_of(message("Tree"))(_encode_nested(500))
    with pytest.raises(RequestUndecodable):
        bind_check(fake_handler(serve, fake_method(), message("Tree")))(nested)


def _encode_nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = b"\x1a" + _varint(len(data)) + data
    return data


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def test_bad_utf8_is_refused() -> None:
    assert decoder_of(message("GetBookRequest"))(b"\x0a\x02\xc3\x28").__class__.__name__ == "Undecodable"


def test_an_update_is_judged_by_the_fields_that_it_writes() -> None:
    check(update(("pages",), pages=3), StandardKind.UPDATE)
    assert violations(update(("title",), title="T", pages=-1), StandardKind.UPDATE) == {"book.title": "string.min_len"}


def test_an_update_without_a_mask_is_judged_by_the_fields_that_are_set() -> None:
    check(update((), pages=3), StandardKind.UPDATE)
    assert violations(update((), pages=-1), StandardKind.UPDATE) == {"book.pages": "int32.gte"}


def test_an_update_of_everything_is_judged_whole() -> None:
    assert "book.title" in violations(update(("*",), pages=-1), StandardKind.UPDATE)


def test_an_update_needs_its_resource() -> None:
    assert violations(message("UpdateBookRequest")(), StandardKind.UPDATE) == {"book": "REQUIRED"}


def test_nul_is_refused_even_where_the_mask_leaves_it_out() -> None:
    request = update(("pages",), name=NUL, title=NUL, pages=3)
    assert violations(request, StandardKind.UPDATE) == {"book.name": "NO_NUL", "book.title": "NO_NUL"}


def test_thousands_of_violations_are_cut() -> None:
    with pytest.raises(RequestInvalid) as caught:
        check(create(authors=[{"name": ""} for _ in range(5000)]))
    assert len(caught.value.violations) == 100


@pytest.mark.parametrize(("seconds", "nanos"), [(2**63 - 1, 0), (-62_135_596_801, 0), (253_402_300_800, 0), (0, -1)])
def test_a_time_that_there_is_not_is_refused_before_anybody_reads_it(seconds: int, nanos: int) -> None:
    span = audit_service_pb2.ListAuditEventsRequest(start_time=Timestamp(seconds=1))
    check(span)
    span.end_time.CopyFrom(Timestamp(seconds=seconds, nanos=nanos))
    assert violations(span) == {"end_time": "OUT_OF_BOUNDS"}


def test_a_duration_has_its_bounds_too() -> None:
    check(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=-1, nanos=-1)))
    endless = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=2**40))
    assert violations(endless) == {"retry_delay": "OUT_OF_BOUNDS"}
