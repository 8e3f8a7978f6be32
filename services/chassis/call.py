"""What a servicer may know of the call that it serves, whatever transport brought it."""

from __future__ import annotations

import asyncio
import enum
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.chassis.contract import Method, Permission


class CallerKind(enum.Enum):
    """Who is behind a call."""

    USER = "user"
    SERVICE_ACCOUNT = "service_account"
    WORKLOAD = "workload"
    NOBODY = "nobody"


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who calls, and in which organization."""

    kind: CallerKind
    """Who is behind the call."""
    subject: str = ""
    """The token's `sub`, such as `users/0198…`; empty for a workload and for nobody."""
    organization: str = ""
    """The organization that the caller acts in; empty where there is no token."""
    permissions: frozenset[str] = frozenset()
    """The granted patterns, such as `commerce.products.*`."""
    workload: str = ""
    """Name of the peer in the mesh (`edge`, `auth`, `cli`), proven by its certificate; empty outside the mesh."""
    session: str = ""
    """The session that the token belongs to (`sid`), or empty."""
    client: str = ""
    """The client that asked for the token (`client_id`), or empty."""
    grant: str = ""
    """The authorization by which the client got the token, or empty."""
    scope: str = ""
    """What the token was narrowed to, separated by spaces, or empty."""
    acr: str = ""
    """How surely a person has signed in, `aal1` to `aal3`, or empty where nobody has."""
    authenticated: float = 0.0
    """When the person has signed in, in seconds of the Unix epoch, or zero."""

    def holds(self, permission: Permission) -> bool:
        """Whether one of the granted patterns covers the permission."""
        return not self.permissions.isdisjoint(permission.patterns)


NOBODY = Caller(kind=CallerKind.NOBODY)
"""A caller without token and without a certificate of the mesh."""


class Transport(Protocol):
    """What a transport does for a call. gRPC is one; its adapter is in `chassis.transport`."""

    def send_initial_metadata(self, name: str, value: str) -> None:
        """Keep a header that goes out before the first message."""

    def send_trailer(self, name: str, value: str | bytes) -> None:
        """Keep a trailer that goes out with the status; a name that ends in `-bin` takes bytes."""

    def is_cancelled(self) -> bool:
        """Whether the client has gone away."""

    def on_done(self, callback: Callable[[], None]) -> None:
        """Have `callback` called once, when the call has ended for whatever reason."""


class Call:
    """One call: who calls, until when, with which metadata. Servicers see this and never the transport."""

    __slots__ = (
        "caller",
        "deadline",
        "ending",
        "expired",
        "metadata",
        "method",
        "peer",
        "request_id",
        "token",
        "traceparent",
        "transport",
        "valid_until",
    )

    def __init__(
        self,
        *,
        method: Method,
        metadata: Mapping[str, str],
        transport: Transport,
        peer: str = "",
        deadline: float | None = None,
        request_id: str = "",
        ending: asyncio.Event | None = None,
    ) -> None:
        """Take what the transport knows; the interceptors fill in caller, token, request id and trace.

        `metadata` has lower-case names, and bytes under those that end in `-bin`; `peer` is the SPIFFE id of the other
        end or empty, `deadline` is in the seconds of `time.monotonic`. The transport sets `expired` before it cancels
        a call that outlived its rule's timeout. `traceparent` is what calls made on behalf of this one carry (W3C
        Trace Context §3.2), or empty. `ending` is set when the process begins to drain: a stream that has no end of
        its own ends then. `valid_until` is when the caller's token expires, in seconds of the Unix epoch.
        """
        self.method = method
        self.metadata = metadata
        self.transport = transport
        self.peer = peer
        self.deadline = deadline
        self.request_id = request_id
        self.caller = NOBODY
        self.token = ""
        self.traceparent = ""
        self.expired = False
        self.ending = ending or asyncio.Event()
        self.valid_until = math.inf

    def remaining(self) -> float | None:
        """Seconds until the deadline, never below zero; None where there is none."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def set_header(self, name: str, value: str) -> None:
        """Send a header with the answer. REST clients see it as an HTTP header."""
        self.transport.send_initial_metadata(name, value)

    def set_trailer(self, name: str, value: str | bytes) -> None:
        """Send a trailer with the status."""
        self.transport.send_trailer(name, value)

    def is_cancelled(self) -> bool:
        """Whether the client has gone away."""
        return self.transport.is_cancelled()
