"""Times and durations, cut to the microseconds that a column keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

MICROS = 1_000_000
NANOS_PER_MICRO = 1_000
MAX_NANOS = 999_999_999
MIN_SECONDS, MAX_SECONDS = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999, which a `google.protobuf.Timestamp` may hold."""
MAX_DURATION_SECONDS = 315_576_000_000
"""About 10,000 years, which a `google.protobuf.Duration` may hold."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_SECOND = timedelta(seconds=1)
_ONE_MICRO = timedelta(microseconds=1)


def is_timestamp(value: Any) -> bool:
    """Whether a `google.protobuf.Timestamp` lies in the years 1 to 9999."""
    return bool(MIN_SECONDS <= value.seconds <= MAX_SECONDS and 0 <= value.nanos <= MAX_NANOS)


def is_duration(value: Any) -> bool:
    """Whether a `google.protobuf.Duration` is in its range, with one sign for both its parts."""
    return bool(
        abs(value.seconds) <= MAX_DURATION_SECONDS
        and abs(value.nanos) <= MAX_NANOS
        and value.seconds * value.nanos >= 0
    )


def cut_timestamp(value: Any) -> None:
    """Cut a Timestamp to whole microseconds; one that is out of range stays, to be refused where it is stored."""
    rest = value.nanos % NANOS_PER_MICRO
    if rest and is_timestamp(value):
        value.nanos -= rest


def cut_duration(value: Any) -> None:
    """Cut a Duration to whole microseconds, towards zero; one that is out of range stays."""
    nanos = value.nanos
    rest = nanos % NANOS_PER_MICRO if nanos >= 0 else -(-nanos % NANOS_PER_MICRO)
    if rest and is_duration(value):
        value.nanos = nanos - rest


def timestamp_datetime(value: Any) -> datetime:
    """Return a Timestamp as an aware datetime in UTC."""
    return _EPOCH + timedelta(seconds=value.seconds, microseconds=value.nanos // NANOS_PER_MICRO)


def timestamp_text(value: Any) -> str:
    """Return a Timestamp as text of fixed width, so that text order is time order."""
    moment = timestamp_datetime(value)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z".rjust(27, "0")


def duration_micros(value: Any) -> int:
    """Return a Duration as microseconds."""
    # Python's // goes down and not towards zero, so each sign has its own way.
    seconds: int = value.seconds
    nanos: int = value.nanos
    return seconds * MICROS + (nanos // NANOS_PER_MICRO if nanos >= 0 else -(-nanos // NANOS_PER_MICRO))


def set_timestamp(target: Any, moment: datetime) -> None:
    """Write a datetime into a Timestamp."""
    passed = moment - _EPOCH
    seconds = passed // _ONE_SECOND
    target.seconds = seconds
    target.nanos = (passed - seconds * _ONE_SECOND) // _ONE_MICRO * NANOS_PER_MICRO
