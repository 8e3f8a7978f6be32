"""What a reader has seen: a snapshot of Postgres' transactions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which transactions had ended at a moment (PostgreSQL manual §9.27.11, `pg_snapshot`).

    Snapshots of one database are in one order: of two, the later sees all that the earlier sees.
    """

    xmax: int
    """The first transaction that had not begun."""
    running: frozenset[int]
    """Those before it that had not ended."""

    @classmethod
    def parse(cls, text: str) -> Snapshot:
        """Read Postgres' text, such as `10:20:10,14,15`."""
        _, xmax, running = text.split(":")
        return cls(int(xmax), frozenset(map(int, running.split(","))) if running else frozenset())

    @property
    def xmin(self) -> int:
        """The first transaction that had not ended: all before it had."""
        return min(self.running, default=self.xmax)

    @property
    def text(self) -> str:
        """Postgres' text."""
        return f"{self.xmin}:{self.xmax}:{','.join(map(str, sorted(self.running)))}"

    def sees(self, transaction: int) -> bool:
        """Whether a transaction had ended."""
        return transaction < self.xmax and transaction not in self.running

    def covers(self, other: Snapshot) -> bool:
        """Whether all that `other` sees is seen here too."""
        return other.xmax <= self.xmax and not any(other.sees(transaction) for transaction in self.running)
