"""Writes the messages of a watch: changes, where they lead to, and what state the watch is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message_factory import GetMessageClass

from services.records.reading.wire import Listing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from google.protobuf.descriptor import Descriptor

SNAPSHOT, CREATED, UPDATED, DELETED, REMOVED = range(1, 6)
"""Numbers of `tenon.records.v1.ChangeType`."""


class State:
    """Numbers of `tenon.records.v1.WatchState`."""

    SNAPSHOT, LIVE, HEARTBEAT, RESET, FAILED = range(1, 6)


class Frames:
    """The messages of one Watch method."""

    __slots__ = ("_change", "_changes", "_has_actor", "_has_time", "_record", "_response")

    def __init__(self, response: Descriptor, singular: str) -> None:
        """Take the response's message, and the field of a change that holds the record."""
        change: Any = response.fields_by_name["changes"].message_type
        self._response = GetMessageClass(response)
        self._change = GetMessageClass(change)
        self._changes = Listing(response, change.full_name)
        self._record = singular
        self._has_time, self._has_actor = (name in change.fields_by_name for name in ("change_time", "actor"))

    def change(self, kind: int, record: bytes, time: datetime | None = None, actor: str = "") -> bytes:
        """Return one change of a record, whose bytes are those that the caller is shown."""
        change: Any = self._change(type=kind)
        getattr(change, self._record).MergeFromString(record)
        if time is not None and self._has_time:
            change.change_time.FromDatetime(time)
        if self._has_actor:
            change.actor = actor
        encoded: bytes = change.SerializeToString()
        return encoded

    def message(self, state: int, resume_token: str, changes: Iterable[bytes] = ()) -> bytes:
        """Return a whole message."""
        rest = self._response(state=state, resume_token=resume_token)
        return self._changes.encode(changes) + rest.SerializeToString()

    def failure(self, status: bytes, resume_token: str) -> bytes:
        """Return the last message of a watch that fails; `status` is an encoded `google.rpc.Status`."""
        last: Any = self._response(state=State.FAILED, resume_token=resume_token)
        last.error.MergeFromString(status)
        encoded: bytes = last.SerializeToString()
        return encoded
