"""The authorization matrix: what becomes of each kind of caller at each RPC, at the edge and at the service itself.

It is decided by the rule alone, and by nothing of what enforces the rule: the tests hold both against each other.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.chassis.contract import LEVELS, Authenticated, Internal, Permission, Public

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.chassis.contract import Contract, Method

SERVED = "served"
"""The caller is let in; what the method then answers is its own matter."""

NOWHERE = "-"
"""There is no such caller at that place."""

FILE = "matrix.tsv"

_HEAD = """\
# Generated from the contract by `make gen`. Edits are lost.
# What becomes of each kind of caller at each RPC: at the edge / at the service. A reason says by what it is refused.
"""


class Case(enum.Enum):
    """A kind of caller."""

    NO_TOKEN = "no token"  # noqa: S105 - a kind of caller
    """Nobody, through the edge or with the edge's certificate."""
    EXPIRED = "expired"
    """A token of ours that has expired."""
    AUDIENCE = "wrong audience"
    """A token of ours for somebody else."""
    ISSUER = "wrong issuer"
    """A token that names another issuer, signed by our key."""
    BOUND = "bound token"
    """A token that is bound to a key, without the proof of it."""
    REVOKED = "revoked"
    """A token of a session that has ended."""
    ADMINISTRATOR = "administrator"
    """Who holds `*`, signed in a moment ago at the highest level."""
    FOREIGNER = "other organization"
    """The same in another organization: let in, to the rows of that one."""
    MEMBER = "member"
    """Who holds no permission, signed in a moment ago at the highest level."""
    LACKING = "missing permission"
    """Who holds permissions that look like the one that is needed."""
    WEAK = "stale acr"
    """An administrator who has signed in at the lowest level."""
    OLD = "stale sign-in"
    """An administrator who has signed in strongly, and long ago."""
    MACHINE = "no sign-in"
    """A service account that holds `*`: no person has signed in for it."""
    STRANGER = "workload not allowed"
    """A process of the mesh that no rule names."""
    NAMED = "workload allowed"
    """A process of the mesh that the rule names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What becomes of a caller."""

    edge: str
    """At the edge, or behind it: `served`, the reason of the refusal, or `-`."""
    service: str
    """At the service itself, past the edge."""

    def __str__(self) -> str:
        """Return both as a cell of the table."""
        return f"{self.edge} / {self.service}"


def decide(method: Method) -> dict[Case, Decision]:
    """Return what becomes of every kind of caller at an RPC."""
    match method.rule.access:
        case Public():
            return {case: _public(case) for case in Case}
        case Internal():
            return _internal(method)
        case Authenticated() | Permission():
            return _guarded(method)


def generate(contract: Contract) -> dict[str, str]:
    """Return the table of a whole contract, a line for each RPC."""
    methods = [method for _, method in sorted(contract.methods.items())]
    rows = [("method", "rule", *(case.value for case in Case)), *(_row(method) for method in methods)]
    return {FILE: _HEAD + "".join("\t".join(row) + "\n" for row in rows)}


def read(text: str) -> dict[tuple[str, Case], Decision]:
    """Return the decisions of a written table, by the RPC's path and the case."""
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    cases = [Case(name) for name in lines[0][2:]]
    return {
        (line[0], case): Decision(edge=cell.partition(" / ")[0], service=cell.partition(" / ")[2])
        for line in lines[1:]
        for case, cell in zip(cases, line[2:], strict=True)
    }


def _row(method: Method) -> Iterable[str]:
    return (method.path, _rule_in_words(method), *(str(decision) for decision in decide(method).values()))


def _rule_in_words(method: Method) -> str:
    match method.rule.access:
        case Public():
            words = "public"
        case Authenticated():
            words = "authenticated"
        case Permission(name=name):
            words = name
        case Internal(callers=callers):
            words = f"internal: {', '.join(sorted(callers))}"
    step_up = method.rule.step_up
    if step_up is None:
        return words
    age = "" if step_up.max_age is None else f" within {step_up.max_age:g} s"
    return f"{words}, {step_up.acr or 'any sign-in'}{age}"


def _public(case: Case) -> Decision:
    """Return what becomes of somebody at a method for all: a token that is not good is not even looked at."""
    return Decision(edge=NOWHERE if case in _WORKLOADS else SERVED, service=SERVED)


_WORKLOADS = (Case.STRANGER, Case.NAMED)

_BAD_TOKENS = {
    Case.EXPIRED: Decision(edge="UNAUTHENTICATED", service="TOKEN_EXPIRED"),
    Case.AUDIENCE: Decision(edge="PERMISSION_DENIED", service="AUDIENCE_MISMATCH"),
    Case.ISSUER: Decision(edge="UNAUTHENTICATED", service="TOKEN_INVALID"),
}
"""Tokens that nobody takes, whatever the rule is."""


def _internal(method: Method) -> dict[Case, Decision]:
    """Return what becomes of each at a method that has no route: the edge denies whoever has shown a good token."""
    access = method.rule.access
    assert isinstance(access, Internal)  # noqa: S101 - it was matched
    denied = Decision(edge="PERMISSION_DENIED", service="WORKLOAD_NOT_ALLOWED")
    stranger = SERVED if access.any_workload else "WORKLOAD_NOT_ALLOWED"
    return dict.fromkeys(Case, denied) | {
        **_BAD_TOKENS,
        Case.NO_TOKEN: Decision(edge="UNAUTHENTICATED", service="WORKLOAD_NOT_ALLOWED"),
        Case.BOUND: Decision(edge="PERMISSION_DENIED", service="PROOF_MISSING"),
        Case.REVOKED: Decision(edge="PERMISSION_DENIED", service="TOKEN_REVOKED"),
        Case.STRANGER: Decision(edge=NOWHERE, service=stranger),
        Case.NAMED: Decision(edge=NOWHERE, service=SERVED),
    }


def _guarded(method: Method) -> dict[Case, Decision]:
    """Return what becomes of each at a method that needs a token."""
    served = Decision(edge=SERVED, service=SERVED)
    unpermitted = Decision(edge="PERMISSION_DENIED", service="PERMISSION_MISSING")
    alone = Decision(edge=NOWHERE, service="WORKLOAD_NOT_ALLOWED")
    stepping = Decision(edge="STEP_UP_REQUIRED", service="STEP_UP_REQUIRED")
    lacking = unpermitted if isinstance(method.rule.access, Permission) else served
    step_up = method.rule.step_up
    return dict.fromkeys(Case, served) | {
        **_BAD_TOKENS,
        Case.NO_TOKEN: Decision(edge="UNAUTHENTICATED", service="TOKEN_MISSING"),
        # These are good tokens at the edge: it is the service behind it that refuses them.
        Case.BOUND: Decision(edge="PROOF_MISSING", service="PROOF_MISSING"),
        Case.REVOKED: Decision(edge="TOKEN_REVOKED", service="TOKEN_REVOKED"),
        Case.MEMBER: lacking,
        Case.LACKING: lacking,
        Case.WEAK: stepping if step_up is not None and step_up.acr not in {"", LEVELS[0]} else served,
        Case.OLD: stepping if step_up is not None and step_up.max_age is not None else served,
        Case.MACHINE: served if step_up is None else stepping,
        Case.STRANGER: alone,
        Case.NAMED: alone,
    }
