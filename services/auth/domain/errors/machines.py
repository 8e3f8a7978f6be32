"""Why a machine may not act: its key, the proof of its key, or its workload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.errors.domain import DOMAIN
from services.chassis.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Violation,
)

if TYPE_CHECKING:
    from collections.abc import Collection


class ApiKeyInvalid(Unauthenticated):
    """The API key opens nothing."""

    domain = DOMAIN
    reason = "API_KEY_INVALID"

    def __init__(self) -> None:
        """Say the one sentence for every cause."""
        super().__init__("The API key is unknown, misspelt, expired or revoked, or its owner may not act.")


class ApiKeysThrottled(ResourceExhausted):
    """Too many bad API keys came from one address. Clients read what the edge says of every limit."""

    def __init__(self, retry_after: float) -> None:
        """Take the seconds until the next one is looked at."""
        super().__init__("Too many bad API keys came from this address.", retry_after=retry_after)


class ApiKeyUnknown(NotFound):
    """There is no such API key, or it is somebody else's."""

    domain = DOMAIN
    reason = "API_KEY_UNKNOWN"

    def __init__(self, name: str) -> None:
        """Take the key's name."""
        super().__init__(f"There is no {name}.", metadata={"name": name})


class ApiKeyOwnerInvalid(InvalidArgument):
    """Nobody may act by a key of this owner."""

    domain = DOMAIN
    reason = "API_KEY_OWNER_INVALID"

    def __init__(self, owner: str) -> None:
        """Take the owner's name."""
        message = f"{owner} is no user or service account of this organization that may act."
        violation = Violation(field="api_key.owner", description=message, reason=self.reason)
        super().__init__(message, violations=[violation], metadata={"owner": owner})


class ApiKeyScopesExceedOwner(InvalidArgument):
    """The key would open what its owner may not."""

    domain = DOMAIN
    reason = "API_KEY_SCOPES_EXCEED_OWNER"

    def __init__(self, scopes: Collection[str]) -> None:
        """Take the patterns that the owner does not hold."""
        listed = ", ".join(sorted(scopes)[:20])
        message = f"The owner of the key does not hold: {listed}. Leave them out, or give the owner a role with them."
        violation = Violation(field="api_key.scopes", description=message, reason=self.reason)
        super().__init__(message, violations=[violation], metadata={"scopes": listed})


class ApiKeyExpiryInvalid(InvalidArgument):
    """The key would be dead at once, or live too long."""

    domain = DOMAIN
    reason = "API_KEY_EXPIRY_INVALID"

    def __init__(self, days: int) -> None:
        """Take how many days a key may live."""
        message = f"A key expires in the future, within {days} days."
        violation = Violation(field="api_key.expire_time", description=message, reason=self.reason)
        super().__init__(message, violations=[violation], metadata={"days": str(days)})


class TooManyApiKeys(FailedPrecondition):
    """The owner has as many keys as anybody may have."""

    domain = DOMAIN
    reason = "TOO_MANY_API_KEYS"

    def __init__(self, owner: str, limit: int) -> None:
        """Take the owner, and how many there may be."""
        super().__init__(
            f"{owner} has {limit} API keys already. Delete those that nobody uses.",
            metadata={"owner": owner, "limit": str(limit)},
        )


class SessionNeeded(PermissionDenied):
    """Only a person who has signed in may do this, not a key or a client of theirs."""

    domain = DOMAIN
    reason = "SESSION_NEEDED"

    def __init__(self) -> None:
        """Say what is missing."""
        super().__init__("Sign in to do this: neither an API key nor a token without a session will do.")


class WorkloadUnknown(NotFound):
    """No service account stands for the workload."""

    domain = DOMAIN
    reason = "WORKLOAD_UNKNOWN"

    def __init__(self, workload: str, organization: str) -> None:
        """Take the workload, and where it wants to act."""
        super().__init__(
            f"No service account of {organization} stands for the workload {workload!r}. Set its field `workload`.",
            metadata={"workload": workload, "organization": organization},
        )


class DpopProofInvalid(Unauthenticated):
    """The proof of a key does not hold (RFC 9449)."""

    domain = DOMAIN
    reason = "DPOP_PROOF_INVALID"

    def __init__(self, problem: str) -> None:
        """Take what is wrong with it, as a sentence."""
        super().__init__(f"The DPoP proof does not hold. {problem}")


class DpopNonceNeeded(Unauthenticated):
    """The proof has to have the nonce that is said here (RFC 9449 §8)."""

    domain = DOMAIN
    reason = "DPOP_NONCE_NEEDED"

    def __init__(self, nonce: str) -> None:
        """Take the nonce."""
        super().__init__("The DPoP proof needs the nonce that came with this answer.", metadata={"nonce": nonce})
        self.nonce = nonce


class ReplayUnavailable(Unavailable):
    """Nobody can tell whether something was used before."""

    domain = DOMAIN
    reason = "REPLAY_UNAVAILABLE"

    def __init__(self) -> None:
        """Say that it will pass."""
        super().__init__("It cannot be told just now whether this was used before. Try again.", retry_after=2.0)
