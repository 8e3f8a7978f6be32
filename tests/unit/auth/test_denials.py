"""What the edge tells of calls that it has denied becomes events of the audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from starlette.applications import Starlette

from services.auth.http.denials import DENIALS_PATH, LONGEST_BODY, routes
from services.chassis.audit import AuditTrail
from services.chassis.contract import read_contract
from services.chassis.repository import REPOSITORY
from services.meshgen.envoy import denials as edge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.chassis.audit import AuditEvent

CONTRACT = read_contract(REPOSITORY / "gen" / "contract.binpb")
METHOD = "tenon.auth.v1.AuditService/ListAuditEvents"
NO_PERMISSION = "rbac_access_denied_matched_policy[none]"


class Kept:
    """Keeps events (port `Recorder`)."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []

    async def record(self, events: Sequence[AuditEvent]) -> None:
        self.events.extend(events)


async def tell(*records: dict[str, str], body: bytes | None = None) -> tuple[httpx.Response, list[AuditEvent]]:
    """Send log records as the edge does; return the answer, and what was written down."""
    kept, request = Kept(), ExportLogsServiceRequest()
    trail = AuditTrail(kept)
    scope = request.resource_logs.add().scope_logs.add()
    for record in records:
        log = scope.log_records.add(time_unix_nano=1_700_000_000_500_000_000)
        for key, value in record.items():
            log.attributes.add(key=key).value.string_value = value
    app = Starlette(routes=routes(trail, lambda: CONTRACT))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://auth") as client:
        answer = await client.post(DENIALS_PATH, content=request.SerializeToString() if body is None else body)
    await trail.flush()
    return answer, kept.events


def test_both_ends_mean_the_same_page() -> None:
    assert edge.DENIALS_PATH == DENIALS_PATH


async def test_a_denial_becomes_an_event_that_says_who_what_and_where() -> None:
    answer, events = await tell(
        {
            "method": METHOD,
            "details": NO_PERMISSION,
            "actor": "users/1",
            "organization": "acme",
            "session": "s",
            "client": "-",
            "address": "192.0.2.1",
            "agent": "curl\n",
            "request_id": "r",
            "secret": "never",
        }
    )
    assert answer.status_code == 200
    (event,) = events
    assert (event.kind, event.outcome, event.reason) == ("access.denied", "denied", "PERMISSION_MISSING")
    assert (event.actor, event.organization, event.session, event.client) == ("users/1", "acme", "s", "")
    assert (event.method, event.address, event.agent, event.request_id) == (f"/{METHOD}", "192.0.2.1", "curl", "r")
    assert event.detail == {"service": "edge", "permission": "auth.auditEvents.list"}
    assert event.time == 1_700_000_000.5


async def test_a_key_that_nobody_knows_is_an_event_and_a_proof_that_lacks_our_nonce_is_none() -> None:
    _, events = await tell(
        {"method": METHOD, "details": "ext_authz_denied", "credential": "Bearer tnk_"},
        {"method": METHOD, "details": "ext_authz_denied", "credential": "DPoP "},
    )
    (event,) = events
    assert (event.kind, event.reason) == ("token.refused", "API_KEY_INVALID")


async def test_denials_that_are_alike_are_one_event() -> None:
    _, events = await tell(*({"method": METHOD, "details": NO_PERMISSION, "request_id": str(n)} for n in range(500)))
    (event,) = events
    assert (event.request_id, event.detail["times"]) == ("0", "500")


async def test_what_is_no_method_of_the_contract_is_left_out() -> None:
    _, events = await tell({"method": "library.v1.Unknown/Get", "details": NO_PERMISSION}, {"details": NO_PERMISSION})
    assert events == []


@pytest.mark.parametrize(("body", "status"), [(b"\xff\xff", 400), (b"x" * (LONGEST_BODY + 1), 413)])
async def test_what_is_no_export_is_refused(body: bytes, status: int) -> None:
    answer, events = await tell(body=body)
    assert (answer.status_code, events) == (status, [])
