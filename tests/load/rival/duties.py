"""What a FastAPI service has to do itself to match ours: token, permission, trace and request log."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.jwk import KeySet
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Asgi = Callable[[Any, Any, Any], Awaitable[None]]


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int) -> None:
        """Take the HTTP status."""
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says, as far as it is used."""

    organization: str
    """The organization that the caller acts in."""
    permissions: frozenset[str]
    """The granted patterns."""
    expires: float
    """When the token ends, in seconds since 1970."""


class Tokens:
    """Checks tokens, and remembers those that were good, as ours does."""

    def __init__(self, jwks: Any, *, issuer: str, audience: str) -> None:
        """Take the issuer's keys, its name, and for whom tokens must be meant."""
        self._keys = KeySet.import_key_set(jwks)
        self._registry = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )
        self._known: dict[str, Claims] = {}

    def check(self, header: str | None) -> Claims:
        """Return what the token in an authorization header says; raises Refused."""
        if header is None or not header.startswith("Bearer "):
            raise Refused(401)
        token = header[7:]
        claims = self._known.get(token)
        if claims is None:
            claims = self._known[token] = self._verify(token)
        if claims.expires < time.time():
            raise Refused(401)
        return claims

    def _verify(self, token: str) -> Claims:
        try:
            claims = jwt.decode(token, self._keys, algorithms=["ES256"]).claims
            self._registry.validate(claims)
        except Exception as error:
            raise Refused(401) from error
        return Claims(
            organization=claims["org"], permissions=frozenset(claims["permissions"]), expires=float(claims["exp"])
        )


def allow(claims: Claims, permission: str) -> None:
    """Raise Refused where no granted pattern covers the permission."""
    service, resource, _ = permission.split(".")
    if claims.permissions.isdisjoint((permission, f"{service}.{resource}.*", f"{service}.*", "*")):
        raise Refused(403)


class Observed:
    """ASGI middleware with a span and a line of JSON for each request."""

    def __init__(self, app: Asgi) -> None:
        """Take the application within."""
        self._app = app
        # Sampled out, as ours is where nobody collects: a tenth of a thousandth of the calls is kept.
        provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(0.0001)))
        self._tracer = provider.get_tracer("rival")
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status = 500

        async def watch(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        parent = self._propagator.extract(headers)
        with self._tracer.start_as_current_span(scope["path"], context=parent, kind=trace.SpanKind.SERVER) as span:
            await self._app(scope, receive, watch)
            span.set_attribute("http.response.status_code", status)
        line = {
            "time": time.time(),
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "request_id": headers.get("x-request-id", ""),
            "seconds": round(time.perf_counter() - started, 6),
        }
        sys.stderr.write(json.dumps(line) + "\n")
