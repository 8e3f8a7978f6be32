"""What is wrong with a contract: where, what, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.chassis.refusal import StartRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.chassis.contract.source import Element

MEND_UNKNOWN = "Compile the contract against this version's tenon/options/v1/options.proto"
"""What to do about an option that has parts which this version does not know: it might guard something."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One convention that a contract does not meet."""

    file: str
    """Path of the `.proto` file below its root, with the line where it is known: `library/v1/book.proto:12`."""
    element: str
    """Full name of what is wrong, such as `library.v1.BookService.GetBook`."""
    message: str
    """What is wrong with it, without a full stop."""
    mend: str
    """What to do about it, without a full stop."""

    def __str__(self) -> str:
        """Say all of it in one line."""
        return f"{self.file}: {self.element}: {self.message}. Mend: {self.mend}."


class ContractError(StartRefused):
    """A contract cannot be served; `problems` has everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Take all the problems, each of which becomes a line of the message."""
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Problems:
    """The problems found so far, so that a reader sees all of them at once."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: list[Problem] = []

    def add(self, element: Element, message: str, mend: str) -> None:
        """Keep a problem with an element."""
        self._found.append(Problem(file=element.place, element=element.name, message=message, mend=mend))

    def raise_any(self) -> None:
        """Raise `ContractError` where something was found, each problem once and in the order of the files."""
        if self._found:
            raise ContractError(sorted(dict.fromkeys(self._found), key=_place))


def _place(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.file.partition(":")
    return file, int(line or 0)
