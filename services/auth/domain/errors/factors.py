"""Why a step of a sign-in, or a change of what people prove themselves by, is refused."""

from __future__ import annotations

from services.auth.domain.errors.domain import DOMAIN
from services.chassis.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Violation,
)


class SignInExpired(Unauthenticated):
    """There is no such sign-in under way."""

    domain = DOMAIN
    reason = "SIGN_IN_EXPIRED"

    def __init__(self) -> None:
        """Say that it is over."""
        super().__init__("This sign-in has expired, or is finished. Begin again.")


class SignInOvertaken(Aborted):
    """Another step of the same sign-in was made at the same time."""

    domain = DOMAIN
    reason = "SIGN_IN_OVERTAKEN"

    def __init__(self) -> None:
        """Say that only one step counts."""
        super().__init__("Another step of this sign-in was made at the same time. Try again.")


class FactorNotOffered(FailedPrecondition):
    """Something was shown that was not asked for."""

    domain = DOMAIN
    reason = "FACTOR_NOT_OFFERED"

    def __init__(self, factor: str, offered: str) -> None:
        """Take what was shown, and what is offered."""
        super().__init__(
            f"{factor} is not asked for at this point. Show one of: {offered or 'nothing, but finish'}.",
            metadata={"factor": factor, "offered": offered},
        )


class SignInUnfinished(Unauthenticated):
    """More has to be shown."""

    domain = DOMAIN
    reason = "SIGN_IN_UNFINISHED"

    def __init__(self, offered: str) -> None:
        """Take what is offered."""
        super().__init__(f"The sign-in is not finished. Show one of: {offered}.", metadata={"offered": offered})


class LevelOutOfReach(FailedPrecondition):
    """No factor of the account makes its proof as strong as is asked."""

    domain = DOMAIN
    reason = "LEVEL_OUT_OF_REACH"

    def __init__(self, level: str) -> None:
        """Take the level."""
        super().__init__(
            f"Nothing that you have set up proves who you are as surely as {level}. Set up an authenticator first.",
            metadata={"acr": level},
        )


class PasswordUnsuitable(InvalidArgument):
    """The password is one that would be guessed."""

    domain = DOMAIN
    reason = "PASSWORD_UNSUITABLE"

    def __init__(self, cause: str, sentence: str, *, field: str = "new_password") -> None:
        """Take a name for the cause (`too_short`, `too_long`, `common`, `context`), and a sentence that helps."""
        violation = Violation(field=field, description=sentence, reason=f"password.{cause}")
        super().__init__(sentence, violations=[violation], metadata={"cause": cause})


class MailedProofInvalid(Unauthenticated):
    """A link of a mail does nothing."""

    domain = DOMAIN
    reason = "LINK_INVALID"

    def __init__(self) -> None:
        """Say the one sentence for every cause."""
        super().__init__("The link is unknown, has expired or was used before. Ask for a new one.")


class EnrolmentInvalid(FailedPrecondition):
    """What is to be confirmed was not begun, or did not work."""

    domain = DOMAIN
    reason = "ENROLMENT_INVALID"

    def __init__(self) -> None:
        """Say the one sentence for every cause."""
        super().__init__("The answer is wrong, or what it answers has expired. Begin again.")


class AuthenticatorUnknown(NotFound):
    """The user has no such authenticator."""

    domain = DOMAIN
    reason = "AUTHENTICATOR_UNKNOWN"

    def __init__(self, name: str) -> None:
        """Take the name."""
        super().__init__(f"You have no {name}.", metadata={"name": name})


class AuthenticatorExists(AlreadyExists):
    """The passkey is known."""

    domain = DOMAIN
    reason = "AUTHENTICATOR_EXISTS"

    def __init__(self) -> None:
        """Say nothing of whose it is."""
        super().__init__("This passkey is set up already.")


class TooManyAuthenticators(FailedPrecondition):
    """The account has as many as it may."""

    domain = DOMAIN
    reason = "TOO_MANY_AUTHENTICATORS"

    def __init__(self, most: int) -> None:
        """Take how many there may be."""
        super().__init__(f"You have {most} authenticators. Remove one first.", metadata={"most": str(most)})


class SecondFactorMissing(FailedPrecondition):
    """Recovery codes stand in for a second factor, and there is none."""

    domain = DOMAIN
    reason = "SECOND_FACTOR_MISSING"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("Recovery codes replace a lost second factor. Set up an authenticator app or a passkey first.")


class PasswordTooShortAlone(FailedPrecondition):
    """The password is good beside a second factor alone."""

    domain = DOMAIN
    reason = "PASSWORD_TOO_SHORT_ALONE"

    def __init__(self) -> None:
        """Say what to do first."""
        super().__init__("The password is too short to be the only factor. Choose a longer one first.")


class SessionUnknown(NotFound):
    """The user has no such session."""

    domain = DOMAIN
    reason = "SESSION_UNKNOWN"

    def __init__(self, name: str) -> None:
        """Take the session's name."""
        super().__init__(f"There is no {name} that lives.", metadata={"name": name})


class ReauthenticationNeeded(PermissionDenied):
    """It is too long ago that the caller has proven who they are."""

    domain = DOMAIN
    reason = "REAUTHENTICATION_NEEDED"

    def __init__(self, max_age: float) -> None:
        """Take the seconds that a proof is good for."""
        super().__init__(
            f"You must have signed in within the last {max_age / 60:.0f} minutes. Use StepUp, and try again.",
            metadata={"max_age": str(int(max_age))},
        )
