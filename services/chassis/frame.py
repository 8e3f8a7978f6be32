"""What a service process gets from the chassis, and what it hands back to be served."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from services.chassis.contract.breaking import find_breaking
from services.chassis.environment import SettingsError
from services.chassis.keyring import Keyring

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from starlette.routing import BaseRoute

    from services.chassis.audit import AuditTrail, Recorder
    from services.chassis.clients import Clients
    from services.chassis.contract import Contract
    from services.chassis.interceptors import Verifier
    from services.chassis.settings import Settings
    from services.chassis.telemetry import Telemetry
    from services.chassis.transport import Handler

Judge = Callable[["FileDescriptorSet", "FileDescriptorSet"], tuple[str, ...]]
"""Says what the second of two contracts breaks for those who call by the first, a line each; it blocks."""

Task = Callable[[], Coroutine[Any, Any, None]]
"""A background loop. One that raises ends the process, so that whoever supervises it starts a clean one."""


@dataclass(kw_only=True)
class Frame:
    """What the chassis gives to a service's wiring."""

    name: str
    """The service's name, such as `auth`."""
    settings: Settings
    """The chassis's settings."""
    environ: Mapping[str, str] = field(repr=False)
    """The environment, for the service's own settings."""
    contract: Contract
    """What is served and called; the latest after `publish`."""
    clients: Clients
    """Calls to other services."""
    telemetry: Telemetry
    """Meters and tracers for measurements of the service's own."""
    audit: AuditTrail
    """What is to be written down of calls that the chassis does not see by itself."""
    publish: Callable[[Contract, Mapping[str, Handler]], None]
    """Serve another contract and other handlers from now on; calls under way end on the old ones. Either all of it is
    taken or, where it raises, none."""

    @property
    def judge(self) -> Judge | None:
        """Says what a contract breaks for callers of the one before it, or None where that is allowed."""
        return None if self.settings.allow_breaking else find_breaking

    @cached_property
    def keyring(self) -> Keyring:
        """The keys that seal values, read when they are first asked for.

        Raises:
            SettingsError: Where TENON_ROOT_KEY is not set.
            KeyringError: Where its file cannot be used.
        """
        if self.settings.root_key is None:
            raise SettingsError(("TENON_ROOT_KEY is not set. Mend: name the root key's file.",))
        return Keyring.from_file(self.settings.root_key)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wiring:
    """What a service hands to the chassis."""

    handlers: Mapping[str, Handler]
    """What serves each RPC, by path."""
    http: tuple[BaseRoute, ...] = ()
    """Pages of the service's own on the HTTP side."""
    tasks: tuple[Task, ...] = ()
    """Background loops, run from the moment that the process serves."""
    verifier: Verifier | None = None
    """Checks tokens instead of the chassis's verifier, for the service that issues them."""
    recorder: Recorder | None = None
    """Writes audit events down instead of auth, for the service that is auth."""


Wire = Callable[[Frame], AbstractAsyncContextManager[Wiring]]
"""Builds a service on a frame, and takes it down again."""
