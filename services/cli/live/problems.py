"""What stops a contract from being applied, as lines for the person who saved it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class NotApplied(Exception):
    """The contracts are not applied, and what runs goes on as it was."""

    def __init__(self, problems: Iterable[str]) -> None:
        """Take all that is wrong, each with its mend."""
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))
