"""Every method of every contract that runs decides as the generated matrix says, at the edge and at the service."""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from services.auth.domain.revocations import of_session
from services.chassis.contract import REPOSITORY, Internal, Permission
from services.chassis.interceptors.caller import EDGE
from services.meshgen import matrix
from services.meshgen.matrix import NOWHERE, SERVED, Case, Decision
from tests.e2e.forging import forge_of
from tests.e2e.stack import DETAILS, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.chassis.contract import Method
    from tests.e2e.forging import Forge
    from tests.e2e.stack import Stack

REFUSALS = {
    "AUDIENCE_MISMATCH",
    "PERMISSION_DENIED",
    "PERMISSION_MISSING",
    "PROOF_MISSING",
    "STEP_UP_REQUIRED",
    "TOKEN_EXPIRED",
    "TOKEN_INVALID",
    "TOKEN_MISSING",
    "TOKEN_REVOKED",
    "UNAUTHENTICATED",
    "WORKLOAD_NOT_ALLOWED",
}
"""Reasons by which a rule refuses; any other answer comes from behind it."""

EDGE_REASONS = {"UNAUTHENTICATED", "PERMISSION_DENIED", "STEP_UP_REQUIRED"}
LONG_AGO = 1_000_000_000
AT_ONCE = 8
"""Calls under way together."""

SESSION = "matrix-revoked"


@dataclass(kw_only=True)
class Callers:
    """One caller of each kind, for one method at a time."""

    forge: Forge
    """Signs their tokens."""
    hosts: tuple[str, ...]
    """The services."""
    tokens: dict[tuple[Case, str], str] = field(default_factory=dict, repr=False)
    """Tokens that were signed, by the case and by what is lacking."""

    def token(self, case: Case, method: Method) -> str | None:
        """Return the token of a caller of that kind, or None where there is none."""
        if case in {Case.NO_TOKEN, Case.STRANGER, Case.NAMED}:
            return None
        access = method.rule.access
        lacking = access.name if case is Case.LACKING and isinstance(access, Permission) else ""
        known = self.tokens.get((case, lacking))
        if known is None:
            known = self.tokens[case, lacking] = self._sign(case, lacking)
        return known

    def workload(self, case: Case, method: Method) -> str:
        """Return under whose certificate the caller calls past the edge, or nothing where nobody could."""
        if case not in {Case.STRANGER, Case.NAMED}:
            return EDGE
        workloads = ("cli", *self.hosts)
        access = method.rule.access
        named = access.callers if isinstance(access, Internal) and not access.any_workload else ()
        if isinstance(access, Internal) and access.any_workload:
            return workloads[0]
        fitting = [name for name in workloads if (name in named) is (case is Case.NAMED)]
        return next(iter(fitting), "") if isinstance(access, Internal) else workloads[0]

    def _sign(self, case: Case, lacking: str) -> str:
        now = int(time.time())
        # Each has an organization and a name of its own, so that none is limited for another.
        slug = case.name.lower().replace("_", "-")
        claims: dict[str, Any] = {"sub": f"users/{slug}", "org": f"org-{slug}", "acr": "aal3", "auth_time": now}
        differing: dict[Case, dict[str, Any]] = {
            Case.ADMINISTRATOR: {"org": "default"},
            Case.EXPIRED: {"exp": now - 60, "iat": now - 600, "nbf": now - 600},
            Case.AUDIENCE: {"aud": "somebody-else"},
            Case.ISSUER: {"iss": "https://evil.example"},
            Case.BOUND: {"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}},
            Case.REVOKED: {"sid": SESSION},
            Case.WEAK: {"acr": "aal1"},
            Case.OLD: {"auth_time": LONG_AGO},
            Case.MACHINE: {"sub": "serviceAccounts/machine", "acr": None, "auth_time": None},
        }
        claims |= differing.get(case, {})
        if case is Case.MEMBER:
            return self.forge.token(**claims)
        return self.forge.token(*(near_misses(lacking) if case is Case.LACKING else ("*",)), **claims)


def near_misses(permission: str) -> tuple[str, ...]:
    """Return patterns that look as if they granted a permission."""
    if not permission:
        return ("nothing.at.all",)
    service, resource, verb = permission.split(".")
    return (
        *(f"{permission}x", permission[:-1], f"{service}.{resource}.{verb.upper()}x", f"{permission}.*"),
        *(f"{service}.{resource}x.*", f"{service}.{resource[:-1]}.*", f"{service}x.*", f"{service}", "**", "*.*"),
        *(f"*.{resource}.{verb}", f"{service}.*.{verb}", ""),
    )


@pytest.fixture(scope="module")
def callers(stack: Stack) -> Callers:
    """Callers of all kinds, the session of one of whom has ended everywhere by now."""
    forge, contract = forge_of(stack), stack.contract()
    made = Callers(forge=forge, hosts=contract.hosts)
    forge.revoke(of_session(SESSION))
    for host in contract.hosts:
        method = next(m for m in contract.methods.values() if m.host == host and isinstance(m.rule.access, Permission))
        for number in range(len(stack.endpoints(host))):
            await_revoked(stack, host, number, method, made.token(Case.REVOKED, method))
    return made


def await_revoked(stack: Stack, host: str, number: int, method: Method, token: str | None) -> None:
    end = time.monotonic() + 5
    with stack.direct(host, EDGE, number=number) as channel:
        while outcome(channel, method, token) != "TOKEN_REVOKED":
            assert time.monotonic() < end, f"{host}-{number} takes a token that was revoked 5 s ago"


def outcome(channel: grpc.Channel, method: Method, token: str | None) -> str:
    """Call the method with an empty request, and return by what reason its rule refuses, or `served`."""
    error = failure(channel, method, token)
    if error is None:
        return SERVED
    details = dict(error.trailing_metadata() or ()).get(DETAILS)
    if details is None:
        assert error.code() not in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}, method.path
        assert error.code() is not grpc.StatusCode.UNAVAILABLE, (method.path, error.details())
        return SERVED
    reason = reason_of(details)
    return reason if reason in REFUSALS else SERVED


def failure(channel: grpc.Channel, method: Method, token: str | None) -> Any:
    """Call the method with an empty request and return its error, if any; of a stream the first message will do."""
    metadata = () if token is None else (("authorization", f"Bearer {token}"),)
    if not method.server_streaming:
        return channel.unary_unary(method.path, bytes, bytes).future(b"", metadata=metadata, timeout=20).exception()
    stream: Any = channel.unary_stream(method.path, bytes, bytes)(b"", metadata=metadata, timeout=20)
    try:
        next(stream, None)
    except grpc.RpcError as error:
        return error
    stream.cancel()
    return None


def decisions(stack: Stack) -> dict[tuple[str, Case], Decision]:
    return matrix.read(matrix.generate(stack.contract())[matrix.FILE])


def differing(
    stack: Stack, callers: Callers, expected: dict[tuple[str, Case], Decision], channels: dict[str, grpc.Channel] | None
) -> dict[tuple[str, str], tuple[str, str]]:
    """Call every method as every caller, and return what was expected and what came, where they differ.

    `channels` lead past the edge, by the service and the workload; None goes through it.
    """
    methods = stack.contract().methods
    edge = stack.channel()

    def attempt(item: tuple[tuple[str, Case], Decision]) -> tuple[str, str, str, str] | None:
        (path, case), decision = item
        method = methods[path]
        token = callers.token(case, method)
        if channels is None:
            channel, wanted = edge, decision.edge
        else:
            workload = callers.workload(case, method)
            if not workload:
                return None
            channel, wanted = channels[f"{method.host} {workload}"], decision.service
        if wanted == NOWHERE:
            return None
        came = outcome(channel, method, token)
        return None if came == wanted else (path, case.value, wanted, came)

    with edge, ThreadPoolExecutor(AT_ONCE) as pool:
        found = [one for one in pool.map(attempt, expected.items()) if one is not None]
    return {(path, case): (wanted, came) for path, case, wanted, came in found}


@pytest.fixture(scope="module")
def past_the_edge(stack: Stack) -> Iterator[dict[str, grpc.Channel]]:
    """A channel to each service under the certificate of each workload."""
    hosts = stack.contract().hosts
    channels = {f"{host} {who}": stack.direct(host, who) for host in hosts for who in (EDGE, "cli", *hosts)}
    yield channels
    for channel in channels.values():
        channel.close()


def test_every_method_is_decided_for_every_caller(stack: Stack) -> None:
    expected = decisions(stack)
    assert expected.keys() == {(path, case) for path in stack.contract().methods for case in Case}
    committed = matrix.read((REPOSITORY / "gen" / matrix.FILE).read_text())
    assert committed.items() <= expected.items()


def test_the_edge_decides_as_the_matrix_says(stack: Stack, callers: Callers) -> None:
    """Auth statements 22, 41, 46 and 47, for every RPC: deny by default."""
    assert differing(stack, callers, decisions(stack), None) == {}


def test_a_service_that_is_called_directly_decides_as_the_matrix_says(
    stack: Stack, callers: Callers, past_the_edge: dict[str, grpc.Channel]
) -> None:
    """Auth statements 22, 41, 46 and 47, at the service itself: nobody trusts the edge alone."""
    assert differing(stack, callers, decisions(stack), past_the_edge) == {}


def test_what_the_edge_can_decide_it_does_not_leave_to_the_service(stack: Stack, callers: Callers) -> None:
    """The edge denies before a service is bothered: the reasons are its own."""
    seen: dict[Case, set[str]] = defaultdict(set)
    for (_, case), decision in decisions(stack).items():
        seen[case].add(decision.edge)
    for case in (Case.NO_TOKEN, Case.EXPIRED, Case.AUDIENCE, Case.ISSUER, Case.MEMBER, Case.LACKING, Case.WEAK):
        assert seen[case] <= {*EDGE_REASONS, SERVED}
    weak = next(m for m in stack.contract().methods.values() if m.rule.step_up is not None and m.rule.step_up.acr)
    with stack.channel() as channel:
        error = failure(channel, weak, callers.token(Case.WEAK, weak))
    assert error.details() == "This method needs a stronger or a more recent sign-in."


def test_a_service_takes_nobody_without_a_certificate_of_the_mesh(stack: Stack) -> None:
    for process in stack.status()["processes"]:
        if process["name"].split("-")[0] not in stack.contract().hosts:
            continue
        with grpc.insecure_channel(process["endpoint"]) as channel, pytest.raises(grpc.FutureTimeoutError):
            grpc.channel_ready_future(channel).result(timeout=2)
