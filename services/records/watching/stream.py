"""Watch, as it is served: one stream of messages for each watcher."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from services.chassis.errors import Internal, TenonError
from services.chassis.interceptors.errors import status_of
from services.records.reading.getting import Shown
from services.records.reading.selecting import Selecting
from services.records.scope import admit, organization_of
from services.records.watching.frames import Frames
from services.records.watching.log import Scope
from services.records.watching.matching import Matching
from services.records.watching.picture import Picture
from services.records.watching.tokens import bound_to
from services.records.watching.views import Kind, View
from services.records.watching.watcher import Sources, Watcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from google.protobuf.descriptor import Descriptor

    from services.chassis.call import Call
    from services.chassis.postgres import Executor
    from services.records.schema.names import Names
    from services.records.schema.tables import RecordTable
    from services.records.watching.hub import Hub
    from services.records.watching.tokens import ResumeTokens

_LOG = logging.getLogger(__name__)


class Watch:
    """Serves one Watch method."""

    def __init__(
        self,
        table: RecordTable,
        names: Names,
        executor: Executor,
        hub: Hub,
        *,
        tokens: ResumeTokens,
        request: Descriptor,
        response: Descriptor,
    ) -> None:
        """Take the record, what all watchers share, and the messages of the method."""
        self._table, self._hub = table, hub
        # What an event may not hold is not in the first picture either: a watch shows one record in one way.
        self._shown = Shown(table, () if table.redact is None else (table.redact,))
        self._selecting = Selecting(table, names, self._shown.guards, request)
        self._picture = Picture(table, executor, hub.limits)
        self._frames = Frames(response, table.record.singular)
        self._tokens = tokens
        self._kind = Kind(
            table=table,
            names=names,
            frames=self._frames,
            matching=Matching(table, executor, hub.reading),
            tokens=tokens,
            limits=hub.limits,
        )

    async def serve(self, request: Any, call: Call) -> AsyncIterator[bytes]:
        """Serve one stream. What goes wrong after the first message is said in a last one too: see `_fail`."""
        admit(self._table, call.caller, writes=False)
        view = self._view(request, call)
        place = self._tokens.open(request.resume_token, view.bound) if request.resume_token else None
        async with self._hub.watch(call):
            watcher = Watcher(Sources(self._hub, self._picture, self._frames), view, call, place)
            is_open = False
            try:
                while (message := await watcher.next()) is not None:
                    yield message
                    is_open = True
            except Exception as error:
                if is_open:
                    yield self._fail(error, call, watcher)
                raise
            finally:
                watcher.close()

    def _view(self, request: Any, call: Call) -> View:
        """Return what this watcher sees, which is one with whoever asks for the same."""
        caller = call.caller
        selected = self._selecting.read(request, caller)
        owner = caller.subject if self._table.is_owned else None
        whose = organization_of(self._table, caller)
        asked = call.method.path, whose, owner or "", getattr(request, "parent", ""), getattr(request, "filter", "")
        key = *asked, self._shown.guards.hidden(caller)
        found = self._hub.views.get(key)
        if found is None:
            scope = Scope(organization=whose, owner=owner)
            shown = self._shown.for_caller(caller)
            found = self._hub.views[key] = View(self._kind, selected, scope, shown, bound_to(*asked))
        return found

    def _fail(self, error: Exception, call: Call, watcher: Watcher) -> bytes:
        """Return the message that tells of an error: an HTTP/1.1 client never sees the status of a stream."""
        if not isinstance(error, TenonError):
            _LOG.error("%s failed unforeseen", call.method.path, exc_info=error)
            error = Internal(f"Internal error. Request id: {call.request_id}", metadata={"request_id": call.request_id})
        return self._frames.failure(status_of(error).details, watcher.token())
