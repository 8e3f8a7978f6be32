"""The errors that a domain raises, each of which becomes one `google.rpc.Status`.

    TenonError
    ├── InvalidArgument      400  the request can never work; carries every violation
    │   └── OutOfRange       400
    ├── FailedPrecondition   400  the state does not allow it
    ├── Unauthenticated      401  nobody, or nobody we know
    ├── PermissionDenied     403  somebody, who may not
    ├── NotFound             404
    ├── AlreadyExists        409
    ├── Aborted              409  somebody else was first; read again and retry
    ├── ResourceExhausted    429  carries when to retry
    ├── Cancelled            499
    ├── Internal             500  never raised by hand: what nobody foresaw
    ├── Unimplemented        501
    ├── Unavailable          503  retrying may help
    └── DeadlineExceeded     504

A subclass fixes the reason (`class TokenExpired(Unauthenticated)`), which its package's `ErrorReason` lists.
Statuses have the numbers and the meanings of `google.rpc.Code`; shapes are those of AIP-193.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """One thing that is wrong with a request."""

    field: str
    """Path of the field, such as `book.authors[2].name`."""
    description: str
    """What is wrong with it, as a sentence that helps to mend it."""
    reason: str = ""
    """The rule that was broken, such as `string.max_len` or `REQUIRED`."""


class TenonError(Exception):
    """An error that its caller is told about.

    `code` is a `google.rpc.Code` number, `reason` an UPPER_SNAKE_CASE value of the domain's `ErrorReason`,
    `metadata` holds every variable of the message. None of them may hold a secret.
    """

    code: ClassVar[int] = 2
    reason: ClassVar[str] = "UNKNOWN"
    domain: ClassVar[str] = "tenon"

    def __init__(self, message: str, *, metadata: Mapping[str, str] | None = None) -> None:
        """Take the sentence that the caller reads, and the variables in it."""
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})


class InvalidArgument(TenonError):
    """The request can never work, whatever the state is."""

    code = 3
    reason = "INVALID_ARGUMENT"

    def __init__(
        self,
        message: str,
        *,
        violations: Iterable[Violation] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Take the sentence and all that is wrong, which is answered in one `BadRequest`."""
        super().__init__(message, metadata=metadata)
        self.violations = tuple(violations)


class OutOfRange(InvalidArgument):
    """A value lies beyond what there is."""

    code = 11
    reason = "OUT_OF_RANGE"


class DeadlineExceeded(TenonError):
    """The call took longer than it may."""

    code = 4
    reason = "DEADLINE_EXCEEDED"


class NotFound(TenonError):
    """What was asked for does not exist, or not for this caller."""

    code = 5
    reason = "NOT_FOUND"


class AlreadyExists(TenonError):
    """What was to be made exists."""

    code = 6
    reason = "ALREADY_EXISTS"


class PermissionDenied(TenonError):
    """The caller is known and may not."""

    code = 7
    reason = "PERMISSION_DENIED"


class ResourceExhausted(TenonError):
    """A limit is reached."""

    code = 8
    reason = "RESOURCE_EXHAUSTED"

    def __init__(
        self, message: str, *, retry_after: float | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Take the sentence and the seconds after which a retry may work."""
        super().__init__(message, metadata=metadata)
        self.retry_after = retry_after


class FailedPrecondition(TenonError):
    """The state does not allow it; retrying alone will not help."""

    code = 9
    reason = "FAILED_PRECONDITION"

    def __init__(
        self,
        message: str,
        *,
        violations: Iterable[Violation] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Take the sentence, and all that stands in the way: of each violation, `field` is what it is about."""
        super().__init__(message, metadata=metadata)
        self.violations = tuple(violations)


class Aborted(TenonError):
    """Somebody else was first; reading again and retrying may help."""

    code = 10
    reason = "ABORTED"


class Unimplemented(TenonError):
    """Nothing here serves that."""

    code = 12
    reason = "UNIMPLEMENTED"


class Internal(TenonError):
    """Something nobody foresaw; its cause is logged and never sent."""

    code = 13
    reason = "INTERNAL"


class Unavailable(TenonError):
    """Something that is needed does not answer just now; retrying may help."""

    code = 14
    reason = "UNAVAILABLE"

    def __init__(
        self, message: str, *, retry_after: float | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Take the sentence and the seconds after which a retry may work."""
        super().__init__(message, metadata=metadata)
        self.retry_after = retry_after


class Unauthenticated(TenonError):
    """Nobody is signed in, or nobody we know."""

    code = 16
    reason = "UNAUTHENTICATED"
    challenge: str = ""
    """The `WWW-Authenticate` header by which clients know what to send instead (RFC 6750 §3), or empty for none."""


class Cancelled(TenonError):
    """The client went away."""

    code = 1
    reason = "CANCELLED"
