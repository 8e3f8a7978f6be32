"""The checks of `buf.validate` as keywords of JSON Schema, and as sentences where it has none."""

from __future__ import annotations

import base64
import math
import re
from typing import TYPE_CHECKING, Any

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import descriptor_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import FieldDescriptor

    from services.meshgen.openapi.shapes import Node

validate_pb2: Any = _validate_pb2
"""The rules; generated types and those of protobuf's stubs name an extension's class differently."""

_FORMATS = {
    "email": "email",
    "hostname": "hostname",
    "ipv4": "ipv4",
    "ipv6": "ipv6",
    "uri": "uri",
    "uri_ref": "uri-reference",
    "uuid": "uuid",
}
_PATTERNS = {"tuuid": "^[0-9a-fA-F]{32}$", "ulid": "^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"}
_BOUNDS = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
_OF_RE2_ALONE = re.compile(r"\(\?|\\[AzQEaC]|\[\[:|\\x\{|\\p[A-Z]")
_SIGNS_OF_PATTERNS = re.compile(r"([\^$\\.*+?()\[\]{}|/])")


def rules_of(field: FieldDescriptor) -> Any:
    """Return the `FieldRules` of a field, or None where it has none or none that hold."""
    options = descriptor_pb2.FieldOptions.FromString(field.GetOptions().SerializeToString())
    if not options.HasExtension(validate_pb2.field):
        return None
    rules = options.Extensions[validate_pb2.field]
    return None if rules.ignore == validate_pb2.IGNORE_ALWAYS else rules


def constrain(schema: Node, rules: Any, names: dict[int, str]) -> tuple[Node, list[str]]:
    """Return a schema held to rules, and what they say that no keyword does. `names` are those of an enum's values."""
    kind = rules.WhichOneof("type")
    notes = [rule.message or rule.expression for rule in rules.cel] + list(rules.cel_expression)
    if kind is None:
        return schema, notes
    if kind in {"float", "double"} and getattr(rules, kind).ByteSize():
        # Neither `finite` nor any comparison lets those pass that JSON has no number for.
        schema = {"type": "number", "format": kind}
    keywords, said = _keywords(kind, getattr(rules, kind), schema, names)
    if rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE and keywords:
        return {**schema, "anyOf": [_zero(kind, names), keywords]}, notes + said
    return _merge(schema, keywords), notes + said


def constraints_of_message(options: Any) -> tuple[list[Any], list[str]]:
    """Return the oneof rules of a message, and its other rules as sentences."""
    if not options.HasExtension(validate_pb2.message):
        return [], []
    rules = options.Extensions[validate_pb2.message]
    return list(rules.oneof), [rule.message or rule.expression for rule in rules.cel] + list(rules.cel_expression)


def _merge(schema: Node, keywords: Node) -> Node:
    """Return both; where both have a keyword, the second's is added and not put in the first's place."""
    # A bound of the contract's is narrower than that of the type.
    replaced = {bound for bound, exclusive in _BOUNDS.items() if {bound, exclusive} & set(keywords)}
    schema = {key: value for key, value in schema.items() if key not in replaced}
    clash = {key: value for key, value in keywords.items() if key in schema}
    merged = {**schema, **{key: value for key, value in keywords.items() if key not in clash}}
    return {**merged, "allOf": [clash]} if clash else merged


def _keywords(kind: str, rules: Any, schema: Node, names: dict[int, str]) -> tuple[Node, list[str]]:
    if kind in {"repeated", "map"}:
        return (_repeated if kind == "repeated" else _map)(rules, schema, names)
    if kind in _WITH_WORDS:
        return _WITH_WORDS[kind](rules)
    return (_enum(rules, names) if kind == "enum" else _number(rules, is_text="64" in kind)), []


def _string(rules: Any) -> tuple[Node, list[str]]:
    known = rules.WhichOneof("well_known")
    node = _bounds(rules, (("min_len", "minLength"), ("max_len", "maxLength")))
    if rules.HasField("len"):
        node["minLength"] = node["maxLength"] = rules.len
    if rules.HasField("const"):
        node["const"] = rules.const
    if getattr(rules, "in"):
        node["enum"] = list(getattr(rules, "in"))
    if known in _FORMATS:
        node["format"] = _FORMATS[known]
    node |= _forbidden(rules)
    patterns, notes = _patterns(rules, known)
    if len(patterns) == 1:
        node["pattern"] = patterns[0]
    elif patterns:
        node["allOf"] = [{"pattern": pattern} for pattern in patterns]
    for name, words in (("min_bytes", "At least"), ("max_bytes", "At most"), ("len_bytes", "Exactly")):
        if rules.HasField(name):
            notes.append(f"{words} {getattr(rules, name)} bytes as UTF-8.")
    return node, notes


def _bounds(rules: Any, pairs: tuple[tuple[str, str], ...]) -> Node:
    return {keyword: getattr(rules, name) for name, keyword in pairs if rules.HasField(name)}


def _forbidden(rules: Any) -> Node:
    found: list[Node] = []
    if rules.not_in:
        found.append({"enum": list(rules.not_in)})
    if rules.HasField("not_contains"):
        found.append({"pattern": _literal(rules.not_contains)})
    if not found:
        return {}
    return {"not": found[0] if len(found) == 1 else {"anyOf": found}}


def _patterns(rules: Any, known: str | None) -> tuple[list[str], list[str]]:
    patterns: list[str] = []
    notes: list[str] = []
    if rules.HasField("pattern"):
        if _OF_RE2_ALONE.search(rules.pattern):
            notes.append(f"Matches `{rules.pattern}` (RE2).")
        else:
            patterns.append(rules.pattern)
    if rules.HasField("prefix"):
        patterns.append("^" + _literal(rules.prefix))
    if rules.HasField("suffix"):
        patterns.append(_literal(rules.suffix) + "$")
    if rules.HasField("contains"):
        patterns.append(_literal(rules.contains))
    if known in _PATTERNS:
        patterns.append(_PATTERNS[known])
    elif known is not None and known not in _FORMATS:
        notes.append(f"Is a valid {known.replace('_', ' ')}.")
    return patterns, notes


def _bytes(rules: Any) -> tuple[Node, list[str]]:
    least = rules.len if rules.HasField("len") else rules.min_len
    most = rules.len if rules.HasField("len") else rules.max_len if rules.HasField("max_len") else None
    node: Node = {}
    notes = []
    if least:
        node["minLength"] = math.ceil(least * 4 / 3)
        notes.append(f"At least {least} bytes before encoding.")
    if most is not None:
        node["maxLength"] = math.ceil(most / 3) * 4
        notes.append(f"At most {most} bytes before encoding.")
    if rules.HasField("const"):
        node["const"] = base64.b64encode(rules.const).decode()
    if getattr(rules, "in"):
        node["enum"] = [base64.b64encode(value).decode() for value in getattr(rules, "in")]
    if rules.HasField("pattern"):
        notes.append(f"Matches `{rules.pattern}` before encoding.")
    return node, notes


def _number(rules: Any, *, is_text: bool) -> Node:
    """Return the keywords of numbers, and of truth values, of which only `const` is known."""
    low = _present(rules, (("gt", "exclusiveMinimum"), ("gte", "minimum")))
    high = _present(rules, (("lt", "exclusiveMaximum"), ("lte", "maximum")))
    node: Node = {}
    if low and high and next(iter(low.values())) > next(iter(high.values())):
        # The bounds the wrong way round mean what lies outside of them.
        node["anyOf"] = [low, high]
    else:
        node |= low | high
    if rules.HasField("const"):
        node["enum"] = _both([rules.const], is_text=is_text)
    if getattr(rules, "in", ()):
        node["enum"] = _both(getattr(rules, "in"), is_text=is_text)
    if getattr(rules, "not_in", ()):
        node["not"] = {"enum": _both(rules.not_in, is_text=is_text)}
    return node


def _present(rules: Any, pairs: tuple[tuple[str, str], ...]) -> Node:
    known = rules.DESCRIPTOR.fields_by_name
    return _bounds(rules, tuple(pair for pair in pairs if pair[0] in known))


def _both(values: Any, *, is_text: bool) -> list[Any]:
    """Return numbers as they may be sent: 64-bit ones as text too."""
    return [form for value in values for form in ((str(value), value) if is_text else (value,))]


def _enum(rules: Any, names: dict[int, str]) -> Node:
    node: Node = {}
    if rules.HasField("const"):
        node["const"] = names.get(rules.const, rules.const)
    if getattr(rules, "in"):
        node["enum"] = [names.get(value, value) for value in getattr(rules, "in")]
    if rules.not_in:
        node["not"] = {"enum": [names.get(value, value) for value in rules.not_in]}
    return node


def _repeated(rules: Any, schema: Node, names: dict[int, str]) -> tuple[Node, list[str]]:
    node = _bounds(rules, (("min_items", "minItems"), ("max_items", "maxItems")))
    if rules.unique:
        node["uniqueItems"] = True
    notes: list[str] = []
    if rules.HasField("items"):
        schema["items"], notes = constrain(schema["items"], rules.items, names)
    return node, notes


def _map(rules: Any, schema: Node, names: dict[int, str]) -> tuple[Node, list[str]]:
    node = _bounds(rules, (("min_pairs", "minProperties"), ("max_pairs", "maxProperties")))
    notes: list[str] = []
    if rules.HasField("keys") and rules.keys.WhichOneof("type") == "string":
        node["propertyNames"], said = constrain({"type": "string"}, rules.keys, {})
        notes += said
    if rules.HasField("values"):
        schema["additionalProperties"], said = constrain(schema["additionalProperties"], rules.values, names)
        notes += said
    return node, notes


_WORDS = {"gt": "After", "gte": "At or after", "lt": "Before", "lte": "At or before", "within": "Within", "const": "Is"}
_LENGTH_WORDS = {"gt": "Longer than", "gte": "At least", "lt": "Shorter than", "lte": "At most", "const": "Is"}


def _moments(rules: Any) -> tuple[Node, list[str]]:
    """Return what is asked of a timestamp or a duration, for which JSON Schema has no keyword."""
    words = _LENGTH_WORDS if rules.DESCRIPTOR.name == "DurationRules" else _WORDS
    notes = []
    for field, value in rules.ListFields():
        if field.name in words:
            notes.append(f"{words[field.name]} {value.ToJsonString()}{' of now' if field.name == 'within' else ''}.")
        elif field.name == "lt_now" and value:
            notes.append("Lies in the past.")
        elif field.name == "gt_now" and value:
            notes.append("Lies in the future.")
        elif field.name in {"in", "not_in"}:
            listed = ", ".join(v if isinstance(v, str) else v.ToJsonString() for v in value)
            notes.append(f"{'One' if field.name == 'in' else 'None'} of {listed}.")
    return {}, notes


_WITH_WORDS: dict[str, Callable[[Any], tuple[Node, list[str]]]] = {
    "string": _string,
    "bytes": _bytes,
    "duration": _moments,
    "timestamp": _moments,
    "field_mask": _moments,
    "any": _moments,
}
"""What reads the rules of kinds that JSON Schema has not a keyword for each of."""

_ZEROS: dict[str, Node] = {
    "bool": {"const": False},
    "bytes": {"maxLength": 0},
    "map": {"maxProperties": 0},
    "repeated": {"maxItems": 0},
    "string": {"maxLength": 0},
}
"""The values that count as unset, where they are not those of numbers."""


def _zero(kind: str, names: dict[int, str]) -> Node:
    """Return the schema of the value that counts as unset."""
    return {"const": names.get(0, 0)} if kind == "enum" else _ZEROS.get(kind, {"enum": [0, "0"]})


def _literal(text: str) -> str:
    return _SIGNS_OF_PATTERNS.sub(r"\\\1", text)
