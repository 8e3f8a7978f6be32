"""Every convention that a contract breaks is an error with file, line, element and mend."""

from __future__ import annotations

import pytest

from tests.unit.chassis.contract.field_mistakes import FIELD_MISTAKES
from tests.unit.chassis.contract.library import FILE, HEAD, LIBRARY, changed, load, problems_of
from tests.unit.chassis.contract.mistakes import (
    BOOK,
    BOOK_RECORD,
    GET,
    GET_RULE,
    LIST,
    MISTAKES,
    SHELF_RECORD,
    Mistake,
    book_record,
)


@pytest.mark.parametrize("mistake", MISTAKES + FIELD_MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_named_with_its_line_its_element_and_its_mend(mistake: Mistake) -> None:
    text = changed(mistake.old, mistake.new)
    (problem,) = problems_of({FILE: text})
    assert mistake.message in problem.message
    assert mistake.mend in problem.mend
    assert problem.element == mistake.element
    file, _, line = problem.file.partition(":")
    assert file == FILE
    assert mistake.element.rpartition(".")[2] in text.splitlines()[int(line) - 1]
    assert str(problem) == f"{problem.file}: {problem.element}: {problem.message}. Mend: {problem.mend}."


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = LIBRARY.replace(GET_RULE, "{}").replace("string page_token = 3; ", "").replace('Shelf";', 'Desk";')
    text = text.replace('type = "library.example.com/Shelf"', 'type = "library.example.com/Desk"')
    problems = problems_of({FILE: text})
    assert [problem.element for problem in problems] == [GET, LIST, f"{BOOK}.lent_shelf"]


def test_a_parent_that_nobody_keeps_is_a_mistake() -> None:
    (problem,) = problems_of({FILE: changed(SHELF_RECORD, 'plural: "shelves"};')})
    assert (problem.element, problem.mend[:15]) == (BOOK, "Make the parent")


def test_a_global_record_refers_to_none_of_an_organization() -> None:
    found = problems_of({FILE: changed(BOOK_RECORD, book_record("scope: SCOPE_GLOBAL"))})
    assert [problem.element for problem in found] == [BOOK, f"{BOOK}.lent_shelf"]  # by its parent, and by its field
    assert all("belongs to an organization" in problem.message for problem in found)


def test_an_organization_may_refer_to_a_global_record() -> None:
    load({FILE: changed(SHELF_RECORD, SHELF_RECORD.replace("{};", "{scope: SCOPE_GLOBAL};"))})


def test_two_bindings_that_match_a_common_path_are_a_mistake_of_the_later() -> None:
    path = 'get: "/library/v1/{parent=shelves/*}/books"'
    text = changed(path, f'{path} additional_bindings: {{get: "/library/v1/{{parent=shelves/*}}/books/new"}}')
    (problem,) = problems_of({FILE: text})
    assert problem.element == LIST
    assert "/library/v1/{name=shelves/*/books/*} of library.v1.LibraryService.GetBook" in problem.message


OUTSIDER = (
    HEAD.replace("library.v1", "PACKAGE")
    + """
service Things { }
message Thing {
  option (google.api.resource) = {type: "things.example.com/Thing" pattern: "things/{thing}"};
  option (tenon.options.v1.record) = {};
  string name = 1;
}
"""
)


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("tenon.things.v1", "is under `tenon.`"),
        ("tenon", "is under `tenon.`"),
        ("auth.v1", "is named after Tenon's own 'auth'"),
        ("example.data.v2", "is named after Tenon's own 'data'"),
        ("example.account.v1", "would begin with /account/, where auth has its pages"),
        ("example.oauth2.v2", "would begin with /oauth2/, where auth has its pages"),
        ("example.federation.v1", "would begin with /federation/, where auth has its pages"),
        ("example.access.v1", "would begin with /access/, where auth has its pages"),
        ("things", "does not end with a service and a version"),
        ("things.latest", "does not end with a service and a version"),
    ],
)
def test_a_package_from_outside_takes_no_name_of_ours(package: str, message: str) -> None:
    problems = problems_of({"things.proto": OUTSIDER.replace("PACKAGE", package)})
    assert any(message in problem.message and problem.element == package for problem in problems)
    assert problems[0].file == "things.proto:2"


def test_two_packages_do_not_share_service_and_version() -> None:
    one = OUTSIDER.replace("PACKAGE", "one.things.v1")
    other = OUTSIDER.replace("PACKAGE", "other.things.v1").replace("things.example", "other.example")
    (problem,) = problems_of({"one.proto": one, "other.proto": other})
    assert (problem.file, problem.element) == ("other.proto:2", "other.things.v1")
    assert "one.things.v1 and other.things.v1 both end with things.v1" in problem.message


def test_what_protoc_cannot_read_is_told_in_its_words_with_the_line() -> None:
    (problem,) = problems_of({FILE: LIBRARY.replace("string title = 2;", "strnig title = 2;")})
    line = next(n for n, text in enumerate(LIBRARY.splitlines(), 1) if "string title" in text)
    assert problem.file == f"{FILE}:{line}"
    assert '"strnig" is not defined' in problem.message


def test_an_import_that_is_missing_is_told() -> None:
    problems = problems_of({FILE: LIBRARY.replace("google/protobuf/empty.proto", "google/protobuf/void.proto")})
    assert any("google/protobuf/void.proto" in problem.message and problem.file == f"{FILE}:7" for problem in problems)
