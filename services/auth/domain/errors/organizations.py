"""Why organizations, memberships and invitations are not changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.errors.domain import DOMAIN
from services.chassis.errors import AlreadyExists, FailedPrecondition, NotFound, PermissionDenied, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Collection


class OrganizationForbidden(PermissionDenied):
    """Only those who see all organizations may do this."""

    domain = DOMAIN
    reason = "ORGANIZATION_FORBIDDEN"

    def __init__(self) -> None:
        """Say who may."""
        super().__init__(
            "Only the bootstrap administrator, and who holds the permission in `system`, may do this. Ask one of them."
        )


class OrganizationIdTaken(AlreadyExists):
    """The id belongs to no new organization."""

    domain = DOMAIN
    reason = "ORGANIZATION_ID_TAKEN"

    def __init__(self, organization: str) -> None:
        """Take the id."""
        super().__init__(
            f"The id {organization} is taken, or was before. Choose another.", metadata={"organization": organization}
        )


class OrganizationProtected(FailedPrecondition):
    """The installation needs the organization."""

    domain = DOMAIN
    reason = "ORGANIZATION_PROTECTED"

    def __init__(self, organization: str) -> None:
        """Take its id."""
        super().__init__(
            f"{organization} holds the bootstrap administrator and can be neither disabled nor deleted.",
            metadata={"organization": organization},
        )


class OrganizationUnknown(NotFound):
    """The caller does not belong to any such organization, whether there is one or not."""

    domain = DOMAIN
    reason = "ORGANIZATION_UNKNOWN"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("You belong to no such organization. List yours with ListMyOrganizations.")


class MemberUnknown(NotFound):
    """There is nobody of that name whom the caller may add."""

    domain = DOMAIN
    reason = "MEMBER_UNKNOWN"

    def __init__(self, members: Collection[str]) -> None:
        """Take the names."""
        listed = ", ".join(sorted(members)[:20])
        super().__init__(
            f"There is no {listed} whom you may add. Invite people of other organizations.",
            metadata={"members": listed},
        )


class InvitationInvalid(Unauthenticated):
    """The secret opens nothing, and nobody is told why."""

    domain = DOMAIN
    reason = "INVITATION_INVALID"

    def __init__(self) -> None:
        """Say the one sentence for every cause."""
        super().__init__("The invitation is unknown, used, expired or taken back. Ask for another one.")


class InvitationAnswered(FailedPrecondition):
    """Somebody has accepted or declined."""

    domain = DOMAIN
    reason = "INVITATION_ANSWERED"

    def __init__(self, invitation: str) -> None:
        """Take the invitation's name."""
        super().__init__(f"{invitation} was answered. Make another one.", metadata={"invitation": invitation})


class EmailDomainNotAllowed(PermissionDenied):
    """The organization does not take addresses of that domain."""

    domain = DOMAIN
    reason = "EMAIL_DOMAIN_NOT_ALLOWED"

    def __init__(self, organization: str) -> None:
        """Take the organization."""
        super().__init__(
            "The organization takes no addresses of this domain. See its `allowed_email_domains`.",
            metadata={"organization": organization},
        )


class StrongerSignInRequired(FailedPrecondition):
    """The organization is acted in by those alone who have signed in by two factors."""

    domain = DOMAIN
    reason = "STRONGER_SIGN_IN_REQUIRED"

    def __init__(self, organization: str) -> None:
        """Take the organization."""
        super().__init__(
            f"{organization} asks for a second factor. Sign in with one.",
            metadata={"organization": organization, "acr": "aal2"},
        )
