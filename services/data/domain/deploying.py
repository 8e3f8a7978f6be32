"""How one contract follows another in a process that serves: prepared, migrated, published, or given up again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from services.chassis.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEPT = 3
"""Versions that a process keeps beside the one that is served: enough to go back to, and no leak."""


class ContractRefused(Exception):
    """The contract cannot be served here, or its tables cannot follow it."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Take what stops it, each with its mend."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class VersionUnknown(NotFound):
    """This process has not prepared a contract of that fingerprint, or has forgotten it."""

    reason = "VERSION_UNKNOWN"
    domain = "data.tenon"


class Version(Protocol):
    """One contract, ready to be served."""

    @property
    def fingerprint(self) -> str:
        """What it is known by: a digest of the contract and of the Python beside it, in hexadecimal."""

    @property
    def handlers(self) -> Mapping[str, Any]:
        """What serves each RPC, by path."""


V = TypeVar("V", bound=Version)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of a step."""

    fingerprint: str = ""
    """The version that it made ready, or empty where it made none."""
    statements: tuple[str, ...] = ()
    """The statements that ran."""
    problems: tuple[str, ...] = ()
    """What stopped it, each with its mend."""


class Host(Protocol[V]):
    """Makes versions and serves them."""

    async def build(self, files: bytes) -> V:
        """Make what serves a compiled contract; raises ContractRefused."""

    async def migrate(self, version: V, *, allow_breaking: bool) -> Sequence[str]:
        """Bring the tables in step and return the statements that ran; raises ContractRefused."""

    def publish(self, version: V, retired: Mapping[str, Any]) -> None:
        """Serve a version from now on, and `retired` handlers of methods that it no longer has beside it."""


class Deployments(Generic[V]):
    """The versions that one process knows, one of which it serves."""

    def __init__(self, host: Host[V], current: V) -> None:
        """Take who makes versions, and the one that is served at start."""
        self._host = host
        self._current = current
        self._known: dict[str, V] = {current.fingerprint: current}
        self._retired: Mapping[str, Any] = {}

    @property
    def current(self) -> V:
        """The version that is served."""
        return self._current

    async def prepare(self, files: bytes) -> Outcome:
        """Make a compiled contract ready; nothing that is served changes."""
        try:
            version = await self._host.build(files)
        except ContractRefused as error:
            return Outcome(problems=error.problems)
        # What is known already stays the one that is known: it may be served.
        return Outcome(fingerprint=self._remember(self._known.get(version.fingerprint, version)).fingerprint)

    async def migrate(self, fingerprint: str, *, allow_breaking: bool) -> Outcome:
        """Bring the tables in step with a prepared version; raises VersionUnknown."""
        try:
            statements = await self._host.migrate(self._find(fingerprint), allow_breaking=allow_breaking)
        except ContractRefused as error:
            return Outcome(fingerprint=fingerprint, problems=error.problems)
        return Outcome(fingerprint=fingerprint, statements=tuple(statements))

    def publish(self, fingerprint: str, *, keep_removed: bool) -> None:
        """Serve a prepared version; with `keep_removed`, beside the methods of the one before that it lacks.

        To go back is to publish the version before. Raises VersionUnknown.
        """
        version = self._find(fingerprint)
        before = {**self._retired, **self._current.handlers} if keep_removed else {}
        retired = {path: served for path, served in before.items() if path not in version.handlers}
        self._host.publish(version, retired)
        self._current, self._retired = version, retired
        self._remember(version)

    def _find(self, fingerprint: str) -> V:
        found = self._known.get(fingerprint)
        if found is None:
            raise VersionUnknown(
                f"No contract {fingerprint[:12]} is prepared here.", metadata={"fingerprint": fingerprint}
            )
        return found

    def _remember(self, version: V) -> V:
        """Keep a version as the latest, and forget the oldest that is not served."""
        self._known.pop(version.fingerprint, None)
        self._known[version.fingerprint] = version
        for old in [each for each in self._known if each != self._current.fingerprint][: -KEPT or None]:
            del self._known[old]
        return version
