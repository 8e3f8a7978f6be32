"""Fakes for what stands around a servicer: tokens, telemetry that goes nowhere, calls, made-up methods."""

from __future__ import annotations

import asyncio
import io
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf import wrappers_pb2

from services.chassis.audit import AuditTrail
from services.chassis.call import Call, Caller, CallerKind
from services.chassis.contract import Audit, Idempotency, Method, Permission, Public, Rule
from services.chassis.interceptors import Chain, standard_chain
from services.chassis.logs import AccessLog
from services.chassis.telemetry import Telemetry, set_up_telemetry
from services.chassis.tokens import Claims, TokenRefused
from services.chassis.transport import Handler
from tests.fakes.chassis_channel import MemoryTransport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.chassis.audit import AuditEvent
    from services.chassis.contract import Access, Standard, StepUp
    from services.chassis.errors import TenonError
    from services.chassis.transport import Stream, Unary

ADMIN = "admin-token"
"""A token of `FakeVerifier` that holds every permission in the organization `default`."""


class FakeTokenInvalid(TokenRefused):
    """Nobody gave out that token."""

    reason = "TOKEN_INVALID"


@dataclass(frozen=True, kw_only=True, slots=True)
class FakeClaims(Claims):
    """What a made-up token says."""

    subject: str = "users/admin"
    organization: str = "default"
    permissions: frozenset[str] = frozenset({"*"})
    expires: float = math.inf


@dataclass(kw_only=True)
class FakeVerifier:
    """Knows the tokens that it was given, and no others."""

    tokens: dict[str, FakeClaims] = field(default_factory=lambda: {ADMIN: FakeClaims()})

    async def verify(self, token: str) -> FakeClaims:
        claims = self.tokens.get(token)
        if claims is None:
            raise FakeTokenInvalid("The access token is not one of ours.")
        return claims


def fake_telemetry(stream: io.StringIO | None = None) -> Telemetry:
    """Return telemetry whose access log goes to `stream`, or nowhere."""
    access = AccessLog(service="toy", worker=0, stream=stream or io.StringIO(), enabled=stream is not None)
    return set_up_telemetry(service="toy", worker=0, access=access, otlp=False)


@dataclass(kw_only=True)
class FakeRecorder:
    """Keeps audit events, and can be away or refuse them (port `chassis.audit.Recorder`)."""

    events: list[AuditEvent] = field(default_factory=list)
    error: TenonError | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def record(self, events: Sequence[AuditEvent]) -> None:
        self.asked.set()
        if self.error is not None:
            raise self.error
        known = {event.event_id for event in self.events}
        self.events.extend(event for event in events if event.event_id not in known)


def fake_chain(
    verifier: FakeVerifier | None = None, telemetry: Telemetry | None = None, audit: AuditTrail | None = None
) -> Chain:
    """Return the standard chain with fakes at its edges."""
    return standard_chain(
        telemetry=telemetry or fake_telemetry(),
        verifier=verifier or FakeVerifier(),
        audit=audit or AuditTrail(None),
        trust_domain="tenon.local",
    )


def fake_method(
    name: str = "Do",
    *,
    access: Access | None = None,
    timeout: float = 15.0,
    client_streaming: bool = False,
    server_streaming: bool = False,
    standard: Standard | None = None,
    idempotency: Idempotency = Idempotency.UNKNOWN,
    step_up: StepUp | None = None,
    audit: Audit = Audit.WRITES,
) -> Method:
    """Return a method of a service that no file describes."""
    return Method(
        path=f"/tenon.toy.v1.ToyService/{name}",
        name=name,
        service="tenon.toy.v1.ToyService",
        host="toy",
        input="google.protobuf.StringValue",
        output="google.protobuf.StringValue",
        client_streaming=client_streaming,
        server_streaming=server_streaming,
        rule=Rule(access=access or Public(reason="A test."), timeout=timeout, step_up=step_up, audit=audit),
        bindings=(),
        idempotency=idempotency,
        standard=standard,
        comment="",
    )


def fake_handler(function: Unary | Stream, method: Method | None = None, request_type: Any = None) -> Handler:
    """Return a handler of strings, unless told otherwise."""
    return Handler(
        method=method or fake_method(), request_type=request_type or wrappers_pb2.StringValue, function=function
    )


def fake_call(
    method: Method | None = None,
    *,
    caller: Caller | None = None,
    metadata: dict[str, str] | None = None,
    peer: str = "",
    deadline: float | None = None,
) -> Call:
    """Return a call as a servicer sees it, made by the administrator unless told otherwise."""
    call = Call(
        method=method or fake_method(access=Permission(name="toy.things.do")),
        metadata=metadata or {},
        transport=MemoryTransport(),
        peer=peer,
        deadline=deadline,
        request_id="request-1",
    )
    call.caller = caller or fake_caller()
    return call


def fake_caller(
    subject: str = "users/admin", organization: str = "default", permissions: frozenset[str] = frozenset({"*"})
) -> Caller:
    """Return a user who may do everything, unless told otherwise."""
    return Caller(kind=CallerKind.USER, subject=subject, organization=organization, permissions=permissions)
