"""Why nobody can act for a user."""

from __future__ import annotations

from services.auth.domain.errors.domain import DOMAIN
from services.chassis.errors import FailedPrecondition, NotFound


class UserUnknown(NotFound):
    """There is no such user."""

    domain = DOMAIN
    reason = "USER_UNKNOWN"

    def __init__(self, organization: str) -> None:
        """Take the organization in which nobody was found."""
        super().__init__(
            f"There is no such user in the organization {organization}.", metadata={"organization": organization}
        )


class UserDisabled(FailedPrecondition):
    """The user may not sign in."""

    domain = DOMAIN
    reason = "USER_DISABLED"

    def __init__(self, user: str) -> None:
        """Take the user's name."""
        super().__init__(f"{user} is disabled. Update it with `disabled: false`.", metadata={"user": user})
