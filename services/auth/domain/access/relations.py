"""Relations between objects and subjects, and the ports behind which they are kept and read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from services.auth.domain.access.names import EVERYBODY, Object

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from services.auth.domain.access.model import ModelText, Reads, SubjectKind


class Relation(NamedTuple):
    """That a subject is related to an object."""

    resource_type: str
    """The type of the object."""
    resource_id: str
    """The id of the object."""
    relation: str
    """How they are related."""
    subject_type: str
    """The type of the subject."""
    subject_id: str
    """The id of the subject, or `*` for all of the type."""
    subject_relation: str = ""
    """The relation whose members are meant, or nothing for the subject itself."""
    condition: str = ""
    """The condition under which it holds, or nothing."""
    context: str = ""
    """What of the condition's context is fixed, as JSON, or nothing."""
    expire_time: datetime | None = None
    """When it ends, or None."""

    @property
    def key(self) -> tuple[str, ...]:
        """What two relations cannot both be."""
        return self[:6]

    @property
    def resource(self) -> Object:
        """The object."""
        return Object(self.resource_type, self.resource_id)

    @property
    def subject(self) -> Object:
        """The subject, without its relation."""
        return Object(self.subject_type, self.subject_id)

    @property
    def is_for_everybody(self) -> bool:
        """Whether it names all subjects of a type."""
        return self.subject_id == EVERYBODY

    def __str__(self) -> str:
        """Return it as it is written."""
        tail = f"#{self.subject_relation}" if self.subject_relation else ""
        return f"{self.resource}#{self.relation}@{self.subject}{tail}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Which relations are meant; what is None counts for nothing."""

    resource_type: str | None = None
    """The type of their objects."""
    resource_id: str | None = None
    """The id of their object."""
    relation: str | None = None
    """How they relate."""
    subject_type: str | None = None
    """The type of their subjects."""
    subject_id: str | None = None
    """The id of their subject."""
    subject_relation: str | None = None
    """The relation of their subject; empty for subjects themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Precondition:
    """What has to be so for a write to happen."""

    filter: Filter
    """Which relations it is about."""
    exists: bool
    """Whether there have to be any, or must not be."""


class State(NamedTuple):
    """Where an organization is."""

    revision: int
    """Grows with each change of relations or of the model; zero where nothing was ever written."""
    model_revision: int
    """The revision at which the model was written; zero where there is none."""


class Start(NamedTuple):
    """What to look for."""

    resource_type: str
    """The type of the objects that are asked about."""
    resource_ids: tuple[str, ...]
    """Their ids."""
    reads: Reads
    """Which relations count."""
    subject: Object | None = None
    """Whom the answer is about; None where it is about all subjects."""


class Reader(Protocol):
    """Reads one organization's relations, as they are at one moment."""

    async def reach(self, start: Start, *, now: datetime, limit: int) -> tuple[State, list[Relation] | None]:
        """Return all relations that an answer may depend on, or None where there are more than `limit`.

        Relations that name neither the subject, all of its type, a subject set nor an object to go on from may be left
        out where there is a subject. Those that have expired are left out.
        """

    async def find_candidates(
        self, start: Start, *, after: str, count: int, now: datetime, limit: int
    ) -> tuple[State, list[str] | None]:
        """Return the ids of up to `count` objects, in order, that the subject may have something of.

        `start.resource_ids` counts for nothing. None where more than `limit` objects lie on the way.
        """

    async def load_model(self) -> tuple[State, ModelText | None]:
        """Return the model, or None where there is none."""


class RelationStore(Protocol):
    """Keeps relations and models."""

    def now(self, organization: str) -> Reader:
        """Return what reads the latest state, each statement for itself."""

    def snapshot(self, organization: str) -> AbstractAsyncContextManager[Reader]:
        """Return a context in which all that is read is of one moment."""

    async def write(self, organization: str, relations: Sequence[Relation]) -> None:
        """Keep relations in place of those with the same key, within the open transaction."""

    async def delete(self, organization: str, relations: Sequence[Relation]) -> None:
        """Forget the relations of these keys, where there are any."""

    async def delete_some(self, organization: str, chosen: Filter, limit: int) -> int:
        """Forget up to `limit` relations. Return how many there were."""

    async def is_any(self, organization: str, chosen: Filter, now: datetime) -> bool:
        """Whether there is such a relation that has not expired."""

    async def list(
        self, organization: str, chosen: Filter, *, after: tuple[str, ...], count: int, now: datetime
    ) -> tuple[State, Sequence[Relation]]:
        """Return up to `count` relations with a key above `after`, by key, those that have expired left out."""

    async def find_kinds(self, organization: str) -> Sequence[tuple[str, str, SubjectKind]]:
        """Return for all relations their type, relation and kind of subject, each once."""

    async def advance(self, organization: str, model: ModelText | None = None) -> State:
        """Go on to the next revision within the open transaction, with another model where one is given."""

    async def prune(self, now: datetime) -> None:
        """Forget relations that have expired."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What is written at once."""

    writes: Sequence[Relation] = field(default_factory=tuple)
    """Relations that are to be."""
    deletes: Sequence[Relation] = field(default_factory=tuple)
    """Relations that are not to be."""
    preconditions: Sequence[Precondition] = field(default_factory=tuple)
    """What has to be so."""
