"""Wires the proofs of keys that tokens are bound to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.oauth.dpop import ALGORITHMS
from services.auth.http.oauth.holding import ProofHolding
from services.auth.wiring.machines import proof_verifier_of
from services.auth.wiring.oauth_parts import Extension

if TYPE_CHECKING:
    from services.auth.wiring.oauth_parts import Parts


def extend(parts: Parts) -> Extension:
    """Take proofs, and say so."""
    kit = parts.kit
    proofs, close = proof_verifier_of(kit)
    holding = ProofHolding(proofs=proofs, issuer=kit.frame.settings.issuer, needs_nonce=kit.settings.dpop_nonces)
    return Extension(holding=holding, metadata={"dpop_signing_alg_values_supported": list(ALGORITHMS)}, tasks=(close,))
