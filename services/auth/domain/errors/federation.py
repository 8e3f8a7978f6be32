"""Why nobody signs in by an identity provider, or why one is not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.errors.domain import DOMAIN
from services.chassis.errors import (
    AlreadyExists,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
    Violation,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class IdentityProviderUnknown(NotFound):
    """There is no such provider, or nobody signs in by it."""

    domain = DOMAIN
    reason = "IDENTITY_PROVIDER_UNKNOWN"

    def __init__(self, name: str) -> None:
        """Take the name."""
        super().__init__(f"There is no {name} to sign in by.", metadata={"name": name})


class IdentityProviderInvalid(InvalidArgument):
    """The provider could not be spoken to, or not be believed, as it is described."""

    domain = DOMAIN
    reason = "IDENTITY_PROVIDER_INVALID"

    def __init__(self, problems: Mapping[str, str]) -> None:
        """Take what is wrong, by the path of the field."""
        violations = [Violation(field=path, description=problem) for path, problem in problems.items()]
        listed = "; ".join(f"{path} {problem}" for path, problem in problems.items())
        super().__init__(f"The identity provider cannot be like this: {listed}.", violations=violations)


class IdentityProviderUnavailable(Unavailable):
    """The provider does not answer us, or not as its standard says."""

    domain = DOMAIN
    reason = "IDENTITY_PROVIDER_UNAVAILABLE"

    def __init__(self, provider: str) -> None:
        """Take what people know it by."""
        message = f"{provider} does not answer just now. Try again in a moment, or sign in another way."
        super().__init__(message, retry_after=5.0, metadata={"provider": provider})


class FederatedSignInInvalid(Unauthenticated):
    """What a provider has answered, or somebody in its name, is not believed."""

    domain = DOMAIN
    reason = "FEDERATED_SIGN_IN_INVALID"

    def __init__(self, problem: str) -> None:
        """Take what is wrong with it, as a sentence."""
        super().__init__(f"This sign-in is not accepted. {problem} Begin again.")
        self.problem = problem


class FederatedSignInRefused(PermissionDenied):
    """The provider has signed nobody in."""

    domain = DOMAIN
    reason = "FEDERATED_SIGN_IN_REFUSED"

    def __init__(self, provider: str, code: str) -> None:
        """Take what people know the provider by, and its own code."""
        super().__init__(f"{provider} has not signed you in ({code}).", metadata={"provider": provider, "code": code})


class FederatedAccountUnknown(PermissionDenied):
    """Nobody here has that identity, and the provider makes no users."""

    domain = DOMAIN
    reason = "FEDERATED_ACCOUNT_UNKNOWN"

    def __init__(self, provider: str) -> None:
        """Take what people know the provider by."""
        super().__init__(
            f"No account here is linked to this identity at {provider}. Sign in another way, and link it on the page "
            "of your account, or ask the administrator of your organization.",
            metadata={"provider": provider},
        )


class FederatedAddressRefused(PermissionDenied):
    """The provider makes users of other addresses alone."""

    domain = DOMAIN
    reason = "FEDERATED_ADDRESS_REFUSED"

    def __init__(self, provider: str) -> None:
        """Take what people know the provider by."""
        super().__init__(
            f"{provider} tells us no email address of yours that an account may have here. Ask the administrator of "
            "your organization.",
            metadata={"provider": provider},
        )


class IdentityLinkedElsewhere(AlreadyExists):
    """Another user has that identity."""

    domain = DOMAIN
    reason = "IDENTITY_LINKED_ELSEWHERE"

    def __init__(self, provider: str) -> None:
        """Take what people know the provider by."""
        super().__init__(f"This identity at {provider} is linked to another account.", metadata={"provider": provider})


class LinkedIdentityUnknown(NotFound):
    """There is no such identity, or it is somebody else's."""

    domain = DOMAIN
    reason = "LINKED_IDENTITY_UNKNOWN"

    def __init__(self, name: str) -> None:
        """Take the name."""
        super().__init__(f"There is no {name}.", metadata={"name": name})
