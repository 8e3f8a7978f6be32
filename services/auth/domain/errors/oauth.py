"""Why an authorization does not go on, and why clients are not changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.errors.domain import DOMAIN
from services.chassis.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Violation,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class FlowUnknown(NotFound):
    """The authorization is over, or never was."""

    domain = DOMAIN
    reason = "FLOW_UNKNOWN"

    def __init__(self) -> None:
        """Say the one sentence for every cause."""
        super().__init__("This authorization is over. Go back to the application and begin anew.")


class ClientInvalid(InvalidArgument):
    """A client cannot be registered as it is."""

    domain = DOMAIN
    reason = "CLIENT_INVALID"

    def __init__(self, problems: Mapping[str, str]) -> None:
        """Take what is wrong with each field, by its path."""
        listed = "; ".join(f"{field} {problem}" for field, problem in problems.items())
        violations = [Violation(field=f, description=f"It {p}.", reason=self.reason) for f, p in problems.items()]
        super().__init__(f"The client cannot be registered so: {listed}.", violations=violations)


class ClientUnknown(NotFound):
    """There is no such client, or no such secret of it."""

    domain = DOMAIN
    reason = "CLIENT_UNKNOWN"

    def __init__(self, name: str) -> None:
        """Take the name that was asked for."""
        super().__init__("There is no such client, or no such secret of it.", metadata={"name": name})


class ClientPublic(FailedPrecondition):
    """The client proves who it is in another way than by a secret."""

    domain = DOMAIN
    reason = "CLIENT_HAS_NO_SECRETS"

    def __init__(self, name: str, authentication: str) -> None:
        """Take the client's name, and how it proves who it is."""
        super().__init__(
            f"The client proves itself by {authentication} and needs no secret. Register it for client_secret_basic.",
            metadata={"name": name, "authentication": authentication},
        )


class SecretsFull(FailedPrecondition):
    """The client has as many secrets as it may have."""

    domain = DOMAIN
    reason = "TOO_MANY_SECRETS"

    def __init__(self, name: str, limit: int) -> None:
        """Take the client's name, and how many secrets it may have."""
        super().__init__(
            f"The client has {limit} secrets already. Remove one that nobody uses any more.",
            metadata={"name": name, "limit": str(limit)},
        )


class ConsentUnknown(NotFound):
    """There is no such consent."""

    domain = DOMAIN
    reason = "CONSENT_UNKNOWN"

    def __init__(self, client: str) -> None:
        """Take the client."""
        super().__init__("You have agreed to nothing for this client.", metadata={"client": client})


class DeviceCodeUnknown(NotFound):
    """No device that waits shows this code."""

    domain = DOMAIN
    reason = "DEVICE_CODE_UNKNOWN"

    def __init__(self) -> None:
        """Say the one sentence for every cause."""
        super().__init__("No device shows this code, or it has expired. Look at the device again.")


class DeviceNotForCaller(PermissionDenied):
    """The application of the device serves other people."""

    domain = DOMAIN
    reason = "DEVICE_NOT_FOR_CALLER"

    def __init__(self, client: str) -> None:
        """Take the client."""
        message = "This application is not for people of your organization. Sign in as somebody else."
        super().__init__(message, metadata={"client": client})


class DeviceCodesThrottled(ResourceExhausted):
    """Too many codes were tried."""

    domain = DOMAIN
    reason = "DEVICE_CODES_THROTTLED"

    def __init__(self, retry_after: float) -> None:
        """Take the seconds until the next code may be tried."""
        super().__init__("Too many codes were tried. Wait before you try another.", retry_after=retry_after)
