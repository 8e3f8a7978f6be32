"""Finds out who calls: by the token, and by the certificate of the peer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from services.chassis.call import NOBODY, Caller, CallerKind
from services.chassis.contract import Public
from services.chassis.errors import TenonError
from services.chassis.live_streams import LiveStreams
from services.chassis.tokens import TokenRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from services.chassis.call import Call
    from services.chassis.tokens import Claims
    from services.chassis.transport.handlers import Handler, Stream, Unary

EDGE = "edge"
"""The workload that calls for others and never for itself."""

_BEARER = "bearer "
_KEPT = 4096


class AuthorizationMalformed(TokenRefused):
    """The header is there, and is no bearer token (RFC 6750 §2.1)."""

    reason = "TOKEN_INVALID"
    challenge = 'Bearer error="invalid_request"'


class ProofMissing(TokenRefused):
    """The token is bound to a key, and nobody has proven to hold it (RFC 9449 §7.2)."""

    reason = "PROOF_MISSING"
    challenge = 'DPoP error="invalid_token"'


class Verifier(Protocol):
    """Checks tokens. The real one is `chassis.tokens.TokenVerifier`."""

    async def verify(self, token: str) -> Claims:
        """Return the claims of a valid token, or raise `Unauthenticated` or `PermissionDenied`."""


class CallerInterceptor:
    """Fills in `call.caller` and `call.token`. It refuses bad tokens; whether none will do is the rule's matter.

    A public method ignores a token that does not verify: whoever refreshes or signs out often sends a stale one along,
    and the edge strips it there too.
    """

    name = "caller"
    after = ("errors", "telemetry")

    def __init__(self, verifier: Verifier, *, trust_domain: str, namespace: str = "tenon", period: float = 1.0) -> None:
        """Take what checks tokens, and the trust domain and the namespace whose workloads are believed.

        `period` is in seconds: so often it is looked whether the tokens of streams are still good.
        """
        self._verifier = verifier
        self._live = LiveStreams(verifier, period=period)
        self._prefix = f"spiffe://{trust_domain}/ns/{namespace}/sa/"
        self._workloads: dict[str, Caller] = {}
        self._callers: dict[int, tuple[Claims, Caller]] = {}

    def unary(self, handler: Handler, proceed: Unary) -> Unary:
        """Identify the caller of a call."""
        identify = self._bind(handler)

        async def run(request: Any, call: Call) -> Any:
            await identify(call)
            return await proceed(request, call)

        return run

    def stream(self, handler: Handler, proceed: Stream) -> Stream:
        """Identify the caller of a stream, and end the stream where the caller's token is taken back meanwhile."""
        identify = self._bind(handler)

        async def run(request: Any, call: Call) -> AsyncIterator[Any]:
            await identify(call)
            responses: Any = proceed(request, call)
            with self._live.holding(call.token) as held:
                try:
                    async for response in responses:
                        yield response
                except asyncio.CancelledError as error:
                    if held.refusal is None:
                        raise
                    if held.task is not None:
                        held.task.uncancel()
                    raise held.refusal from error
                finally:
                    await responses.aclose()

        return run

    def _bind(self, handler: Handler) -> Callable[[Call], Awaitable[None]]:
        return self._identify_leniently if isinstance(handler.method.rule.access, Public) else self._identify

    async def _identify_leniently(self, call: Call) -> None:
        try:
            await self._identify(call)
        except TenonError:
            call.caller = self._workload(call.peer)

    async def _identify(self, call: Call) -> None:
        header = call.metadata.get("authorization")
        workload = self._workload(call.peer)
        if header is None:
            call.caller = workload
            return
        if header[:7].lower() != _BEARER:
            raise AuthorizationMalformed("The authorization header is not `Bearer` and a token.")
        token = header[7:].strip()
        claims = await self._verifier.verify(token)
        if claims.confirmation:
            # The edge exchanges it, once its proof is checked, for one that is not bound: whoever brings it here has
            # stolen it on the way.
            refusal = ProofMissing(
                "The access token is bound to a key. Send it to the edge, with its proof (RFC 9449)."
            )
            refusal.claims = claims
            raise refusal
        call.caller = self._claimant(claims, workload.workload)
        call.token, call.valid_until = token, claims.expires

    def _claimant(self, claims: Claims, workload: str) -> Caller:
        """Return the caller that a token makes, the same one for as long as the verifier gives the same claims."""
        known, caller = self._callers.get(id(claims), (None, NOBODY))
        if known is claims and caller.workload == workload:
            return caller
        subject = claims.subject
        caller = Caller(
            kind=CallerKind.SERVICE_ACCOUNT if subject.startswith("serviceAccounts/") else CallerKind.USER,
            subject=subject,
            organization=claims.organization,
            permissions=frozenset(claims.permissions),
            workload=workload,
            session=claims.session,
            client=claims.client,
            grant=claims.grant,
            scope=claims.scope,
            acr=claims.acr,
            authenticated=claims.authenticated,
        )
        if len(self._callers) >= _KEPT:
            self._callers.clear()
        self._callers[id(claims)] = claims, caller
        return caller

    def _workload(self, peer: str) -> Caller:
        """Return the caller that a certificate alone makes, kept per peer since there are few."""
        if not peer:
            return NOBODY
        caller = self._workloads.get(peer)
        if caller is None:
            caller = self._workloads[peer] = self._read_peer(peer)
        return caller

    def _read_peer(self, peer: str) -> Caller:
        """Read `spiffe://<trust domain>/ns/<namespace>/sa/<name>`; whoever is of elsewhere is nobody."""
        name = peer.removeprefix(self._prefix)
        if name in {peer, ""} or "/" in name:
            return NOBODY
        return Caller(kind=CallerKind.NOBODY if name == EDGE else CallerKind.WORKLOAD, workload=name)
