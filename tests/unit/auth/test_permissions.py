"""Whether patterns cover what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.domain.permissions import drop_covered, find_excess, intersect, is_covered
from services.chassis.contract import Permission

WORD = st.sampled_from(["a", "b", "c"])
PERMISSION = st.builds(lambda *parts: ".".join(parts), WORD, WORD, WORD)
PATTERN = st.one_of(
    PERMISSION,
    st.just("*"),
    st.builds(lambda a: f"{a}.*", WORD),
    st.builds(lambda a, b: f"{a}.{b}.*", WORD, WORD),
)


@pytest.mark.parametrize(
    ("pattern", "held", "covered"),
    [
        ("a.b.c", "a.b.c", True),
        ("a.b.c", "a.b.*", True),
        ("a.b.c", "a.*", True),
        ("a.b.c", "*", True),
        ("a.b.*", "a.b.*", True),
        ("a.b.*", "a.*", True),
        ("a.*", "a.*", True),
        ("*", "*", True),
        ("a.b.c", "a.b.d", False),
        ("a.b.*", "a.b.c", False),
        ("a.*", "a.b.*", False),
        ("*", "a.*", False),
        ("ab.c.d", "a.*", False),
        ("a.bc.d", "a.b.*", False),
    ],
)
def test_a_pattern_covers_itself_and_what_is_narrower(pattern: str, held: str, covered: bool) -> None:
    assert is_covered(pattern, {held}) is covered


@given(PERMISSION, st.frozensets(PATTERN))
def test_a_permission_is_covered_just_where_the_contract_says_that_it_is_granted(
    permission: str, held: frozenset[str]
) -> None:
    assert is_covered(permission, held) is not held.isdisjoint(Permission(name=permission).patterns)


@given(st.frozensets(PATTERN), st.frozensets(PATTERN), PERMISSION)
def test_what_two_hold_in_common_is_what_each_of_them_holds(
    some: frozenset[str], others: frozenset[str], permission: str
) -> None:
    both = is_covered(permission, some) and is_covered(permission, others)
    assert is_covered(permission, intersect(some, others)) is both


@given(st.frozensets(PATTERN), PERMISSION)
def test_dropping_what_is_covered_changes_nobodys_rights(patterns: frozenset[str], permission: str) -> None:
    kept = drop_covered(patterns)
    assert is_covered(permission, kept) is is_covered(permission, patterns)
    assert all(not is_covered(one, set(kept) - {one}) for one in kept)


def test_what_exceeds_is_named() -> None:
    assert find_excess(["a.b.c", "b.*", "a.b.d"], {"a.b.*"}) == ["b.*"]
