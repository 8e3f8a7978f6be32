"""The contract of the tests of OpenAPI, its document, and what JSON Schema says of a value."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message_factory import GetMessageClass
from jsonschema import Draft202012Validator, FormatChecker

from services.chassis.contract import compile_protos, load_contract
from services.meshgen.openapi import document

if TYPE_CHECKING:
    from services.chassis.contract import Contract

PACKAGE = "tenon.menu.v1"


@cache
def menu() -> Contract:
    """Return the contract."""
    return load_contract(compile_protos([Path(__file__).parent / "contracts"]), services=("auth", "data", "menu"))


@cache
def menu_document() -> dict[str, Any]:
    """Return its document."""
    return document(menu())


def operation(name: str, suffix: str = "") -> dict[str, Any]:
    """Return the operation of a method of the menu."""
    wanted = f"{PACKAGE}.MenuService.{name}{suffix}"
    found: list[dict[str, Any]] = [
        each for path in menu_document()["paths"].values() for each in path.values() if each["operationId"] == wanted
    ]
    assert len(found) == 1, wanted
    return found[0]


def schema(name: str) -> dict[str, Any]:
    """Return a component of the menu's document."""
    found: dict[str, Any] = menu_document()["components"]["schemas"][f"{PACKAGE}.{name}"]
    return found


def dish(**fields: Any) -> Any:
    """Return a message that is right, but for the fields."""
    kind = GetMessageClass(menu().pool.FindMessageTypeByName(f"{PACKAGE}.Dish"))
    message: Any = kind(title="Soup", price=1, code="AB1")
    message.MergeFrom(kind(**fields))
    return message


def as_answer(message: Any) -> dict[str, Any]:
    """Return a message as the edge prints it."""
    return MessageToDict(message, always_print_fields_with_no_presence=True)


def faults(name: str, value: Any) -> list[str]:
    """Return what a component has against a value."""
    whole = {"$ref": f"#/components/schemas/{name}", "components": menu_document()["components"]}
    judge = Draft202012Validator(whole, format_checker=FormatChecker())
    return [f"{list(error.absolute_path)}: {error.message}" for error in judge.iter_errors(value)]
