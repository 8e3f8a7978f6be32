"""Reads the REST doors of methods (`google.api.http`) and holds them to their conventions."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from google.api import annotations_pb2

from services.chassis.contract.model import Binding
from services.chassis.contract.template import Template, TemplateError, overlap, parse_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.api.http_pb2 import HttpRule
    from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
    from google.protobuf.descriptor_pb2 import MethodOptions

    from services.chassis.contract.problem import Problems
    from services.chassis.contract.source import Element

_VERBS = ("get", "put", "post", "delete", "patch")
_ANY_VERB = "*"
_RAW = "google.api.HttpBody"


class _Door(NamedTuple):
    element: Element
    binding: Binding
    template: Template


class Doors:
    """All REST doors of a contract, so that no two of them can be taken for one another."""

    def __init__(self, problems: Problems) -> None:
        """Take the place where problems are kept."""
        self._problems = problems
        self._doors: dict[tuple[str, ...], list[_Door]] = defaultdict(list)

    def read(
        self, options: MethodOptions, method: MethodDescriptor, element: Element, prefix: tuple[str, str]
    ) -> tuple[Binding, ...]:
        """Return the doors of one method, the main one first; paths begin with the two segments of `prefix`."""
        if not options.HasExtension(annotations_pb2.http):
            return ()
        found = []
        for rule in _flatten(options.Extensions[annotations_pb2.http]):
            binding = _read_binding(rule)
            found.append(binding)
            if not binding.template:
                self._problems.add(element, "The REST binding has no path", f'Add `get: "/{"/".join(prefix)}/…"`')
                continue
            try:
                template = parse_template(binding.template)
            except TemplateError as error:
                self._problems.add(element, f"The path {error}", "Write it as google/api/http.proto has it")
                continue
            self._judge(_Door(element, binding, template), method, prefix)
        return tuple(found)

    def judge_overlaps(self) -> None:
        """Report every two doors that a common request could enter."""
        for doors in self._doors.values():
            for one, other in combinations(doors, 2):
                same_verb = one.binding.verb == other.binding.verb or _ANY_VERB in {
                    one.binding.verb,
                    other.binding.verb,
                }
                if same_verb and overlap(one.template, other.template):
                    self._problems.add(
                        other.element,
                        f"{other.binding.verb} {other.binding.template} matches a path that"
                        f" {one.binding.template} of {one.element.name} matches too",
                        "Change one of the two paths",
                    )

    def _judge(self, door: _Door, method: MethodDescriptor, prefix: tuple[str, str]) -> None:
        element, binding, template = door
        self._doors[template.segments[:1]].append(door)
        if template.segments[:2] != prefix:
            self._problems.add(
                element,
                f"The path {binding.template} does not begin with the package's service and version",
                f"Begin it with /{'/'.join(prefix)}/",
            )
        for variable in template.variables:
            field = _find_field(method.input_type, variable.field)
            if field is None or field.is_repeated or field.message_type is not None:
                self._problems.add(
                    element,
                    f"The path binds {variable.field!r}, which is no plain field of {method.input_type.full_name}",
                    "Name a single string, number, boolean or enum of the request",
                )
        self._judge_bodies(element, binding, method)

    def _judge_bodies(self, element: Element, binding: Binding, method: MethodDescriptor) -> None:
        for word, name, message in (
            ("body", "" if binding.body == "*" else binding.body, method.input_type),
            ("response_body", binding.response_body, method.output_type),
        ):
            if name and name not in message.fields_by_name:
                self._problems.add(
                    element,
                    f"The {word} is {name!r}, and {message.full_name} has no such field",
                    "Name one of its fields",
                )
        shown = _find_field(method.output_type, binding.response_body)
        if shown is not None and (shown.message_type is None or shown.message_type.full_name != _RAW):
            # One such method would make the edge refuse the routes of all.
            self._problems.add(
                element,
                f"The response_body {binding.response_body!r} is no {_RAW}, and the edge can show no other field alone",
                "Leave `response_body` out: the answer is the whole message",
            )


def _flatten(rule: HttpRule) -> Iterator[HttpRule]:
    yield rule
    yield from rule.additional_bindings


def _read_binding(rule: HttpRule) -> Binding:
    pattern = rule.WhichOneof("pattern") or ""
    if pattern == "custom":
        verb, template = rule.custom.kind, rule.custom.path
    else:
        verb, template = pattern.upper(), getattr(rule, pattern) if pattern in _VERBS else ""
    return Binding(verb=verb, template=template, body=rule.body, response_body=rule.response_body)


def _find_field(message: Descriptor, path: str) -> FieldDescriptor | None:
    inner: Descriptor | None = message
    field: FieldDescriptor | None = None
    for name in path.split("."):
        field = inner.fields_by_name.get(name) if inner else None
        if field is None:
            return None
        inner = field.message_type
    return field
