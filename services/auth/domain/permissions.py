"""Which granted patterns cover which: `commerce.products.get`, `commerce.products.*`, `commerce.*`, `*`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

EVERYTHING = "*"
"""The pattern that covers every permission; who holds it is an administrator."""


def covering(pattern: str) -> tuple[str, ...]:
    """Return the patterns that cover `pattern`, itself among them: at most four."""
    parts = pattern.removesuffix("*").rstrip(".").split(".") if pattern != EVERYTHING else []
    wider = tuple(".".join([*parts[:count], "*"]) for count in range(min(len(parts), 2), 0, -1))
    return tuple(dict.fromkeys((pattern, *wider, EVERYTHING)))


def is_covered(pattern: str, held: Collection[str]) -> bool:
    """Whether one of the held patterns covers all that `pattern` covers."""
    return any(wider in held for wider in covering(pattern))


def find_excess(wanted: Iterable[str], held: Collection[str]) -> list[str]:
    """Return the wanted patterns that no held one covers, sorted."""
    return sorted({pattern for pattern in wanted if not is_covered(pattern, held)})


def intersect(some: Collection[str], others: Collection[str]) -> frozenset[str]:
    """Return the patterns that cover what both sides cover: of two that overlap, one covers the other."""
    return frozenset({p for p in some if is_covered(p, others)} | {p for p in others if is_covered(p, some)})


def drop_covered(patterns: Iterable[str]) -> list[str]:
    """Return the patterns without those that another one covers, sorted."""
    kept = set(patterns)
    return sorted(p for p in kept if not any(wider in kept for wider in covering(p) if wider != p))
