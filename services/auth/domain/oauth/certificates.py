"""How a workload of the mesh proves which client it is by its certificate (RFC 8705 §2.1.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.auth.domain.oauth.authenticating import Presented
    from services.auth.domain.oauth.clients import Client

EDGE = "/sa/edge"
"""What the identity of the edge ends with, by which anybody on the internet comes in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateAuthenticator:
    """Compares the identity that a certificate has proven with the one that a client is registered for."""

    async def proves(self, client: Client, presented: Presented) -> bool:
        """Whether the other end of the connection is the client's workload; whoever comes by the edge is nobody's."""
        shown = presented.certificate
        if not shown or shown.endswith(EDGE) or presented.secret or presented.assertion:
            return False
        return shown == client.certificate_uri
