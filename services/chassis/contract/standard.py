"""Finds the standard methods of the AIPs among the methods of a contract, and holds them to their shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.contract.model import Binding, Record, Standard, StandardKind
from services.chassis.contract.naming import pascal
from services.chassis.contract.shape import ANY_VERB, Shape, change_shape, method_name, shape_of, transition_shape
from services.chassis.contract.template import TemplateError, parse_template, segments_meet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

    from services.chassis.contract.problem import Problems
    from services.chassis.contract.source import Element


NAMED = tuple(kind for kind in StandardKind if kind is not StandardKind.TRANSITION)
"""The kinds that a method is found to be by its name."""

_NEEDS_SOFT_DELETE = frozenset({StandardKind.UNDELETE, StandardKind.EXPUNGE})
_SERVED = ", ".join(kind.value for kind in NAMED)


class Standards:
    """The standard methods that a contract's records may have, by package and name."""

    def __init__(self, records: Iterable[Record]) -> None:
        """Take all records of the contract."""
        self._exact: dict[tuple[str, str], tuple[StandardKind, Record]] = {}
        self._near: dict[tuple[str, str], str] = {}
        for record in records:
            if not record.patterns:
                continue
            for kind in NAMED:
                exact = method_name(kind, record)
                self._exact[record.package, exact] = (kind, record)
                for noun in (record.singular, record.plural):
                    self._near[record.package, kind.value + pascal(noun)] = exact

    def find(
        self,
        method: MethodDescriptor,
        bindings: tuple[Binding, ...],
        element: Element,
        problems: Problems,
        *,
        strict: bool,
    ) -> Standard | None:
        """Return which standard method this is, or None. Whatever is not as the AIPs have it is a problem.

        `strict` is for methods that records alone can serve: others, and fields that they do not know, are problems.
        """
        key = (method.containing_service.file.package, method.name)
        if key not in self._exact:
            self._explain(key, element, problems, strict=strict)
            return None
        kind, record = self._exact[key]
        judge = _Judge(method, element, problems, shape_of(kind, record), strict=strict)
        judge.judge(bindings)
        if kind is StandardKind.WATCH:
            judge.judge_change(change_shape(record))
        _judge_record(kind, record, element, problems)
        return Standard(kind=kind, record=record.message)

    def judge_transition(
        self,
        method: MethodDescriptor,
        bindings: tuple[Binding, ...],
        element: Element,
        problems: Problems,
        *,
        record: Record,
        strict: bool,
    ) -> Standard:
        """Return what a method is that moves a state of a record. Whatever is not as AIP-216 has it is a problem."""
        shape = transition_shape(record, wrapped=method.output_type.full_name != record.message)
        _Judge(method, element, problems, shape, strict=strict).judge(bindings)
        return Standard(kind=StandardKind.TRANSITION, record=record.message)

    def _explain(self, key: tuple[str, str], element: Element, problems: Problems, *, strict: bool) -> None:
        """Say why a method is no standard one, where it looks like one or has to be one."""
        if key in self._near:
            problems.add(
                element,
                "The method looks like a standard method and is not named as one",
                f"Name it {self._near[key]}, or by another verb",
            )
        elif strict:
            problems.add(
                element,
                "Nothing can serve this method: it is no standard method of a record of its package"
                f" ({_SERVED}), moves no state, and no Python is written for it",
                "Remove it, rename it to a standard method, or write it in Python beside the contract",
            )


class _Judge:
    """Compares one method with its shape."""

    def __init__(
        self, method: MethodDescriptor, element: Element, problems: Problems, shape: Shape, *, strict: bool
    ) -> None:
        self.method = method
        self.element = element
        self.problems = problems
        self.shape = shape
        self.strict = strict

    def judge(self, bindings: tuple[Binding, ...]) -> None:
        """Report all that differs."""
        self._judge_streams()
        self._judge_fields(self.method.input_type, self.shape.required, self.shape.optional)
        answer = self.method.output_type
        if isinstance(self.shape.answer, str):
            if answer.full_name != self.shape.answer:
                self._add(f"returns {answer.full_name}", f"Let it return {self.shape.answer}")
        else:
            self._judge_fields(answer, self.shape.answer, self.shape.answer_optional)
        for binding in bindings:
            if binding.template:  # that one has none is reported where bindings are read
                self._judge_binding(binding)

    def judge_change(self, fields: Mapping[str, str]) -> None:
        """Report what is wrong with the message that a Watch has for each change."""
        changes = self.method.output_type.fields_by_name.get("changes")
        if changes is not None and changes.message_type is not None:
            first, second, *more = fields.items()
            self._judge_fields(changes.message_type, dict((first, second)), dict(more))

    def _judge_streams(self) -> None:
        if self.method.client_streaming or (self.method.server_streaming and not self.shape.streams):
            self._add("streams", "Take the word `stream` out")
        elif self.shape.streams and not self.method.server_streaming:
            self._add("answers once", "Let it return a `stream`")

    def _add(self, what: str, mend: str) -> None:
        self.problems.add(self.element, f"The method {what}, which {self.shape.source} does not have", mend)

    def _judge_fields(self, message: Descriptor, required: Mapping[str, str], optional: Mapping[str, str]) -> None:
        allowed = {**required, **optional}
        for name, wanted in required.items():
            if name not in message.fields_by_name:
                self.problems.add(
                    self.element,
                    f"{message.full_name} has no field {name!r}, which {self.shape.source} asks for",
                    f"Add `{wanted} {name}`",
                )
        for field in message.fields:
            if field.name not in allowed:
                if self.strict:
                    self._add(
                        f"has {field.full_name}",
                        "Remove the field: records do not serve it, and to ignore it would mislead its callers",
                    )
            elif (found := _type_of(field)) != allowed[field.name]:
                self._add(f"has {field.full_name} of type {found}", f"Let it be `{allowed[field.name]}`")

    def _judge_binding(self, binding: Binding) -> None:
        shape = self.shape
        if binding.verb != shape.verb:
            self._add(f"is bound to {binding.verb}", f"Bind it to `{shape.verb.lower()}`")
        if binding.body != shape.body:
            mend = f'Write `body: "{shape.body}"`' if shape.body else "Remove `body`"
            self._add(f"has the body {binding.body!r}", mend)
        try:
            template = parse_template(binding.template)
        except TemplateError:
            return  # reported where bindings are read
        if template.verb != shape.suffix and not (shape.suffix == ANY_VERB and template.verb):
            mend = f"End the path with `:{shape.suffix}`" if shape.suffix else "End the path without a colon"
            self._add(f"has the path {binding.template}", mend)
        if not shape.bound:
            return
        variable = template.variable(shape.bound)
        wanted = tuple("*" if part.startswith("{") else part for part in shape.pattern.split("/"))
        if variable is None or not segments_meet(variable.segments, wanted):
            self._add(f"has the path {binding.template}", f"Let the path have `{{{shape.bound}={'/'.join(wanted)}}}`")


def _judge_record(kind: StandardKind, record: Record, element: Element, problems: Problems) -> None:
    """Report a method that its record gives nothing to do."""
    if kind in _NEEDS_SOFT_DELETE and not record.soft_delete:
        problems.add(
            element,
            f"{record.message} is not deleted softly, so there is nothing to {kind.value.lower()}",
            "Remove the method, or say `soft_delete: true` in the record",
        )
    if kind is StandardKind.SEARCH and not record.search:
        problems.add(
            element,
            f"{record.message} names no fields to search",
            'Name them in the record: `search: ["title"]`',
        )


def _type_of(field: FieldDescriptor) -> str:
    """Return the type as it is written in a `.proto` file."""
    target = field.message_type or field.enum_type
    name = target.full_name if target else _SCALAR_NAMES.get(field.type, "another scalar")
    return f"repeated {name}" if field.is_repeated else name


_SCALAR_NAMES = {
    1: "double",
    2: "float",
    3: "int64",
    4: "uint64",
    5: "int32",
    6: "fixed64",
    7: "fixed32",
    8: "bool",
    9: "string",
    12: "bytes",
    13: "uint32",
    15: "sfixed32",
    16: "sfixed64",
    17: "sint32",
    18: "sint64",
}
"""Numbers of `google.protobuf.FieldDescriptorProto.Type`."""
