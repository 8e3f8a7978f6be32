"""What can be wrong with a row of a file, and with a file as a whole."""

from __future__ import annotations

from services.chassis.errors import Aborted, Cancelled, InvalidArgument, PermissionDenied


class BadValue(ValueError):
    """A value that its field cannot hold."""

    def __init__(self, description: str, path: str = "") -> None:
        """Take what is wrong, as a sentence, and the path below the field that it is about."""
        super().__init__(description, path)
        self.description = description
        self.path = path

    def below(self, name: str) -> BadValue:
        """Return the same, seen from above."""
        dot = "." if self.path and not self.path.startswith("[") else ""
        return BadValue(self.description, f"{name}{dot}{self.path}")


class FileUnreadable(InvalidArgument):
    """The file as a whole is not of its format, or its columns are not those of the record."""

    reason = "FILE_UNREADABLE"


class ImportRefused(PermissionDenied):
    """What is asked of the import needs a permission that the caller lacks."""

    reason = "PERMISSION_MISSING"


class OperationCancelled(Cancelled):
    """Somebody asked that the operation ends."""

    reason = "OPERATION_CANCELLED"


class OperationStuck(Aborted):
    """The operation was begun several times and never came further."""

    reason = "OPERATION_STUCK"
