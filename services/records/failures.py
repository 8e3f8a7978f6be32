"""The errors of records, and which of them a failure of Postgres is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from services.chassis.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    TenonError,
    Violation,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.records.schema.tables import RecordTable


class RecordNotFound(NotFound):
    """There is no such record, or not for this caller."""

    reason = "RECORD_NOT_FOUND"

    def __init__(self, resource: str, name: str) -> None:
        """Take the type of the record and the name that was asked for."""
        super().__init__(
            f"{resource} `{name}` does not exist, or not for this caller.",
            metadata={"resource": resource, "name": name},
        )


class RecordExists(AlreadyExists):
    """A record of that name, or with that unique value, exists."""

    reason = "RECORD_ALREADY_EXISTS"


class NameTaken(PermissionDenied):
    """The name belongs to a record that the caller may not see (AIP-133)."""

    reason = "NAME_NOT_AVAILABLE"


class EtagMismatch(Aborted):
    """The record has changed since the caller read it."""

    reason = "ETAG_MISMATCH"

    def __init__(self, name: str) -> None:
        """Take the name of the record."""
        super().__init__(
            f"`{name}` has changed since it was read. Read it again and repeat the change.", metadata={"name": name}
        )


class TooMuchContention(Aborted):
    """Other changes of the same record kept coming first."""

    reason = "TOO_MUCH_CONTENTION"
    retry_after = 0.1
    """Seconds after which a retry may work."""


class ReferenceNotFound(InvalidArgument):
    """A field names a record that does not exist, or not for this caller."""

    reason = "REFERENCE_NOT_FOUND"


class RecordDeleted(FailedPrecondition):
    """The record is deleted and kept: only Undelete and Expunge can change it."""

    reason = "RECORD_DELETED"

    def __init__(self, resource: str, name: str) -> None:
        """Take the type of the record and its name."""
        super().__init__(
            f"{resource} `{name}` is deleted. Undelete it first.", metadata={"resource": resource, "name": name}
        )


class RecordNotDeleted(AlreadyExists):
    """The record is not deleted, so nothing can be taken back (AIP-164)."""

    reason = "RECORD_NOT_DELETED"

    def __init__(self, resource: str, name: str) -> None:
        """Take the type of the record and its name."""
        super().__init__(
            f"{resource} `{name}` is not deleted: there is nothing to take back.",
            metadata={"resource": resource, "name": name},
        )


class RecordLive(FailedPrecondition):
    """The record is not deleted, so it cannot be expunged."""

    reason = "RECORD_LIVE"

    def __init__(self, resource: str, name: str) -> None:
        """Take the type of the record and its name."""
        super().__init__(
            f"{resource} `{name}` is not deleted. Delete it before it is expunged.",
            metadata={"resource": resource, "name": name},
        )


class UndeleteBlocked(FailedPrecondition):
    """What a deleted record needs is not there any more."""

    reason = "UNDELETE_BLOCKED"


class RecordReferenced(FailedPrecondition):
    """A record cannot go while others refer to it."""

    reason = "RECORD_REFERENCED"


class CascadeTooLarge(FailedPrecondition):
    """More records would go with a record than one deletion may take."""

    reason = "CASCADE_TOO_LARGE"


class StateForbids(FailedPrecondition):
    """The record is in a state from which it cannot be moved so (AIP-216)."""

    reason = "STATE_TRANSITION_INVALID"

    def __init__(self, message: str, *, subject: str, metadata: Mapping[str, str]) -> None:
        """Take the sentence, the record's name, and the states that it speaks of."""
        violation = Violation(field=subject, description=message, reason=self.reason)
        super().__init__(message, violations=[violation], metadata=metadata)


class FieldNotWritable(PermissionDenied):
    """The caller may not write a field."""

    reason = "FIELD_NOT_WRITABLE"


class RecordHasChildren(FailedPrecondition):
    """A record cannot go while others live below it."""

    reason = "RECORD_HAS_CHILDREN"


class RequestIdReused(AlreadyExists):
    """A request id was sent before, with another request."""

    reason = "REQUEST_ID_REUSED"


class Unstorable(InvalidArgument):
    """Values that a record cannot hold."""

    reason = "FIELD_INVALID"

    def __init__(self, violations: Sequence[Violation]) -> None:
        """Take all that is wrong."""
        first = violations[0]
        more = f" ({len(violations) - 1} more)" if len(violations) > 1 else ""
        super().__init__(
            f"{first.field}: {first.description}{more}", violations=violations, metadata={"field": first.field}
        )


class NameInvalid(InvalidArgument):
    """A name or an id that is not of the record's pattern."""

    reason = "NAME_INVALID"


class BatchTooLarge(InvalidArgument):
    """More than a batch may hold."""

    reason = "BATCH_TOO_LARGE"


class BatchItemInvalid(InvalidArgument):
    """A request of a batch that cannot be a part of it."""

    reason = "BATCH_ITEM_INVALID"


def invalid(error: type[InvalidArgument], field: str, description: str, rule: str = "") -> InvalidArgument:
    """Return an error about one field."""
    return error(
        f"{field}: {description}",
        violations=[Violation(field=field, description=description, reason=rule or error.reason)],
        metadata={"field": field},
    )


def explain(
    table: RecordTable, error: BaseException, *, field: str, name: str = "", parent: str = ""
) -> TenonError | None:
    """Return what a failure of Postgres means for a change of a record, or None where it means nothing to a caller.

    `field` is the path of the record in the request; `name` is the record's name and `parent` that of its parent,
    where they are known.
    """
    if isinstance(error, asyncpg.UniqueViolationError):
        if error.table_name == "request_ids":
            return Aborted("A request of the same id is being served just now. Retry shortly.")
        return _taken(table, error, field=field, name=name)
    if isinstance(error, asyncpg.ForeignKeyViolationError):
        return _unlinked(table, error, name=name, parent=parent)
    if isinstance(error, asyncpg.ProgramLimitExceededError):
        said = "Fields of an index are too long together. Shorten them."
        return Unstorable([Violation(field=field, description=said, reason="string.max_len")])
    if isinstance(error, asyncpg.DataError | asyncpg.CharacterNotInRepertoireError) or (
        isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)
    ):
        said = "A value is out of the range that can be stored."
        return Unstorable([Violation(field=field, description=said, reason=Unstorable.reason)])
    return None


def missing_parent(table: RecordTable, parent: str) -> RecordNotFound:
    """Return the error of a record whose parent does not exist for the caller."""
    return RecordNotFound(" or ".join(sorted({link.table.record.type for link in table.parents})), parent)


def find_culprit(table: RecordTable, error: BaseException, keys: Sequence[Mapping[str, str]]) -> int | None:
    """Return which of many rows broke a key, or None where that cannot be told.

    `keys` holds each row's values by column, as Postgres writes them. Of two rows that share a key, it is the later.
    """
    if not isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return None
    for index in table.table.indexes:
        if index.name == error.constraint_name:
            columns = [column.name for column in index.columns]
            break
    else:
        linked = isinstance(error, asyncpg.ForeignKeyViolationError)
        columns = ["organization", "parent" if linked else table.columns["name"].name]
    for place in reversed(range(len(keys))):
        values = ", ".join(keys[place].get(column, "") for column in columns)
        if f")=({values}) " in (error.detail or ""):
            return place
    return None


def _unlinked(
    table: RecordTable, error: asyncpg.ForeignKeyViolationError, *, name: str, parent: str
) -> FailedPrecondition | RecordNotFound:
    if (error.schema_name, error.table_name) == (table.schema, table.table.name):
        # It was there when the statement began, and was deleted before it ended.
        return missing_parent(table, parent)
    resource = table.record.type
    return RecordHasChildren(
        f"{resource} `{name}` has records below it. Delete them first.", metadata={"resource": resource, "name": name}
    )


def is_name_taken(table: RecordTable, error: BaseException) -> bool:
    """Whether a row of that name is there already."""
    return (
        isinstance(error, asyncpg.UniqueViolationError)
        and error.table_name == table.table.name
        and error.constraint_name not in table.keys
    )


def _taken(table: RecordTable, error: asyncpg.UniqueViolationError, *, field: str, name: str) -> TenonError:
    key = table.keys.get(str(error.constraint_name or ""))
    resource = table.record.type
    if key is None:
        said = f" `{name}`" if name else " of that name"
        # In a batch, `field` tells which of its records it is.
        where = field.rpartition(".")[0]
        metadata = {
            "resource": resource,
            "name": name,
            "field": f"{where}.{table.record.singular}_id" if where else "name",
        }
        mend = "Choose another id, or read the one that exists"
        if table.is_soft:
            mend += "; where that is deleted, undelete or expunge it"
        return RecordExists(f"{resource}{said} exists. {mend}.", metadata=metadata)
    fields = ", ".join(f"{field}.{part}" for part in key)
    return RecordExists(
        f"Another {resource} has the same {' and '.join(f'`{part}`' for part in key)}. Choose another value.",
        metadata={"resource": resource, "field": fields, "key": ",".join(key)},
    )
