"""Why a question about access is not answered, and why a model or relations are not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.errors.domain import DOMAIN
from services.chassis.errors import Aborted, FailedPrecondition, InvalidArgument, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence


class AccessModelMissing(FailedPrecondition):
    """The organization has no access model, so nothing can be asked about its objects."""

    domain = DOMAIN
    reason = "ACCESS_MODEL_MISSING"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("The organization has no access model. Write one with UpdateAccessModel first.")


class AccessModelInvalid(InvalidArgument):
    """The model contradicts itself."""

    domain = DOMAIN
    reason = "ACCESS_MODEL_INVALID"

    def __init__(self, violations: Sequence[Violation]) -> None:
        """Take all that is wrong."""
        listed = " ".join(f"{one.field}: {one.description}" for one in violations[:5])
        super().__init__(f"The access model cannot be used. {listed}", violations=violations[:100])


class AccessModelInUse(FailedPrecondition):
    """Relations are kept that the new model does not allow."""

    domain = DOMAIN
    reason = "ACCESS_MODEL_IN_USE"

    def __init__(self, relations: Sequence[str]) -> None:
        """Take what those relations are like, such as `documents#viewer@users`."""
        listed = ", ".join(relations[:20])
        super().__init__(
            f"Relations are kept that the new model does not allow: {listed}. Delete them first.",
            metadata={"relations": listed},
        )


class AccessModelChanged(Aborted):
    """Somebody else has changed the model since it was read."""

    domain = DOMAIN
    reason = "ACCESS_MODEL_CHANGED"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("The access model has changed since it was read. Read it again and retry.")


class AccessNameUnknown(InvalidArgument):
    """The model has no such type, relation, permission or condition."""

    domain = DOMAIN
    reason = "ACCESS_NAME_UNKNOWN"

    def __init__(self, field: str, name: str) -> None:
        """Take the request's field, and the name that it holds."""
        description = f"The access model has no `{name}`."
        violation = Violation(field=field, description=description, reason=self.reason)
        super().__init__(description, violations=[violation], metadata={"name": name})


class AccessQueryInvalid(InvalidArgument):
    """A subject, an object or a permission is not written as one."""

    domain = DOMAIN
    reason = "ACCESS_QUERY_INVALID"

    def __init__(self, field: str, description: str) -> None:
        """Take the request's field and what is wrong with it."""
        violation = Violation(field=field, description=description, reason=self.reason)
        super().__init__(description, violations=[violation])


class RelationInvalid(InvalidArgument):
    """The model does not allow the relation."""

    domain = DOMAIN
    reason = "RELATION_INVALID"

    def __init__(self, field: str, description: str) -> None:
        """Take the request's field and what is wrong with it."""
        violation = Violation(field=field, description=description, reason=self.reason)
        super().__init__(description, violations=[violation])


class RelationPreconditionFailed(FailedPrecondition):
    """A precondition of a write does not hold, and nothing was written."""

    domain = DOMAIN
    reason = "RELATION_PRECONDITION_FAILED"

    def __init__(self, index: int) -> None:
        """Take which of the preconditions it was."""
        super().__init__(
            f"preconditions[{index}] does not hold, and nothing was written.", metadata={"index": str(index)}
        )


class ContextInvalid(InvalidArgument):
    """A value of the context has another type than its condition says, or no condition asks for it."""

    domain = DOMAIN
    reason = "CONTEXT_INVALID"

    def __init__(self, field: str, description: str) -> None:
        """Take the path of the value and what is wrong with it."""
        violation = Violation(field=field, description=description, reason=self.reason)
        super().__init__(description, violations=[violation])


class AccessTooLarge(FailedPrecondition):
    """The answer depends on more relations than are looked at. No answer is given rather than a wrong one."""

    domain = DOMAIN
    reason = "ACCESS_TOO_LARGE"

    def __init__(self, what: str, limit: int) -> None:
        """Take what there is too much of, and how much may be."""
        super().__init__(
            f"The answer depends on more than {limit} {what}. Ask for less, or nest less deeply.",
            metadata={"limit": str(limit)},
        )


class CheckedAtUnknown(FailedPrecondition):
    """The state that the answer is to be as fresh as is none that this server has come to."""

    domain = DOMAIN
    reason = "CHECKED_AT_UNKNOWN"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("`at_least_as_fresh` is of another organization or another database. Ask without it.")
