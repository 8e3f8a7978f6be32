"""Why users of another system are not taken over."""

from __future__ import annotations

from services.auth.domain.errors.domain import DOMAIN
from services.chassis.errors import AlreadyExists, InvalidArgument


class UserExists(AlreadyExists):
    """Somebody of the organization has the address."""

    domain = DOMAIN
    reason = "USER_EXISTS"

    def __init__(self, user: str) -> None:
        """Take the name of whoever has it."""
        super().__init__(f"{user} has this address. Change that user, or leave out this one.", metadata={"user": user})


class PasswordHashUnusable(InvalidArgument):
    """Nobody could sign in by the hash."""

    domain = DOMAIN
    reason = "PASSWORD_HASH_UNUSABLE"

    def __init__(self, problem: str) -> None:
        """Take what is wrong with it."""
        super().__init__(f"{problem} Leave the hash out, and let the user ask for a new password.")
