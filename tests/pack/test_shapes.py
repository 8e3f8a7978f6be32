"""What the AIPs ask of a contract's shape: statements 1 to 4, 8 to 13, 17 and 48, read from the descriptors."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from services.chassis.contract import Kind, Method, Record, StandardKind
from services.chassis.contract.template import parse_template
from tests.pack.compiled import PACKAGES, contract

RECORDS = [record for record in contract().records if record.package in PACKAGES]
METHODS = [method for method in contract().methods.values() if method.service.rpartition(".")[0] in PACKAGES]
COLLECTION = re.compile(r"[a-z][a-zA-Z0-9]*")
VARIABLE = re.compile(r"\{[a-z][a-z0-9]*(_[a-z0-9]+)*\}")
PREPOSITIONS = {"For", "With", "From", "By", "In", "Of", "To"}
VERBS = tuple(kind.value for kind in StandardKind if kind is not StandardKind.TRANSITION)

by_message = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.message)
by_path = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.path)


@by_message
def test_01_a_record_has_a_name_a_type_and_a_pattern(record: Record) -> None:
    assert record.fields[0].name == "name"
    assert (record.fields[0].number, record.fields[0].kind) == (1, Kind.STRING)
    assert re.fullmatch(r"[a-z0-9.-]+/[A-Z][A-Za-z0-9]*", record.type)
    assert all([record.singular, record.plural, *record.patterns])  # singular and plural of aircraft are one


@by_message
def test_02_a_pattern_alternates_collections_and_ids(record: Record) -> None:
    for pattern in record.patterns:
        parts = pattern.split("/")
        assert all(COLLECTION.fullmatch(part) for part in parts[::2])
        assert all(VARIABLE.fullmatch(part) and not part.endswith("_id}") for part in parts[1::2])
        assert len(set(parts[1::2])) == len(parts[1::2])


@by_message
def test_04_a_record_has_one_parent_and_no_cycle(record: Record) -> None:
    above = [each for each in contract().records if each.package == record.package and record.parent in each.patterns]
    assert len(above) == (1 if record.parent else 0)
    lengths = [len(record.patterns[0].split("/"))]
    while above:
        lengths.append(len(above[0].patterns[0].split("/")))
        parent = above[0].parent
        above = [each for each in contract().records if each.package == record.package and parent in each.patterns]
    assert all(one > other for one, other in pairwise(lengths))


@by_path
def test_08_to_13_what_is_named_as_a_standard_method_is_one(method: Method) -> None:
    plural = {record.message.rpartition(".")[2] for record in RECORDS}
    noun = next((method.name.removeprefix(verb) for verb in VERBS if method.name.startswith(verb)), "")
    if noun in plural:
        assert method.standard is not None


@by_path
def test_17_a_method_of_ones_own_is_posted_with_a_verb_after_a_colon(method: Method) -> None:
    if method.standard is not None and method.standard.kind is not StandardKind.TRANSITION:
        return
    for binding in method.bindings:
        template = parse_template(binding.template)
        assert (binding.verb, binding.body, bool(template.verb)) == ("POST", "*", True)
    words = re.findall(r"[A-Z][a-z]*", method.name)
    assert not PREPOSITIONS & set(words)
    assert "Async" not in words


@by_path
def test_48_a_batch_is_bound_to_its_collection(method: Method) -> None:
    if method.standard is None or not method.standard.kind.value.startswith("Batch"):
        return
    (binding,) = method.bindings
    assert (
        parse_template(binding.template).verb == method.standard.kind.value[:1].lower() + method.standard.kind.value[1:]
    )
