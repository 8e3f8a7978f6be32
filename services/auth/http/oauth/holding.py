"""Takes proofs of keys at the endpoints of OAuth (RFC 9449 §5, §7.1, §8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.errors import DpopNonceNeeded, DpopProofInvalid
from services.auth.domain.oauth.dpop import ALGORITHMS
from services.auth.domain.oauth.refusals import OAuthError

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.auth.domain.oauth.dpop import ProofVerifier

HEADER = "dpop"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProofHolding:
    """Verifies the one proof of a request (port `Holding`)."""

    proofs: ProofVerifier
    """Verifies it."""
    issuer: str
    """The address that clients know us by: what a proof is made for, whatever the edge has made of the request."""
    needs_nonce: bool = False
    """Whether a proof that asks for a token needs one of our nonces."""

    async def prove(self, request: Request, *, token: str = "") -> str:
        """Return the thumbprint of the key that is proven, or nothing where no proof was sent. Raises `OAuthError`."""
        proofs = request.headers.getlist(HEADER)
        if not proofs:
            return ""
        try:
            return await self.proofs.verify_proof(
                # Of several none counts (§4.3).
                proofs[0] if len(proofs) == 1 else "",
                method=request.method,
                url=self.issuer + request.url.path,
                access_token=token or None,
                needs_nonce=self.needs_nonce and not token,
            )
        except DpopNonceNeeded as error:
            raise _refusal("use_dpop_nonce", error.message, token, {"dpop-nonce": error.nonce}) from error
        except DpopProofInvalid as error:
            raise _refusal("invalid_dpop_proof", error.message, token, {}) from error


def _refusal(code: str, description: str, token: str, headers: dict[str, str]) -> OAuthError:
    """Return a refusal: of a resource by 401 and a challenge, of a token by 400 (§5, §7.1)."""
    if not token:
        return OAuthError(code, description, headers=headers)
    challenge = f'DPoP error="{code}", algs="{" ".join(ALGORITHMS)}"'
    return OAuthError(code, description, status=401, headers={**headers, "www-authenticate": challenge})
