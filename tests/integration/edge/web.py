"""A gRPC-Web client of a few lines."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.integration.edge.backend import SERVICE

if TYPE_CHECKING:
    from tests.integration.edge.rig import Edge


@dataclass(frozen=True, kw_only=True)
class WebAnswer:
    """What a gRPC-Web call came to."""

    http: int
    """The HTTP status."""
    status: int
    """The gRPC status."""
    answer: Any
    """The message, or None."""
    trailers: dict[str, str]
    """The trailers, wherever they were."""


def web_call(edge: Edge, method: str, headers: dict[str, str] | None = None, **fields: Any) -> WebAnswer:
    """Call one unary method by gRPC-Web (binary)."""
    message = edge.toy.ask(**fields).SerializeToString()
    response = edge.rest.post(
        f"/{SERVICE}/{method}",
        content=struct.pack(">BI", 0, len(message)) + message,
        headers={"content-type": "application/grpc-web+proto", "x-grpc-web": "1", **(headers or {})},
    )
    answer, trailers, rest = None, dict(response.headers), response.content
    while len(rest) >= 5:
        kind, length = struct.unpack(">BI", rest[:5])
        frame, rest = rest[5 : 5 + length], rest[5 + length :]
        if kind & 0x80:
            pairs = (line.split(":", 1) for line in frame.decode().splitlines() if ":" in line)
            trailers.update({name.strip().lower(): value.strip() for name, value in pairs})
        else:
            answer = edge.toy.answer.FromString(frame)
    return WebAnswer(
        http=response.status_code, status=int(trailers.get("grpc-status", -1)), answer=answer, trailers=trailers
    )
