"""What a statement works with: one record of a contract, reached through one door by one caller."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from buf.validate import validate_pb2

from services.chassis.contract import SYSTEM_ORGANIZATION, Behavior, Kind, Method, Record, Scope, StandardKind
from tests.pack.doors import Messages, Refused
from tests.pack.values import Values, text_like

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

    from services.chassis.contract import Contract
    from tests.pack.doors import Door

_NUMBERS = itertools.count(1)
_RANDOM = Random(1)  # noqa: S311 - test data, not a secret
_USED: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class World:
    """A running stack as the statements see it."""

    contract: Contract
    """What it runs."""
    mint: Callable[[str], str]
    """Returns the token of an administrator of an organization."""
    powerless: str
    """The token of somebody who holds no permission."""


@dataclass
class Kit:
    """One record through one door."""

    world: World
    """Where it is."""
    door: Door
    """How it is reached."""
    record: Record
    """What is tested."""
    organization: str = "pack"
    """Whose rows they are."""
    _names: dict[str, str] = field(default_factory=dict)
    """Records that others refer to, by their type."""

    def __post_init__(self) -> None:
        """Global records are written by the system organization alone."""
        if self.record.scope is Scope.GLOBAL:
            self.organization = SYSTEM_ORGANIZATION
        self.messages = Messages(self.world.contract)
        self.methods: dict[StandardKind, Method] = {
            method.standard.kind: method
            for method in self.world.contract.methods.values()
            if method.standard is not None
            and method.standard.record == self.record.message
            and method.standard.kind is not StandardKind.TRANSITION
        }
        self.moves = [
            method
            for method in self.world.contract.methods.values()
            if method.standard is not None
            and method.standard.record == self.record.message
            and method.standard.kind is StandardKind.TRANSITION
        ]

    @property
    def token(self) -> str:
        """The token of an administrator of the organization."""
        return self.world.mint(self.organization)

    def can(self, *kinds: StandardKind) -> bool:
        """Whether the contract has these methods and the door leads to them."""
        return all(kind in self.methods and self.door.can(self.methods[kind]) for kind in kinds)

    def takes(self, kind: StandardKind, *names: str) -> bool:
        """Whether the request of a method has these fields."""
        fields = self.request(kind).DESCRIPTOR.fields_by_name
        return all(name in fields and name not in self.door.hides for name in names)

    def has(self, *names: str) -> bool:
        """Whether the record has these fields."""
        return all(self.record.field(name) is not None for name in names)

    def request(self, kind: StandardKind, **fields: Any) -> Any:
        """Return a request of a method."""
        return self.messages.of(self.methods[kind].input)(**fields)

    def call(self, kind: StandardKind, *, token: str | None = None, **fields: Any) -> Any:
        """Call a method of the record; raises Refused."""
        return self.door.call(self.methods[kind], self.request(kind, **fields), token or self.token)

    def attempt(self, method: Method, *, token: str | None = None, **fields: Any) -> Any:
        """Return the answer, or how the call is refused, which has exactly one ErrorInfo (statement 50)."""
        try:
            return self.door.call(method, self.messages.of(method.input)(**fields), token or self.token)
        except Refused as refused:
            if refused.infos != 1:
                raise AssertionError(f"A refusal has {refused.infos} ErrorInfos: {refused}") from refused
            return refused

    def refusal(self, kind: StandardKind, *, token: str | None = None, **fields: Any) -> Refused:
        """Return how a call is refused."""
        answer = self.attempt(self.methods[kind], token=token, **fields)
        if not isinstance(answer, Refused):
            raise AssertionError(f"{kind.value} was served and answered {answer}")  # noqa: TRY004 - a test fails
        return answer

    def body(self, **changes: Any) -> Any:
        """Return a message that can be created, every field set that a client may set."""
        message = self.messages.of(self.record.message)()
        Values(next(_NUMBERS), self._refer).fill(message)
        for name, value in changes.items():
            setattr(message, name, value)
        return message

    def parent(self) -> str:
        """Return the name of a new parent, or an empty text for a record without one."""
        if not self.record.parent:
            return ""
        above = next(
            other
            for other in self.world.contract.records
            if other.package == self.record.package and self.record.parent in other.patterns
        )
        name: str = self.of(above).make().name
        return name

    def below(self, parent: str | None = None) -> dict[str, str]:
        """Return the parent as a field of a request, where the record has one."""
        if not self.record.parent:
            return {}
        return {"parent": self.parent() if parent is None else parent}

    def of(self, record: Record) -> Kit:
        """Return a kit of another record through the same door."""
        return Kit(self.world, self.door, record, self.organization)

    def make(self, *, parent: str | None = None, id: str = "", message: Message | None = None, **changes: Any) -> Any:  # noqa: A002 - as it is called everywhere
        """Create a record and return it; raises Refused."""
        fields: dict[str, Any] = {self.record.singular: message or self.body(**changes), **self.below(parent)}
        if id or self.takes(StandardKind.CREATE, self.id_field):
            fields[self.id_field] = id or self.fresh_id()
        return self.call(StandardKind.CREATE, **fields)

    def fresh_id(self) -> str:
        """Return an id that nobody has used: one that the contract's own pattern takes, where it has one."""
        request = self.request(StandardKind.CREATE)
        rules = request.DESCRIPTOR.fields_by_name[self.id_field].GetOptions().Extensions[validate_pb2.field].string
        while rules.pattern:
            text = text_like(rules.pattern, _RANDOM)
            if (self.record.message, text) not in _USED:
                _USED.add((self.record.message, text))
                return text
        return f"p{uuid.uuid4().hex[:16]}"

    @property
    def id_field(self) -> str:
        """The field of a Create that holds the id."""
        return f"{self.record.singular}_id"

    def listed(self, parent: str, **fields: Any) -> Iterator[Any]:
        """Yield every record of a filtered List, page by page; it ends with an empty token alone."""
        token = ""
        while True:
            page = self.call(StandardKind.LIST, page_token=token, **self.below(parent), **fields)
            yield from getattr(page, self.record.plural)
            token = page.next_page_token
            if not token:
                return

    def named(self, parent: str, **fields: Any) -> list[str]:
        """Return the names of a filtered List."""
        return [each.name for each in self.listed(parent, **fields)]

    def update(self, message: Message, *paths: str, **fields: Any) -> Any:
        """Update a record; without paths the mask is left out."""
        if paths:
            fields["update_mask"] = {"paths": paths}
        given: dict[str, Any] = {self.record.singular: message, **fields}
        return self.call(StandardKind.UPDATE, **given)

    def text_fields(self) -> list[str]:
        """Return the plain text fields that may be changed to any text."""
        fixed = {Behavior.OUTPUT_ONLY, Behavior.IMMUTABLE, Behavior.INPUT_ONLY, Behavior.IDENTIFIER}
        return [
            found.name
            for found in self.record.fields
            if found.kind is Kind.STRING
            and not found.repeated
            and not found.reference
            and not fixed & found.behaviors
            and found.name not in {"name", "etag", "uid"}
            and self._is_free(found.name)
        ]

    def _is_free(self, name: str) -> bool:
        """Whether `buf.validate` and keys leave the text alone, and it is in no oneof."""
        described = self.messages.of(self.record.message).DESCRIPTOR.fields_by_name[name]
        rules = described.GetOptions().Extensions[validate_pb2.field].string
        keyed = any(name in key for key in self.record.unique)
        alone = described.containing_oneof is None or len(described.containing_oneof.fields) == 1
        return not keyed and alone and not rules.ByteSize() - (2 if rules.HasField("max_len") else 0) > 1

    def _refer(self, kind: str) -> str:
        """Return the name of a record of a type that others refer to, made once."""
        if kind in self._names:
            return self._names[kind]
        target = next((record for record in self.world.contract.records if record.type == kind), None)
        self._names[kind] = ""  # A record that refers to its own kind refers to nothing first.
        if target is not None and target.message != self.record.message:
            other = Kit(self.world, self.door, target, self.organization, self._names)
            if other.can(StandardKind.CREATE):
                self._names[kind] = other.make().name
        return self._names[kind]
