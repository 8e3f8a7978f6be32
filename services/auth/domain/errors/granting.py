"""Why users and roles are not changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.errors.domain import DOMAIN
from services.chassis.errors import FailedPrecondition, InvalidArgument, PermissionDenied, Violation

if TYPE_CHECKING:
    from collections.abc import Collection


class GrantExceedsOwn(PermissionDenied):
    """Somebody would give, or change, what they do not hold themselves."""

    domain = DOMAIN
    reason = "GRANT_EXCEEDS_OWN"

    def __init__(self, permissions: Collection[str]) -> None:
        """Take the patterns that the caller does not hold."""
        listed = ", ".join(sorted(permissions)[:20])
        super().__init__(
            f"This concerns permissions that you do not hold: {listed}. Ask somebody who holds them.",
            metadata={"permissions": listed},
        )


class LastAdministrator(FailedPrecondition):
    """The organization would lock itself out."""

    domain = DOMAIN
    reason = "LAST_ADMINISTRATOR"

    def __init__(self, organization: str) -> None:
        """Take the organization."""
        super().__init__(
            "Nobody would be left who may do everything. Give a second user a role with the permission `*` first.",
            metadata={"organization": organization},
        )


class RoleInUse(FailedPrecondition):
    """A user has the role."""

    domain = DOMAIN
    reason = "ROLE_IN_USE"

    def __init__(self, role: str) -> None:
        """Take the role's name."""
        super().__init__(f"A user has {role}. Take it from everybody first.", metadata={"role": role})


class RoleUnknown(InvalidArgument):
    """A role that is to be given does not exist."""

    domain = DOMAIN
    reason = "ROLE_UNKNOWN"

    def __init__(self, roles: Collection[str]) -> None:
        """Take the roles' names."""
        listed = ", ".join(sorted(roles)[:20])
        message = f"There is no role {listed}. Create it first."
        violation = Violation(field="user.roles", description=message, reason=self.reason)
        super().__init__(message, violations=[violation], metadata={"roles": listed})
