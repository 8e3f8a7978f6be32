"""What the supervisor must know of a process, as a value."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessSpec:
    """One process: how it is started, when it is ready, and how it ends."""

    name: str
    """What it is called in `status` and `logs`."""
    argv: tuple[str, ...]
    """The program and its arguments."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Its whole environment."""
    log: Path
    """Where its output goes."""
    endpoint: str = ""
    """Where it listens, for a reader."""
    sockets: tuple[Path, ...] = ()
    """Socket files that it makes, removed before each start since a killed process leaves them."""
    after: tuple[str, ...] = ()
    """Names of the processes that must be ready before it starts, and that stop after it."""
    once: bool = False
    """Whether it is a step that is done when it has ended well, and not a process that stays."""
    speaks: bool = False
    """Whether what it says is for the person at the terminal, line by line; what it complains of goes to its log."""
    probe: Callable[[], Awaitable[bool]] | None = None
    """Says whether it is ready; a process without one is ready once it runs."""
    before: Callable[[], Awaitable[None]] | None = None
    """What is done before each start."""
    drain: Callable[[], Awaitable[None]] | None = None
    """What is done before it is asked to stop."""
    stop_signal: signal.Signals = signal.SIGTERM
    """What asks it to stop."""
    stop_timeout: float = 10.0
    """Seconds that it may take to stop before it is killed."""
    start_timeout: float = 60.0
    """Seconds that it may take to become ready."""
    mend: str = ""
    """What helps where it cannot be started; to read its log, where nothing better can be said."""


def layers_of(specs: tuple[ProcessSpec, ...]) -> tuple[tuple[ProcessSpec, ...], ...]:
    """Return the processes in the order in which they may start, each layer needing only those before it."""
    layers: list[tuple[ProcessSpec, ...]] = []
    waiting = list(specs)
    done: set[str] = set()
    while waiting:
        layer = tuple(spec for spec in waiting if done.issuperset(spec.after))
        if not layer:
            raise ValueError(f"These wait for each other or for what is not planned: {[spec.name for spec in waiting]}")
        layers.append(layer)
        done.update(spec.name for spec in layer)
        waiting = [spec for spec in waiting if spec.name not in done]
    return tuple(layers)
