"""Judges the rows of a file as Create judges its requests: what is fit is ready to be written, the rest is rejected."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from services.chassis.contract import StandardKind
from services.chassis.errors import InvalidArgument, TenonError, Violation
from services.chassis.interceptors.fields import plan_of, walk
from services.chassis.interceptors.validation import bind_check
from services.chassis.transport import Handler
from services.records.failures import NameInvalid, invalid
from services.records.schema.columnar import Columnar, NeedsCare
from services.records.schema.columns import INPUT
from services.records.schema.parents import ANY
from services.records.transfer.failures import BadValue
from services.records.transfer.formats.rows import Target
from services.records.writing.preparing import MAX_RECORD_BYTES, now, redacted
from services.records.writing.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from services.chassis.call import Caller
    from services.chassis.contract import Contract, Method, Record
    from services.records.schema.parents import Below
    from services.records.transfer.formats.rows import Raw, Reader
    from services.records.writing.preparing import Prepared
    from services.records.writing.writer import Writer

MAX_ERRORS = 20
"""The most errors that are told of one row."""


@dataclass(slots=True)
class Fit:
    """A row that can be written. It is not frozen, since every row of a file makes one."""

    raw: Raw
    """The row as the file has it."""
    body: Any
    """The record as the file has it."""
    name: str
    """The record's name."""
    message: Message
    """The record as it is stored."""
    parent: str
    """Name of its parent, or empty."""
    place: int = 0
    """Its place among the rows that are fit."""
    row: Prepared | None = None
    """The record with its columns, where they were read one by one."""


@dataclass(slots=True)
class Rejected:
    """A row that cannot be written."""

    raw: Raw
    """The row as the file has it."""
    violations: Sequence[Violation]
    """What is wrong with it; fields are named from the record on."""

    def line(self, reader: Reader) -> bytes:
        """Return what the file of rejected rows has of it."""
        errors = [
            {"field": each.field, "description": each.description, "reason": each.reason}
            for each in self.violations[:MAX_ERRORS]
        ]
        told = {"row": self.raw.number, "errors": errors, "raw": reader.show(self.raw)}
        # In ASCII: what a row has that is no text at all would not be UTF-8.
        return json.dumps(told, separators=(",", ":")).encode() + b"\n"


@dataclass(slots=True)
class Judged:
    """The rows that were read together."""

    fit: list[Fit]
    """Those that can be written, in the order of the file."""
    rejected: list[Rejected]
    """Those that cannot."""
    columns: dict[str, list[Any]] | None = None
    """The parameters of those that are fit, a list per column, or None where each has its own."""

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.fit) + len(self.rejected)


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What holds for all rows of one import."""

    reader: Reader
    """What reads the file."""
    below: Below
    """The parents that records may be below."""
    parent: str
    """The parent of rows that name none."""
    caller: Caller
    """Who imports."""
    keeps_bodies: bool
    """Whether records may have to be changed to what the rows say."""


class Judging:
    """Judges the rows of one record's files."""

    def __init__(self, writer: Writer, contract: Contract) -> None:
        """Take what writes the record; what Create says of a record holds here too, where there is a Create."""
        self._writer = writer
        record = writer.table.record
        self._prefix = f"{record.singular}."
        # What else is to be read from a message is read one by one: references inside it, and parents of many types.
        plain = not writer.nested.targets and {link.column for link in writer.table.parents} <= {"parent"}
        self._columnar = Columnar(writer.table, writer.preparing) if plain else None
        self._rules = Rules(writer.table.descriptor, "")
        self._nests = _contains_itself(writer.table.descriptor)
        self._plan = plan_of(writer.table.descriptor, clears_output=True)
        create = standard_method(contract, record, StandardKind.CREATE)
        self._check: Callable[[Any], None]
        if create is None:
            own = writer.table
            self.target = Target(message=own.message, body="", identifier="", descriptor=own.descriptor)
            self._check = self._checked_alone
            return
        request = GetMessageClass(contract.pool.FindMessageTypeByName(create.input))
        identifier = f"{record.singular}_id"
        self.target = Target(
            message=request,
            body=record.singular,
            identifier=identifier if identifier in request.DESCRIPTOR.fields_by_name else "",
            descriptor=writer.table.descriptor,
        )
        self._check = bind_check(Handler(method=create, request_type=request, function=_never))

    def judge(self, raws: Sequence[Raw], terms: Terms) -> Judged:
        """Return what becomes of rows; it does much and is meant for a thread."""
        judged = Judged([], [])
        moment = now()
        for raw in raws:
            try:
                judged.fit.append(self._judge(raw, terms, moment))
            except (BadValue, TenonError) as error:
                judged.rejected.append(Rejected(raw, violations_of(error, self._prefix)))
            except RecursionError:
                judged.rejected.append(Rejected(raw, violations_of(_too_deep(), self._prefix)))
        self._read_columns(judged, moment)
        return judged

    def _read_columns(self, judged: Judged, moment: datetime) -> None:
        """Read the columns of all rows together or, where one of them cannot be kept, one by one."""
        if self._columnar is not None:
            try:
                stored = [fit.message.SerializeToString() for fit in judged.fit]
                if max(map(len, stored), default=0) <= MAX_RECORD_BYTES:
                    judged.columns = self._columnar.read([fit.message for fit in judged.fit], moment)
                    judged.columns[f"{INPUT}message"] = stored
                    self._add_own(judged)
            except NeedsCare:
                judged.columns = None
        if judged.columns is None:
            self._read_each(judged)
        for place, fit in enumerate(judged.fit):
            fit.place = place

    def _add_own(self, judged: Judged) -> None:
        table, columns = self._writer.table, judged.columns
        if columns is None:
            return
        if table.has_parent:
            columns[f"{INPUT}parent"] = [fit.parent or None for fit in judged.fit]
        if table.redact is not None:
            columns["event_after"] = [redacted(table, fit.message) for fit in judged.fit]

    def _read_each(self, judged: Judged) -> None:
        preparing, singular = self._writer.preparing, self._writer.table.record.singular
        fits, judged.fit = judged.fit, []
        for fit in fits:
            try:
                fit.row = preparing.read(fit.message, fit.name, fit.parent, singular)
            except TenonError as error:
                judged.rejected.append(Rejected(fit.raw, violations_of(error, self._prefix)))
            else:
                judged.fit.append(fit)

    def _judge(self, raw: Raw, terms: Terms, moment: datetime) -> Fit:
        if isinstance(raw.payload, BadValue):
            raise raw.payload
        message, body = self.target.new()
        terms.reader.put(raw.payload, message, body)
        name, above = self._name(message, body, terms)
        if self._nests:
            _check_depth(message)
        self._check(message)
        writer, singular = self._writer, self._writer.table.record.singular
        writer.permitting.check_new(body, terms.caller, singular)
        stored = writer.preparing.first(body, name, moment, own=not terms.keeps_bodies)
        return Fit(raw, body, name, stored, above)

    def _name(self, message: Any, body: Any, terms: Terms) -> tuple[str, str]:
        """Return the record's name and its parent's: the row has a whole name, or an id, or nothing."""
        names, identifier = self._writer.names, self.target.identifier
        chosen = getattr(message, identifier) if identifier else ""
        name: str = body.name
        if not name:
            if ANY in terms.parent.split("/"):
                raise invalid(NameInvalid, "name", "A name is needed: the import itself does not say the parent.")
            return names.make(terms.parent, chosen, identifier or "name"), terms.parent
        names.check(name, "name")
        above, _ = names.parent_of(name)
        if not terms.below.has(above):
            raise invalid(NameInvalid, "name", f"`{name}` is not below the import's parent `{terms.parent}`.")
        last = name[len(above) + 1 if above else 0 :].partition("/")[2]
        if chosen and chosen != last:
            raise invalid(NameInvalid, "name", f"The row names the record `{name}` and gives it the id `{chosen}`.")
        if identifier:
            # What the contract says of ids is held to it, whichever way the row has it.
            setattr(message, identifier, last)
        return name, above

    def _checked_alone(self, message: Any) -> None:
        """Judge a record as a request to create it would be judged, where the contract has no such request."""
        violations: list[Violation] = []
        walk(message, self._plan, violations)
        violations += self._rules.broken(type(message)(), message)
        if violations:
            raise InvalidArgument("The row is invalid.", violations=violations)


def violations_of(error: BadValue | TenonError, prefix: str = "") -> list[Violation]:
    """Return what an error says of a row."""
    if isinstance(error, BadValue):
        return [Violation(field=error.path, description=error.description, reason="FORMAT_INVALID")]
    found = error.violations if isinstance(error, InvalidArgument) else ()
    if not found:
        field = error.metadata.get("field", "").removeprefix(prefix)
        return [Violation(field=field, description=error.message, reason=error.reason)]
    return [
        Violation(field=each.field.removeprefix(prefix), description=each.description, reason=each.reason)
        for each in found
    ]


def standard_method(contract: Contract, record: Record, kind: StandardKind) -> Method | None:
    """Return the method of a kind that a record has, or None."""
    for method in contract.methods.values():
        standard = method.standard
        if standard is not None and standard.kind is kind and standard.record == record.message:
            return method
    return None


def _check_depth(message: Message) -> None:
    """Refuse what nests so deeply that protobuf writes it and never reads it again; raises BadValue."""
    try:
        type(message).FromString(message.SerializePartialToString())
    except DecodeError:
        raise _too_deep() from None


def _contains_itself(descriptor: Descriptor, above: tuple[Descriptor, ...] = ()) -> bool:
    """Whether messages of a type may lie in each other without an end."""
    if descriptor in above:
        return True
    inner = [field.message_type for field in descriptor.fields if field.message_type is not None]
    return any(_contains_itself(each, (*above, descriptor)) for each in inner)


def _too_deep() -> BadValue:
    return BadValue("The row nests too deeply.")


async def _never(_request: Any, _call: Any) -> bytes:
    raise NotImplementedError
