"""What a document costs is known before it runs, and nothing makes it look cheaper than it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from graphql import get_introspection_query

from services.graph import INTROSPECT, build_schema
from services.graph.documents import Documents
from services.graph.failures import IntrospectionDenied, QueryTooCostly, QueryTooDeep
from services.graph.limits import MAX_COST, MAX_DEPTH, Measure, measure
from tests.fakes.chassis_frame import fake_caller
from tests.fakes.studio import only_studio

if TYPE_CHECKING:
    from graphql import GraphQLSchema


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(only_studio())


def _measure(schema: GraphQLSchema, text: str, **variables: object) -> Measure:
    document = Documents(schema).read(text)
    operation = document.operation("")
    root = schema.get_root_type(operation.operation)
    assert root is not None
    return measure(operation, document.fragments, root, variables)


def test_a_record_costs_its_call_and_its_fields(schema: GraphQLSchema) -> None:
    assert _measure(schema, '{ artist(name: "a") { name title } }') == Measure(depth=2, cost=23, introspects=False)


def test_a_page_costs_its_fields_as_often_as_it_may_have_rows(schema: GraphQLSchema) -> None:
    assert _measure(schema, "{ artists(first: 10) { nodes { name title } } }").cost == 21 + 10 * 3
    assert _measure(schema, "{ artists { nodes { name } } }").cost == 21 + 50 * 2
    assert _measure(schema, "query($n: Int) { artists(first: $n) { nodes { name } } }", n=7).cost == 21 + 7 * 2
    assert _measure(schema, "{ artists(first: 999999) { nodes { name } } }").cost == 21 + 1000 * 2
    assert _measure(schema, "{ artists(first: -1) { nodes { name } } }").cost == 21 + 50 * 2


def test_pages_inside_pages_multiply(schema: GraphQLSchema) -> None:
    text = "{ artists(first: 10) { nodes { albums(first: 20) { nodes { title } } } } }"
    assert _measure(schema, text).cost == 21 + 10 * (1 + 21 + 20 * 2)


def test_a_reference_is_batched_and_costs_its_fields_alone(schema: GraphQLSchema) -> None:
    text = "{ artists(first: 10) { nodes { labelRecord { title } } } }"
    assert _measure(schema, text).cost == 21 + 10 * 3


def test_every_alias_costs_what_the_field_costs(schema: GraphQLSchema) -> None:
    once = _measure(schema, '{ a: artist(name: "a") { name } }').cost
    many = " ".join(f'a{i}: artist(name: "a") {{ name }}' for i in range(10))
    assert _measure(schema, f"{{ {many} }}").cost == 10 * once


def test_a_fragment_costs_each_time_that_it_is_used(schema: GraphQLSchema) -> None:
    text = '{ a: artist(name: "a") { ...f } b: artist(name: "b") { ...f ... { name } } } fragment f on Artist { name }'
    assert _measure(schema, text).cost == 22 + 23


def test_a_batch_costs_as_much_as_it_is_long(schema: GraphQLSchema) -> None:
    text = "query($n: [String!]) { batchGetArtists(names: $n) { artists { name } } }"
    assert _measure(schema, text, n=["a"] * 30).cost > 30 * 2


def test_fragments_that_grow_by_doubling_are_reckoned_at_once_and_refused(schema: GraphQLSchema) -> None:
    chain = " ".join(
        f"fragment f{i} on Artist {{ a: albums {{ nodes {{ parentRecord {{ ...f{i + 1} }} }} }} }}" for i in range(40)
    )
    text = f'{{ artist(name: "a") {{ ...f0 }} }} {chain} fragment f40 on Artist {{ name }}'
    found = _measure(schema, text)
    assert found.cost > MAX_COST**3
    assert found.depth > MAX_DEPTH


@pytest.mark.parametrize(
    ("found", "error", "figures"),
    [
        (Measure(depth=13, cost=1, introspects=False), QueryTooDeep, {"depth": "13", "limit": "12"}),
        (Measure(depth=1, cost=20_001, introspects=False), QueryTooCostly, {"cost": "20001", "limit": "20000"}),
    ],
)
def test_a_refusal_tells_the_figures(found: Measure, error: type[Exception], figures: dict[str, str]) -> None:
    with pytest.raises(error) as caught:
        found.check(fake_caller(), INTROSPECT)
    assert caught.value.metadata == figures  # type: ignore[attr-defined]  # ours have it


def test_what_is_just_within_the_limits_passes() -> None:
    Measure(depth=MAX_DEPTH, cost=MAX_COST, introspects=True).check(fake_caller(), INTROSPECT)


@pytest.mark.parametrize("text", ["{ __schema { types { name } } }", '{ __type(name: "Artist") { name } }'])
def test_the_schema_is_shown_by_permission_alone(schema: GraphQLSchema, text: str) -> None:
    found = _measure(schema, text)
    found.check(fake_caller(permissions=frozenset({"data.graphql.introspect"})), INTROSPECT)
    with pytest.raises(IntrospectionDenied):
        found.check(fake_caller(permissions=frozenset({"studio.*", "data.contracts.*"})), INTROSPECT)


def test_the_schema_is_found_behind_a_fragment(schema: GraphQLSchema) -> None:
    assert _measure(schema, "{ ...f } fragment f on Query { __schema { types { name } } }").introspects


def test_the_question_that_tools_ask_of_a_schema_passes_once_and_not_twice(schema: GraphQLSchema) -> None:
    text = get_introspection_query(input_value_deprecation=True, specified_by_url=True, schema_description=True)
    _measure(schema, text).check(fake_caller(), INTROSPECT)
    twice = text.replace("__schema", "b: __schema { types { ...FullType } } a: __schema", 1)
    with pytest.raises(QueryTooCostly):
        _measure(schema, twice).check(fake_caller(), INTROSPECT)


def test_the_name_of_a_type_is_no_secret(schema: GraphQLSchema) -> None:
    assert not _measure(schema, '{ __typename artist(name: "a") { __typename } }').introspects


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("query($n: Int = 1000) { artists(first: $n) { nodes { name } } }", {}),
        ("query($n: Int) { artists(first: $n) { nodes { name } } }", {"n": 1000.0}),
        ("query($n: Int = 5) { artists(first: $n) { nodes { name } } }", {"n": 1000}),
    ],
)
def test_a_page_costs_what_it_will_have_however_its_size_is_said(
    schema: GraphQLSchema, text: str, variables: dict[str, object]
) -> None:
    assert _measure(schema, text, **variables).cost == 21 + 1000 * 2


def test_a_variable_that_is_null_or_left_out_asks_for_a_page_of_the_usual_size(schema: GraphQLSchema) -> None:
    assert _measure(schema, "query($n: Int = 9) { artists(first: $n) { nodes { name } } }", n=None).cost == 21 + 50 * 2
    assert _measure(schema, "query($n: Int) { artists(first: $n) { nodes { name } } }").cost == 21 + 50 * 2


def test_a_batch_costs_as_much_as_the_list_that_stands_in_for_its_variable(schema: GraphQLSchema) -> None:
    names = ", ".join('"a"' for _ in range(30))
    text = f"query($n: [String!] = [{names}]) {{ batchGetArtists(names: $n) {{ artists {{ name }} }} }}"
    assert _measure(schema, text).cost > 30 * 2
