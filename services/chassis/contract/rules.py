"""Reads the rule of a method: who may call it, how often, and for how long."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from google.protobuf.unknown_fields import UnknownFieldSet
from tenon.options.v1 import options_pb2

from services.chassis.contract.access import (
    ANY_WORKLOAD,
    DEFAULT_TIMEOUT,
    LEVELS,
    Access,
    Audit,
    Authenticated,
    Internal,
    Limit,
    Per,
    Permission,
    Public,
    Rule,
    StepUp,
)
from services.chassis.contract.problem import MEND_UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Collection

    from google.protobuf.descriptor_pb2 import MethodOptions
    from google.protobuf.duration_pb2 import Duration

    from services.chassis.contract.problem import Problems
    from services.chassis.contract.source import Element

NOBODY_MAY = Internal(callers=())
"""What a method gets whose rule cannot be read: nobody may call it."""

MESH_CLIENTS = ("edge", "cli")
"""Workloads of the mesh that are no services."""

SHORTEST_WINDOW = 0.05
"""Seconds: the shortest window that the edge's limiter takes."""

PERMISSION = re.compile(r"[a-z][a-zA-Z0-9_]*(\.[a-z][a-zA-Z0-9_]*){2}")
"""What a permission looks like: `service.resource.verb`."""

_PER = {
    options_pb2.PER_SUBJECT: Per.SUBJECT,
    options_pb2.PER_ADDRESS: Per.ADDRESS,
    options_pb2.PER_ORGANIZATION: Per.ORGANIZATION,
}
_AUDIT = {
    options_pb2.AUDIT_UNSPECIFIED: Audit.WRITES,
    options_pb2.AUDIT_NONE: Audit.NONE,
    options_pb2.AUDIT_WRITES: Audit.WRITES,
    options_pb2.AUDIT_ALL: Audit.ALL,
}


def read_rule(options: MethodOptions, element: Element, problems: Problems, *, services: Collection[str]) -> Rule:
    """Return the rule of a method; `services` are the names of the mesh's services."""
    if not options.HasExtension(options_pb2.rule):
        problems.add(
            element,
            "The method has no rule, so nobody can say who may call it",
            'Add `option (tenon.options.v1.rule) = {permission: "service.resource.verb"};`',
        )
        return Rule(access=NOBODY_MAY)
    rule = options.Extensions[options_pb2.rule]
    access = _read_access(rule, element, problems, services)
    _refuse_unknown(rule, element, problems)
    return Rule(
        access=access,
        limit=_read_limit(rule.limit, access, element, problems) if rule.HasField("limit") else None,
        timeout=_read_timeout(rule, element, problems),
        audit=_AUDIT.get(rule.audit, Audit.WRITES),
        step_up=_read_step_up(rule.step_up, access, element, problems) if rule.HasField("step_up") else None,
    )


def _read_access(rule: options_pb2.Rule, element: Element, problems: Problems, services: Collection[str]) -> Access:
    match rule.WhichOneof("access"):
        case "public":
            _require_reason(rule.public, "public", element, problems)
            return Public(reason=rule.public)
        case "authenticated":
            _require_reason(rule.authenticated, "authenticated", element, problems)
            return Authenticated(reason=rule.authenticated)
        case "permission":
            return _read_permission(rule.permission, element, problems)
        case "internal":
            return _read_internal(rule.internal, element, problems, services)
        case _:
            problems.add(
                element,
                "The rule does not say who may call",
                "Set exactly one of public, authenticated, permission and internal",
            )
            return NOBODY_MAY


def _require_reason(reason: str, name: str, element: Element, problems: Problems) -> None:
    if not reason.strip():
        problems.add(
            element,
            f"The rule is `{name}` and gives no reason",
            f'Say why no permission fits: `{name}: "<reason>"`',
        )


def _read_permission(name: str, element: Element, problems: Problems) -> Access:
    if not PERMISSION.fullmatch(name):
        problems.add(
            element,
            f"The permission {name!r} is not `service.resource.verb`",
            "Write three segments of letters, digits and underscores, each beginning with a small letter",
        )
        return NOBODY_MAY
    return Permission(name=name)


def _read_internal(
    internal: options_pb2.Internal, element: Element, problems: Problems, services: Collection[str]
) -> Internal:
    workloads = sorted({*services, *MESH_CLIENTS})
    if not internal.callers:
        problems.add(element, "The rule is internal and names no callers", 'Name them: `internal: {callers: ["auth"]}`')
    if ANY_WORKLOAD in internal.callers and len(internal.callers) > 1:
        problems.add(element, "The rule names every workload and others beside", 'Write `internal: {callers: ["*"]}`')
    for caller in internal.callers:
        if caller not in (*workloads, ANY_WORKLOAD):
            problems.add(
                element, f"The rule names the caller {caller!r}, which is no workload", f"Name one of {workloads}"
            )
    return Internal(callers=tuple(internal.callers))


def _read_step_up(step_up: options_pb2.StepUp, access: Access, element: Element, problems: Problems) -> StepUp:
    max_age = _seconds(step_up.max_age) if step_up.HasField("max_age") else None
    if isinstance(access, Public) or (isinstance(access, Internal) and access.callers):
        problems.add(
            element,
            "The rule asks for a step-up of callers who need not have signed in",
            "Say `authenticated` or `permission`, or remove `step_up`",
        )
    if not step_up.acr and max_age is None:
        problems.add(element, "The step-up asks for nothing", "Set `acr`, `max_age` or both, or remove `step_up`")
    if step_up.acr and step_up.acr not in LEVELS:
        problems.add(
            element, f"The step-up asks for {step_up.acr!r}, which is no level", f"Write one of {list(LEVELS)}"
        )
    if max_age is not None and max_age < 1:
        problems.add(element, f"The step-up's age of {max_age:g} s is shorter than 1 s", "Set `max_age` to 1 s or more")
    return StepUp(acr=step_up.acr if step_up.acr in LEVELS else LEVELS[-1] if step_up.acr else "", max_age=max_age)


def _refuse_unknown(rule: options_pb2.Rule, element: Element, problems: Problems) -> None:
    """Refuse what might guard something and is not known here: to ignore it would fail open."""
    parts = (rule, rule.limit, rule.internal, rule.step_up)
    if any(len(UnknownFieldSet(part)) for part in parts) or rule.audit not in _AUDIT:
        problems.add(
            element,
            "The rule has parts that this version of Tenon does not know",
            MEND_UNKNOWN,
        )


def _read_limit(limit: options_pb2.Limit, access: Access, element: Element, problems: Problems) -> Limit:
    window = _seconds(limit.window) if limit.HasField("window") else 1.0
    if not limit.requests:
        problems.add(element, "The limit allows no requests", "Set `requests` to 1 or more, or remove the limit")
    if window < SHORTEST_WINDOW:
        problems.add(
            element,
            f"The limit's window of {window:g} s is shorter than {SHORTEST_WINDOW:g} s",
            f"Set `window` to {SHORTEST_WINDOW:g} s or more, or leave it out for one second",
        )
    if isinstance(access, Internal) and access.callers:
        problems.add(element, "A limit on an internal method is not enforced", "Remove the limit")
    per = _PER.get(limit.per)
    if per is None:
        per = Per.ADDRESS if isinstance(access, Public) else Per.SUBJECT
    elif isinstance(access, Public) and per is not Per.ADDRESS:
        problems.add(
            element,
            f"The limit counts by {per.value}, and callers of a public method have none",
            "Say PER_ADDRESS",
        )
    return Limit(per=per, requests=limit.requests, window=window, burst=limit.burst or limit.requests)


def _read_timeout(rule: options_pb2.Rule, element: Element, problems: Problems) -> float:
    if not rule.HasField("timeout"):
        return DEFAULT_TIMEOUT
    timeout = _seconds(rule.timeout)
    if timeout <= 0:
        problems.add(
            element,
            f"The timeout of {timeout:g} s leaves no time",
            f"Set a positive timeout, or leave it out for {DEFAULT_TIMEOUT:g} s",
        )
    return timeout


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9
