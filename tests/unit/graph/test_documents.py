"""Documents are read once, and none is so bad that reading it takes long."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from services.graph import build_schema
from services.graph.documents import KEPT_LENGTH, MAX_LENGTH, DocumentRefused, Documents
from services.graph.failures import QueryInvalid, QueryTooLong
from tests.fakes.studio import only_studio

if TYPE_CHECKING:
    from graphql import GraphQLSchema

GOOD = '{ artist(name: "a") { name } }'


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(only_studio())


@pytest.fixture
def documents(schema: GraphQLSchema) -> Documents:
    return Documents(schema)


def test_a_document_is_found_by_its_text(documents: Documents) -> None:
    read = documents.read(GOOD)
    assert documents.find(GOOD) is None
    documents.keep(GOOD, read)
    assert documents.find(GOOD) is read
    assert documents.find(GOOD + " ") is None


def test_the_documents_that_are_kept_are_bounded_and_the_oldest_goes_first(documents: Documents) -> None:
    read = documents.read(GOOD)
    texts = [GOOD + " " * 10_000 + str(index) for index in range(300)]
    for text in texts:
        documents.keep(text, read)
        documents.find(texts[0])
    assert sum(len(text) for text in texts if documents.find(text)) <= KEPT_LENGTH
    assert documents.find(texts[0]) is read
    assert documents.find(texts[1]) is None
    assert documents.find(texts[-1]) is read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{ nothing }",
        "{ artist }",
        "query($a: Nothing) { __typename }",
        "subscription { a }",
        "{ ...a } fragment a on Query { ...a }",
        "type A { a: Int }",
        "{ artist(name: 1) { name } }",
        "{ artists(first: 99999999999) { nodes { name } } }",
        "\ud800",
        '{ artist(name: "\\ud800") { name } }',
    ],
)
def test_a_bad_document_is_refused(documents: Documents, text: str) -> None:
    with pytest.raises(DocumentRefused):
        documents.read(text)


def test_a_schema_cannot_be_asked_for_without_end(documents: Documents) -> None:
    nested = "fields { type { " * 4 + "name" + " } }" * 4
    with pytest.raises(DocumentRefused, match="introspection depth"):
        documents.read(f"{{ __schema {{ types {{ {nested} }} }} }}")


def test_a_refusal_suggests_no_names(documents: Documents) -> None:
    with pytest.raises(DocumentRefused) as caught:
        documents.read("{ artis { nam } }")
    assert "Did you mean" not in str([error.message for error in caught.value.errors])


def test_a_long_document_is_refused_by_its_length_with_the_figures(documents: Documents) -> None:
    with pytest.raises(QueryTooLong) as caught:
        documents.read("{" + " " * MAX_LENGTH + "}")
    assert caught.value.metadata == {"length": str(MAX_LENGTH + 2), "limit": str(MAX_LENGTH)}


@pytest.mark.parametrize(
    "text",
    [
        "{" * 30_000,
        "{ artists " + "{ nodes " * 900 + "}" * 900 + "}",
        "[" * 30_000,
        "query($a: " + "[" * 900 + "Int" + "]" * 900 + ") { __typename }",
        "{ artist(name: " + "[" * 900 + "]" * 900 + ") { name } }",
        "{" + "a " * 1_990 + "}",
        '{ artist(name: "a") {' + "name " * 1_980 + "} }",
        '{ artist(name: "a") {' + " ".join(f"a{i}: name" for i in range(650)) + "} }",
        "{"
        + " ".join(f"...f{i}" for i in range(200))
        + "}"
        + " ".join(f"fragment f{i} on Query {{ __typename }}" for i in range(190)),
        "{" + "... { " * 600 + "__typename" + "}" * 600 + "}",
        "#" * 30_000,
        "{ __typename " + "@skip(if: true) " * 600 + "}",
    ],
)
def test_no_document_takes_long(documents: Documents, text: str) -> None:
    started = time.process_time()
    with contextlib.suppress(DocumentRefused):
        documents.read(text)
    assert time.process_time() - started < 2


def test_one_operation_needs_no_name_and_several_do(documents: Documents) -> None:
    assert documents.read(GOOD).operation("").name is None
    several = documents.read("query a { __typename } query b { __typename }")
    found = several.operation("b").name
    assert found is not None
    assert found.value == "b"
    for name in ("", "c"):
        with pytest.raises(QueryInvalid):
            several.operation(name)
    with pytest.raises(QueryInvalid):
        documents.read("fragment a on Query { __typename } query q { ...a }").operation("a")
