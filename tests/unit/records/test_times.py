"""Times are cut to microseconds, and their text sorts as they do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from services.records.schema.times import (
    MAX_SECONDS,
    MIN_SECONDS,
    cut_duration,
    cut_timestamp,
    duration_micros,
    is_duration,
    is_timestamp,
    set_timestamp,
    timestamp_datetime,
    timestamp_text,
)

moments = st.builds(Timestamp, seconds=st.integers(MIN_SECONDS, MAX_SECONDS), nanos=st.integers(0, 999_999_999))


@given(one=moments, two=moments)
def test_the_text_of_times_sorts_as_they_do(one: Timestamp, two: Timestamp) -> None:
    cut_timestamp(one)
    cut_timestamp(two)
    assert (timestamp_text(one) < timestamp_text(two)) == ((one.seconds, one.nanos) < (two.seconds, two.nanos))
    assert len(timestamp_text(one)) == 27


@given(moment=moments)
def test_a_time_that_was_cut_is_its_column_and_back(moment: Timestamp) -> None:
    cut_timestamp(moment)
    back = Timestamp()
    set_timestamp(back, timestamp_datetime(moment))
    assert back == moment


@given(micros=st.integers(-315_576_000_000_000_000, 315_576_000_000_000_000), more=st.integers(0, 999))
def test_a_duration_is_cut_towards_zero(micros: int, more: int) -> None:
    sign = -1 if micros < 0 else 1
    nanos = sign * (abs(micros) % 1_000_000 * 1000 + more)
    duration = Duration(seconds=sign * (abs(micros) // 1_000_000), nanos=nanos)
    cut_duration(duration)
    assert duration_micros(duration) == micros


@pytest.mark.parametrize("nanos", [-1, 1_000_000_000])
def test_a_time_out_of_range_is_found_and_not_mended(nanos: int) -> None:
    moment = Timestamp(seconds=1, nanos=nanos)
    cut_timestamp(moment)
    assert moment.nanos == nanos
    assert not is_timestamp(moment)
    assert not is_duration(Duration(seconds=-1, nanos=1))
    assert not is_duration(Duration(seconds=2**60))


def test_a_datetime_becomes_a_timestamp() -> None:
    moment = Timestamp()
    set_timestamp(moment, datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
    assert (moment.seconds, moment.nanos) == (-1, 999_999_000)
