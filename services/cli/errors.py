"""What can go wrong on the command line, each said in one sentence with the mend."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class CommandError(Exception):
    """A command could not do what it was asked: the sentence says why, the mend says what helps."""

    def __init__(self, message: str, *, mend: str = "", details: Sequence[str] = ()) -> None:
        """Take the sentence, what helps, and lines of a log that explain it."""
        super().__init__(message)
        self.message = message
        self.mend = mend
        self.details = tuple(details)

    def __str__(self) -> str:
        """Return the details, the sentence and the mend, as the terminal shows them."""
        sentence = f"{self.message} Mend: {self.mend}" if self.mend else self.message
        return "\n".join((*(f"  | {line}" for line in self.details), sentence))


class NotRunning(CommandError):
    """Nothing runs from this state folder."""


class AlreadyRunning(CommandError):
    """Another `tenon up` runs from this state folder."""


class BrokenState(CommandError):
    """The state folder holds something that cannot be used and must not be overwritten."""


class StartFailed(CommandError):
    """A process did not become ready."""
