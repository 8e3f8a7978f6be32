"""Writes down in the audit trail who has changed which record: a user, a role, a group, a client and so on.

The outbox tells of such a change too, with the record before and after, but for a week alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import Message

from services.auth.servicer.caller import doer_of
from services.chassis.contract import StandardKind
from services.chassis.transport import messages_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from services.auth.domain.audit import Audit, AuditEntry
    from services.auth.servicer.records import Records
    from services.chassis.call import Call
    from services.chassis.contract import Contract, Method

M = TypeVar("M", bound=Message)

_VERBS: Mapping[StandardKind, str] = {
    StandardKind.CREATE: "created",
    StandardKind.UPDATE: "updated",
    StandardKind.DELETE: "deleted",
}
_SHOWN = ("roles", "permissions", "disabled")
"""Fields whose new value is written down: what they say is what somebody may do from then on."""

LONGEST = 2000
"""Characters that are kept of such a value."""


class AuditedRecords:
    """Records (port `Records`) whose changes are written down, in the transaction that makes them."""

    def __init__(self, records: Records, audit: Audit, contract: Contract, *, trust_headers: bool = False) -> None:
        """Take what serves them, and where it is written down."""
        self._records = records
        self._audit = audit
        self._methods = contract.methods
        self._messages = messages_of(contract.pool)
        self._trust_headers = trust_headers

    async def serve(self, request: Message, call: Call) -> Message | bytes:
        """Return what the engine answers to the method that is called."""
        answer = await self._records.serve(request, call)
        await self._note(call.method, request, answer, call)
        return answer

    async def ask(self, path: str, request: Message, call: Call, answer: type[M]) -> M:
        """Return what the engine answers to another method, for the same caller."""
        found = await self._records.ask(path, request, call, answer)
        await self._note(self._methods[path], request, found, call)
        return found

    async def _note(self, method: Method, request: Any, answer: Message | bytes, call: Call) -> None:
        standard = method.standard
        if standard is None or standard.kind not in _VERBS or getattr(request, "validate_only", False):
            return
        kind = re.sub("(?<!^)(?=[A-Z])", "_", standard.record.rpartition(".")[2]).lower()
        found: Any = self._messages(method.output).FromString(answer) if isinstance(answer, bytes) else answer
        await self._audit.record(self._entry(f"{kind}.{_VERBS[standard.kind]}", request, found, call))

    def _entry(self, kind: str, request: Any, answer: Any, call: Call) -> AuditEntry:
        told = {name: text for name in _SHOWN if (text := _text(answer, name))}
        if mask := getattr(request, "update_mask", None):
            told["fields"] = ", ".join(mask.paths)
        return doer_of(call, trust_headers=self._trust_headers).entry(
            kind, call.caller.organization, getattr(answer, "name", "") or request.name, **told
        )


def _text(record: Any, name: str) -> str:
    value = getattr(record, name, None)
    if isinstance(value, bool):
        return "yes" if value else ""
    return ", ".join(value or ())[:LONGEST]
