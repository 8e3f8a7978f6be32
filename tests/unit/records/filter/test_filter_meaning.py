"""What filters mean where nothing is set: said by example, for the evaluator that Postgres is held against."""

from __future__ import annotations

import pytest

from tests.unit.records.filter.evaluator import matches
from tests.unit.records.filter.specimen import part, specimen

EMPTY = specimen()
FULL = specimen(
    maybe_small=0,
    part=part(label="x"),
    tags=["a"],
    labels={"k": "", "foo": "42"},
    parts=[part(size=1), part(size=2, words=["w"])],
)


@pytest.mark.parametrize(
    ("text", "empty", "full"),
    [
        ("small = 0", True, True),
        ("maybe_small = 0", False, True),
        ("maybe_small != 5", False, True),
        ("NOT maybe_small = 5", True, True),
        ("NOT maybe_small != 5", True, False),
        ("maybe_small:*", False, False),
        ("part.label != y", False, True),
        ("part.size = 0", False, True),
        ("part.rank != 1", False, False),
        ("part.inner.size != 1", False, False),
        ("-part.inner.size = 1", True, True),
        ("part:*", False, True),
        ("part:label", False, True),
        ("part:size", False, False),
        ("tags:a", False, True),
        ("tags:*", False, True),
        ("labels:k", False, True),
        ("labels.k:*", False, True),
        ("labels.foo:42", False, True),
        ("labels.foo != 42", False, False),
        ("labels.bar != 42", False, False),
        ("parts.size:2", False, True),
        ("parts.size:3", False, False),
        ("parts.words:w", False, True),
        ("parts.words:*", False, True),
        ("parts.pieces:*", False, False),
    ],
)
def test_what_is_unset_never_matches_a_comparison(text: str, empty: bool, full: bool) -> None:
    assert (matches(text, EMPTY), matches(text, FULL)) == (empty, full)
