"""Serves ConsentService."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenon.auth.v1 import consent_pb2
from tenon.auth.v1 import consent_service_pb2 as pb

from services.auth.domain.audit import AuditEntry
from services.auth.domain.errors import ConsentUnknown
from services.auth.domain.oauth.clients import NAME

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from services.auth.domain.audit import Audit
    from services.auth.domain.oauth.consents import Consent, Consents
    from services.chassis.call import Call


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentServicer:
    """Shows callers their own consents."""

    consents: Consents
    """Where they are kept."""
    audit: Audit
    """Where it is written down who has changed their mind."""
    clock: Callable[[], datetime]
    """Now, with its time zone."""

    async def ListConsents(self, request: pb.ListConsentsRequest, call: Call) -> pb.ListConsentsResponse:
        """Return all that the caller has agreed to."""
        del request
        found = await self.consents.list(call.caller.organization, call.caller.subject)
        return pb.ListConsentsResponse(consents=[_message(consent) for consent in found])

    async def RevokeConsent(self, request: pb.RevokeConsentRequest, call: Call) -> pb.RevokeConsentResponse:
        """Take one back."""
        caller, client = call.caller, request.client_id
        if not await self.consents.revoke(caller.organization, caller.subject, client, now=self.clock()):
            raise ConsentUnknown(client)
        entry = AuditEntry(
            kind="consent.revoked",
            organization=caller.organization,
            actor=caller.subject,
            subject=f"{NAME}{client}",
            session=caller.session,
            client=caller.client,
        )
        await self.audit.record(entry)
        return pb.RevokeConsentResponse()


def _message(consent: Consent) -> consent_pb2.Consent:
    message = consent_pb2.Consent(
        client_id=consent.client,
        client_display_name=consent.client_name,
        client_uri=consent.client_uri,
        scopes=consent.scopes,
    )
    message.create_time.FromDatetime(consent.given)
    message.update_time.FromDatetime(consent.changed)
    return message
