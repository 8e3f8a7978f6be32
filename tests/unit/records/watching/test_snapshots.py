"""Snapshots are in one order, and a place survives its token."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.keyring import Keyring, RootKey
from services.records.watching.place import Place, Position
from services.records.watching.snapshots import Snapshot
from services.records.watching.tokens import ResumeTokenInvalid, ResumeTokens, bound_to

TOKENS = ResumeTokens(Keyring([RootKey(id="test", secret=b"k" * 32)]))
BOUND = bound_to("method", "acme")


@st.composite
def histories(draw: st.DrawFn) -> list[Snapshot]:
    """Draw what was seen at moments of one history, the earlier first."""
    running: set[int] = set()
    following, seen = draw(st.integers(1, 2**40)), []
    for _ in range(draw(st.integers(2, 12))):
        for _ in range(draw(st.integers(0, 3))):
            running.add(following)
            following += 1
        for ended in draw(st.sets(st.sampled_from(sorted(running)), max_size=3)) if running else ():
            running.discard(ended)
        seen.append(Snapshot(following, frozenset(running)))
    return seen


@given(histories())
def test_a_later_snapshot_covers_an_earlier_one_and_an_earlier_no_later_that_sees_more(seen: list[Snapshot]) -> None:
    for earlier, later in pairwise(seen):
        assert later.covers(earlier)
        more = [number for number in range(earlier.xmin, later.xmax) if later.sees(number) and not earlier.sees(number)]
        assert earlier.covers(later) == (not more and earlier.xmax == later.xmax)


@given(histories())
def test_a_snapshot_is_what_postgres_writes(seen: list[Snapshot]) -> None:
    for each in seen:
        assert Snapshot.parse(each.text) == each
        assert each.text.split(":")[0] == str(each.xmin)
        assert all(each.sees(number) for number in range(max(0, each.xmin - 3), each.xmin))
        assert not each.sees(each.xmax)
    assert Snapshot.parse("10:20:10,14") == Snapshot(20, frozenset({10, 14}))
    assert Snapshot.parse("20:20:") == Snapshot(20, frozenset())


@given(histories(), st.integers(0, 2**60), st.none() | st.text(), st.none() | st.text())
def test_a_token_brings_its_place_back(seen: list[Snapshot], last: int, shown: str | None, page: str | None) -> None:
    for until in (None, seen[-1]):
        place = Place(Position(seen[0], until, last), shown, page)
        assert TOKENS.open(TOKENS.seal(place, BOUND), BOUND) == place


@given(st.integers(0, 40), st.characters(categories=["L", "N"]))
def test_a_token_that_was_changed_or_is_another_s_is_refused(where: int, letter: str) -> None:
    token = TOKENS.seal(Place(Position(Snapshot(9, frozenset()))), BOUND)
    changed = token[:where] + letter + token[where + 1 :]
    if changed != token:
        with pytest.raises(ResumeTokenInvalid):
            TOKENS.open(changed, BOUND)
    with pytest.raises(ResumeTokenInvalid):
        TOKENS.open(token, bound_to("method", "other"))


def test_what_tokens_are_bound_to_cannot_be_shifted_between_parts() -> None:
    assert bound_to("a", "b,c") != bound_to("a,b", "c")
