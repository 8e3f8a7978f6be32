"""Takes from the edge the calls that it has denied itself, and has them written down in the audit trail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from starlette.responses import Response
from starlette.routing import Route

from services.auth.domain.denials import Denial, explain, fold, is_protocol
from services.chassis.audit import AuditEvent
from services.chassis.contract import Permission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from starlette.requests import Request

    from services.chassis.audit import AuditTrail
    from services.chassis.contract import Contract

DENIALS_PATH = "/internal/denials"
"""Where the edge tells of them (OTLP/HTTP in protobuf), and nobody from outside can: it has no route to here."""

EDGE = "edge"
LONGEST_BODY = 4 * 1024 * 1024
LONGEST_TEXT = 200
_NOTHING = "-"  # how Envoy writes a value that is not there
_FIELDS = frozenset(Denial.__dataclass_fields__) - {"time"}
_TYPE = "application/x-protobuf"


def routes(trail: AuditTrail, contract: Callable[[], Contract]) -> tuple[Route, ...]:
    """Return the page that takes them. It answers before they are written down: the edge sends nothing twice."""

    async def take(request: Request) -> Response:
        # What the edge gathers is a small part of this; uvicorn reads no further than we ask.
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > LONGEST_BODY:
                return Response(status_code=413)
        try:
            sent = ExportLogsServiceRequest.FromString(bytes(body))
        except DecodeError:
            return Response("This is no export of log records.\n", status_code=400, media_type="text/plain")
        known = contract()
        for denial, times in fold(one for one in _read(sent) if one.method in known.methods and not is_protocol(one)):
            trail.write(_event(denial, times, known))
        return Response(b"", media_type=_TYPE)  # an empty message: all were taken

    return (Route(DENIALS_PATH, take, methods=["POST"]),)


def _read(sent: ExportLogsServiceRequest) -> Iterator[Denial]:
    for resource in sent.resource_logs:
        for scope in resource.scope_logs:
            yield from map(_denial, scope.log_records)


def _denial(record: LogRecord) -> Denial:
    told = {each.key: _plain(each.value.string_value) for each in record.attributes if each.key in _FIELDS}
    told["method"] = f"/{told.get('method', '')}"
    time = datetime.fromtimestamp(record.time_unix_nano / 1e9, UTC)
    return Denial(time=time, **{"details": "", **told})


def _event(denial: Denial, times: int, contract: Contract) -> AuditEvent:
    kind, reason = explain(denial.details)
    access = contract.methods[denial.method].rule.access
    detail = {"service": EDGE} | ({"times": str(times)} if times > 1 else {})
    if reason == "PERMISSION_MISSING" and isinstance(access, Permission):
        detail["permission"] = access.name
    return AuditEvent(
        kind=kind,
        outcome="denied",
        method=denial.method,
        reason=reason,
        organization=denial.organization,
        actor=denial.actor,
        session=denial.session,
        client=denial.client,
        level=denial.level,
        address=denial.address,
        agent=denial.agent,
        request_id=denial.request_id,
        detail=detail,
        time=denial.time.timestamp(),
    )


def _plain(text: str) -> str:
    """Return a text as the trail takes it."""
    return "" if text == _NOTHING else "".join(filter(str.isprintable, text))[:LONGEST_TEXT]
