"""Wires service accounts, API keys, and the exchange of these and of bound tokens at the edge."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from services.auth.domain.api_keys import ApiKeys
from services.auth.domain.exchanging import KeyExchange, ProofExchange, Remembered
from services.auth.domain.oauth.dpop import ProofVerifier
from services.auth.http.exchange import routes
from services.auth.http.keys import render_jwks
from services.auth.servicer.api_keys import ApiKeyServicer
from services.auth.servicer.service_accounts import ServiceAccountServicer
from services.auth.storage import throttle
from services.auth.storage.api_keys import SqlApiKeys
from services.auth.storage.bound_tokens import JwtBoundTokens
from services.auth.storage.dpop import JoseProofReader, RedisReplays, SealedNonces
from services.auth.wiring.audit import audit_of
from services.auth.wiring.part import Part
from services.chassis.errors import TenonError
from services.chassis.jwks import Jwks
from services.chassis.tokens import TokenVerifier
from services.records.reading.pages import PageTokens

if TYPE_CHECKING:
    from services.auth.domain.api_keys import ApiKeyStore
    from services.auth.domain.exchanging import Uses
    from services.auth.wiring.kit import Kit
    from services.chassis.frame import Task

PERIOD = 5.0
"""Seconds after which it is written down that a key was used."""

_log = logging.getLogger(__name__)


def proof_verifier_of(kit: Kit) -> tuple[ProofVerifier, Task]:
    """Return what verifies proofs of possession (RFC 9449), and the task that ends its connections."""
    redis = throttle.connect(kit.frame.settings.redis_url)

    async def close() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await redis.aclose()

    nonces = SealedNonces(kit.frame.keyring.sealer("auth dpop nonce"))
    return ProofVerifier(reader=JoseProofReader(), replays=RedisReplays(redis, "dpop"), nonces=nonces), close


def wire(kit: Kit) -> Part:
    """Serve service accounts and keys, and exchange credentials for the edge."""
    storage = kit.storage
    kept, audit = SqlApiKeys(storage.database), audit_of(kit)
    keys = ApiKeys(
        kept=kept,
        directory=storage.directory,
        revocations=storage.revocations,
        changes=storage.database,
        audit=audit,
    )
    exchange = KeyExchange(
        kept=kept,
        directory=storage.directory,
        tokens=storage.tokens,
        audit=audit,
        remembered=Remembered(revoked=kit.revoked),
    )
    proofs, proof_tasks = _proofs(kit)
    return Part(
        servicers={
            "tenon.auth.v1.ApiKeyService": ApiKeyServicer(keys=keys, tokens=PageTokens(kit.frame.keyring)),
            "tenon.auth.v1.ServiceAccountService": ServiceAccountServicer(records=kit.records, grants=kit.grants),
        },
        routes=routes(exchange, proofs, kit.frame.settings.issuer),
        tasks=(*proof_tasks, lambda: _note_uses(kept, exchange.uses)),
    )


def _proofs(kit: Kit) -> tuple[ProofExchange, tuple[Task, ...]]:
    settings = kit.frame.settings
    own_keys = Jwks(fetch=lambda: render_jwks(kit.storage.published))
    verifier = TokenVerifier(keys=own_keys, revoked=kit.revoked, issuer=settings.issuer, audience=settings.audience)
    proofs, close = proof_verifier_of(kit)
    bound = JwtBoundTokens(verifier, kit.storage.tokens)
    exchange = ProofExchange(bound=bound, proofs=proofs, remembered=Remembered(revoked=kit.revoked))
    return exchange, (own_keys.run, close)


async def _note_uses(kept: ApiKeyStore, uses: Uses) -> None:
    """Write down which keys were used, until cancelled, and once more then."""
    try:
        while True:
            await asyncio.sleep(PERIOD)
            await _note(kept, uses)
    finally:
        with contextlib.suppress(TenonError):
            await asyncio.shield(_note(kept, uses))


async def _note(kept: ApiKeyStore, uses: Uses) -> None:
    if used := uses.take():
        try:
            await kept.note_used(used)
        except TenonError as error:
            _log.warning("that API keys were used is not written down: %s", error.message)
