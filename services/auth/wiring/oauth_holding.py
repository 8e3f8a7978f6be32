"""Wires the proofs of keys that tokens are bound to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.oauth.dpop import ALGORITHMS, ProofVerifier
from services.auth.http.oauth.holding import ProofHolding
from services.auth.storage.dpop import JoseProofReader, RedisReplays, SealedNonces
from services.auth.wiring.oauth_parts import Extension

if TYPE_CHECKING:
    from services.auth.wiring.oauth_parts import Parts


def extend(parts: Parts) -> Extension:
    """Take proofs, and say so. What was used, and our nonces, are the same at the edge."""
    kit = parts.kit
    proofs = ProofVerifier(
        reader=JoseProofReader(),
        replays=RedisReplays(kit.storage.redis, "dpop"),
        nonces=SealedNonces(kit.frame.keyring.sealer("auth dpop nonce")),
    )
    holding = ProofHolding(proofs=proofs, issuer=kit.frame.settings.issuer, needs_nonce=kit.settings.dpop_nonces)
    return Extension(holding=holding, metadata={"dpop_signing_alg_values_supported": list(ALGORITHMS)})
