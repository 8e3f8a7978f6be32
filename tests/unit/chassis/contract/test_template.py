"""Path templates are read as google/api/http.proto has them, and overlap where a common path exists."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.contract.template import ONE, REST, TemplateError, Variable, overlap, parse_template

ALPHABET = ("a", "b", "c")
"""Segments of the paths that are tried: `c` is in no template, so that it stands for every other word."""

LONGEST = 5

segments = st.lists(st.sampled_from(["a", "b", ONE]), min_size=1, max_size=3)
templates = st.tuples(segments, st.booleans(), st.sampled_from(["", ":do", ":undo"]))


def write(template: tuple[list[str], bool, str]) -> str:
    parts, rest, verb = template
    return "/" + "/".join([*parts, *([REST] if rest else [])]) + verb


def matches(template: tuple[list[str], bool, str], path: tuple[str, ...], verb: str) -> bool:
    """Match the plain way, without a thought of overlaps."""
    parts, rest, own_verb = template
    if own_verb != verb or len(path) < len(parts) or (len(path) > len(parts) and not rest):
        return False
    return all(part in {ONE, segment} for part, segment in zip(parts, path, strict=False))


PATHS = [path for length in range(1, LONGEST) for path in itertools.product(ALPHABET, repeat=length)]


@given(one=templates, other=templates)
def test_templates_overlap_where_some_path_matches_both(
    one: tuple[list[str], bool, str], other: tuple[list[str], bool, str]
) -> None:
    common = any(
        matches(one, path, verb) and matches(other, path, verb) for path in PATHS for verb in ("", ":do", ":undo")
    )
    assert overlap(parse_template(write(one)), parse_template(write(other))) is common


def test_a_template_tells_what_it_binds() -> None:
    template = parse_template("/library/v1/{book.name=shelves/*/books/*}/pages/{page}/{rest=**}:read")
    assert template.segments == ("library", "v1", "shelves", ONE, "books", ONE, "pages", ONE, REST)
    assert template.verb == "read"
    assert template.variable("book.name") == Variable(field="book.name", segments=("shelves", ONE, "books", ONE))
    assert template.variable("page") == Variable(field="page", segments=(ONE,))
    assert template.variable("name") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "library",
        "/a//b",
        "/a/",
        "/{}",
        "/{=a}",
        "/{name=}",
        "/{name=a/{b}}",
        "/{name",
        "/a{b}",
        "/**/a",
        "/{a=**}/b",
        "/{a}/{a}",
        "/a:",
        "/a b",
        "/a?b",
        "/***",
        "/a:b:c",
    ],
)
def test_what_is_not_of_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        parse_template(text)
