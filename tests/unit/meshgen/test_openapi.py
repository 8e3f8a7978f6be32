"""What an OpenAPI document says of a contract, and that it says the truth."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message_factory import GetMessageClass
from openapi_spec_validator import validate
from protovalidate import Validator

from services.meshgen import openapi
from services.meshgen.openapi.errors import FAILURES
from tests.unit.meshgen.golden import toy_contract
from tests.unit.meshgen.menu import PACKAGE, as_answer, dish, faults, menu, menu_document, operation, schema

VALIDATOR = Validator()


def test_the_document_is_openapi_3_1() -> None:
    assert menu_document()["openapi"].startswith("3.1.")
    validate(menu_document())


def test_yaml_and_json_say_the_same_and_the_same_again() -> None:
    files = openapi.generate(menu())
    assert yaml.safe_load(files["openapi.yaml"]) == json.loads(files["openapi.json"]) == menu_document()
    assert files == openapi.generate(menu())
    assert "by `make gen`" in files["openapi.yaml"].splitlines()[0]


def test_internal_methods_and_those_without_a_path_are_not_in_it() -> None:
    for text in (*openapi.generate(menu()).values(), *openapi.generate(toy_contract()).values()):
        assert not [name for name in ("Clean", "Whisper", "Sweep") if name in text]


def test_its_version_changes_with_what_it_says_alone() -> None:
    versions = {openapi.document(contract)["info"]["version"] for contract in (menu(), menu(), toy_contract())}
    assert len(versions) == 2


def test_paths_are_those_of_the_resources_pattern_with_one_parameter_a_segment() -> None:
    assert sorted(menu_document()["paths"]) == [
        "/menu/v1/corners/{corner}",
        "/menu/v1/dishes:follow",
        "/menu/v1/eat/kitchens/{kitchen}/dishes/{dish}",
        "/menu/v1/kitchens/{kitchen}/dishes",
        "/menu/v1/kitchens/{kitchen}/dishes/{dish}",
        "/menu/v1/kitchens/{kitchen}/dishes/{dish}:order",
        "/menu/v1/kitchens/{kitchen}/dishes:find",
        "/menu/v1/kitchens/{kitchen}/picture",
        "/menu/v1/orders",
        "/menu/v1/paths/{corner}",
        "/menu/v1/tables/benches/{bench}",
    ]
    for path, item in menu_document()["paths"].items():
        for each in item.values():
            names = [p["name"] for p in each.get("parameters", ()) if p["in"] == "path"]
            assert [f"{{{name}}}" in path for name in names] == [True] * path.count("{"), path


def test_a_query_holds_what_neither_path_nor_body_does_and_fields_inside_by_a_dot() -> None:
    def query(name: str) -> dict[str, Any]:
        return {p["name"]: p["schema"] for p in operation(name).get("parameters", ()) if p["in"] == "query"}

    found = query("Find")
    assert list(found) == ["range.start", "range.end", "heats", "since", "readMask"]
    assert found["heats"]["type"] == "array"
    assert found["range.end"]["type"] == ["string", "integer"]
    assert list(query("UpdateDish")) == ["updateMask"]
    assert list(query("CreateDish")) == ["dishId"]
    assert list(query("Paint")) == ["size"]
    assert query("Order") == {}


def test_a_body_is_the_request_but_for_what_the_path_fills() -> None:
    body = operation("Order")["requestBody"]
    assert body["content"]["application/json"]["schema"] == {
        "$ref": f"#/components/schemas/{PACKAGE}.OrderRequest-body"
    }
    assert set(schema("OrderRequest-body")["properties"]) == {"count", "cash", "card"}
    assert "requestBody" not in operation("Find")
    assert operation("Take")["requestBody"]["content"]["application/json"]["schema"]["type"] == "array"


def test_raw_bodies_have_any_type() -> None:
    assert list(operation("Paint")["requestBody"]["content"]) == ["*/*"]
    assert list(operation("Paint")["responses"]["200"]["content"]) == ["*/*"]


def test_a_stream_has_a_form_of_its_own() -> None:
    content = operation("Follow")["responses"]["200"]["content"]
    assert content["application/json"]["schema"]["items"] == {"$ref": f"#/components/schemas/{PACKAGE}.Dish"}


def test_who_may_call_is_said_in_openapi_s_own_way_and_in_words() -> None:
    schemes = ("bearer", "apiKey", "openIdConnect")
    assert operation("GetDish")["security"] == [{scheme: ["menu.dishes.get"]} for scheme in schemes]
    assert operation("GetDish")["x-permission"] == "menu.dishes.get"
    assert "menu.dishes.get" in operation("GetDish")["description"]
    assert operation("UpdateDish")["security"] == [{scheme: []} for scheme in schemes]
    assert operation("Find")["security"] == []


def test_limits_times_and_repeats_are_said() -> None:
    one = operation("GetDish")
    assert one["x-limit"] == {"per": "subject", "requests": 7, "windowSeconds": 60, "burst": 9}
    assert (one["x-timeout-seconds"], one["x-idempotent"]) == (2.5, True)
    assert "x-ratelimit-remaining" in one["responses"]["200"]["headers"]
    assert "429" in one["responses"]
    assert "x-limit" not in operation("Find")


def test_a_comment_s_first_sentence_is_the_summary_and_the_rest_the_description() -> None:
    one = operation("GetDish")
    assert one["summary"] == "Returns a dish"
    assert one["description"].startswith("It can be asked for again and again.")
    assert menu_document()["tags"][0]["description"].startswith("Keeps the dishes of every kitchen.")
    assert "- `HEAT_HOT`: Burns." in schema("Heat")["description"]


def test_what_is_deprecated_is_marked() -> None:
    assert operation("UpdateDish")["deprecated"] is True
    assert schema("Dish")["properties"]["oldTitle"]["deprecated"] is True
    assert "deprecated" not in operation("GetDish")


def test_fields_are_shown_to_those_whose_they_are() -> None:
    answer, sent, update = (schema(name)["properties"] for name in ("Dish", "Dish-input", "Dish-update"))
    assert "secret" not in answer
    assert sent["secret"]["writeOnly"] is True
    assert answer["createTime"]["readOnly"] is True
    assert not {"createTime", "name"} & (set(sent) | set(update))
    assert sent["code"]["x-immutable"] is True
    assert answer["name"]["examples"] == ["kitchens/kitchen-1/dishes/dish-1"]


def test_an_update_demands_no_field_and_a_new_record_those_without_which_it_is_refused() -> None:
    assert "required" not in schema("Dish-update")
    assert set(schema("Dish-input")["required"]) == {"title", "price", "code"}


def test_every_answer_that_the_edge_prints_fits_its_schema() -> None:
    empty, full = as_answer(type(dish())()), as_answer(_full_dish())
    assert faults(f"{PACKAGE}.Dish", empty) == []
    assert faults(f"{PACKAGE}.Dish", full) == []
    assert set(schema("Dish")["required"]) == set(empty) - {"secret"}


def test_an_answer_with_a_64_bit_number_or_without_a_zero_value_does_not_fit() -> None:
    answer = as_answer(dish())
    assert faults(f"{PACKAGE}.Dish", {**answer, "price": 1})
    assert faults(f"{PACKAGE}.Dish", {key: value for key, value in answer.items() if key != "good"})
    assert faults(f"{PACKAGE}.Dish", {**answer, "shelf": "a", "box": "1"})


def _full_dish() -> Any:
    message = dish(
        name="kitchens/a/dishes/b",
        weight=float("nan"),
        heat=2,
        shelf="top",
        picture=b"\x00\xff",
        numbers=[1, 2**62],
        rating=4.5,
        grams={"salt": 1},
        contact="a@example.com",
    )
    message.parts.add(label="x").parts.add(label="y")
    message.sizes[3].label = "z"
    message.cooking_time.FromMilliseconds(1500)
    message.create_time.FromJsonString("2026-01-31T12:00:00.5Z")
    message.wishes.value = 2**60
    message.extra.update({"a": [1, None, {"b": "c"}]})
    message.carrier.Pack(message.cooking_time)
    return message


_GOOD: dict[str, Any] = {"title": "Soup", "price": "1", "code": "AB1"}

SENT = [
    {},
    {"title": ""},
    {"title": "0123456789"},
    {"title": "0123456789x"},
    {"title": "äöüäöüäöüä"},
    {"price": 99999},
    {"price": "99999"},
    {"price": 0},
    {"price": 100000},
    {"code": "AB"},
    {"code": "xAB1"},
    {"heat": "HEAT_HOT"},
    {"heat": "HEAT_COLD"},
    {"served": "HEAT_HOT"},
    {"served": "HEAT_MILD"},
    {"weight": "NaN"},
    {"weight": 1.5},
    {"rating": 5},
    {"rating": 5.1},
    {"rating": "NaN"},
    {"parts": [{"label": "a"}]},
    {"parts": [{}]},
    {"parts": [{"label": ""}]},
    {"parts": [{"label": "a", "parts": [{}]}]},
    {"parts": [{"label": "a"}] * 4},
    {"numbers": [1, 2]},
    {"numbers": [0]},
    {"numbers": [1, 1]},
    {"grams": {"a": 1, "b": 2}},
    {"grams": {"a": 1, "b": 2, "c": 3}},
    {"shelf": "a"},
    {"shelf": "a", "box": 1},
    {"box": -1},
    {"count": -1},
    {"count": 2**32},
    {"picture": "AAECAw=="},
    {"picture": "AAECAwQFBgc="},
    {"contact": ""},
    {"contact": "a@example.com"},
    {"contact": "nobody"},
    {"createTime": "2026-01-31T12:00:00Z"},
    {"cookingTime": "1.5s"},
    {"cookingTime": "PT1S"},
    {"wishes": "5"},
    {"good": "yes"},
    {"sizes": {"3": {"label": "a"}}},
    {"sizes": {"3": {}}},
]


@pytest.mark.parametrize("sent", SENT, ids=json.dumps)
def test_what_the_schema_takes_is_what_the_service_takes(sent: dict[str, Any]) -> None:
    """The schema of what is sent against protobuf's own reader and `buf.validate` itself."""
    body = {**_GOOD, **sent}
    try:
        message: Any = ParseDict(body, GetMessageClass(menu().pool.FindMessageTypeByName(f"{PACKAGE}.Dish"))())
    except ParseError:
        taken = False
    else:
        taken = not VALIDATOR.collect_violations(message) and bool(message.title)
    assert (faults(f"{PACKAGE}.Dish-input", body) == []) == taken


@pytest.mark.parametrize("missing", sorted(_GOOD))
def test_what_is_required_is_missed(missing: str) -> None:
    assert faults(f"{PACKAGE}.Dish-input", {key: value for key, value in _GOOD.items() if key != missing})


def test_one_of_a_required_oneof_has_to_be_there() -> None:
    name = f"{PACKAGE}.OrderRequest-body"
    assert faults(name, {"count": 1, "card": "x"}) == []
    assert faults(name, {"count": 1})
    assert faults(name, {"count": 1, "card": "x", "cash": 1})


def test_a_rule_that_has_no_keyword_is_said_in_words() -> None:
    assert "A mild dish has no warning." in schema("Dish-input")["description"]
    assert "At most 7200s." in schema("Dish-input")["properties"]["cookingTime"]["description"]


def test_every_operation_has_what_a_client_needs_to_know() -> None:
    ids = []
    for path, item in menu_document()["paths"].items():
        for each in item.values():
            ids.append(each["operationId"])
            assert each["summary"], path
            assert len(each["tags"]) == 1, path
            missing = {"200", "400", "403", "404", "500", "503", "504", "default"} - set(each["responses"])
            assert not missing, (path, missing)
            assert ("413" in each["responses"]) == ("requestBody" in each), path
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("failure", FAILURES.values(), ids=lambda failure: failure.name)
def test_the_example_of_an_error_is_one(failure: Any) -> None:
    response = menu_document()["components"]["responses"][failure.name]
    assert faults("google.rpc.Status", response["content"]["application/json"]["example"]) == []


def test_an_error_without_exactly_one_error_info_does_not_fit() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "X", "domain": "tenon"}
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}
    assert faults("google.rpc.Status", {"code": 3, "message": "", "details": [info, retry]}) == []
    assert faults("google.rpc.Status", {"code": 3, "message": "", "details": [retry]})
    assert faults("google.rpc.Status", {"code": 3, "message": "", "details": [info, info]})


def test_every_reference_leads_somewhere_and_every_component_is_referred_to() -> None:
    text = json.dumps(menu_document())
    components = menu_document()["components"]
    wanted = {part.partition('"')[0] for part in text.split('"#/components/')[1:]}
    there = {f"{kind}/{name}" for kind in ("headers", "responses", "schemas") for name in components[kind]}
    assert wanted <= there
    assert {name for name in there - wanted if not name.startswith("responses/")} == set()
