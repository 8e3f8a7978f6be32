"""Filters are read by AIP-160, and what is wrong with one is said with its place."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.records.filter import MAX_DEPTH, MAX_LENGTH, MAX_TERMS, FilterInvalid, Filters
from tests.unit.records.filter.specimen import descriptor, dialect, table
from tests.unit.records.filter.strategies import filters

FILTERS = Filters(descriptor())


def sql_of(text: str) -> str:
    where = FILTERS.read(text).where(table().columns)
    return "" if where is None else str(where.compile(dialect=dialect()))


def mistakes_of(text: str) -> list[str]:
    with pytest.raises(FilterInvalid) as caught:
        FILTERS.read(text)
    assert caught.value.reason == "FILTER_INVALID"
    assert {v.field for v in caught.value.violations} == {"filter"}
    return [v.description for v in caught.value.violations]


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("", ""),
        (" \n\t", ""),
        ("small=1", "small="),
        ("small = 1 AND big = 2 OR flag = true", "(small=&(big=|flag=))"),
        ("small = 1 OR big = 2 AND flag = true", "((small=|big=)&flag=)"),
        ("small = 1 big = 2 OR flag = true", "(small=&(big=|flag=))"),
        ("(small = 1 AND big = 2) OR flag = true", "((small=&big=)|flag=)"),
        ("NOT small = 1 OR big = 2", "(!(small=)|big=)"),
        ("-small = 1 -big = 2", "(!(small=)&!(big=))"),
        ("NOT (small = 1 OR big = 2)", "!((small=|big=))"),
        ("small:(1 OR 2)", "(small=|small=)"),
        ("small = (NOT 1 AND -5)", "(!(small=)&small=)"),
        ("maybe_small:*", "maybe_small:*"),
        ("labels:a", "labels[]:*"),
        ("labels.a:*", "labels[]:*"),
        ("labels.a:b", "labels[]="),
        ("part:label", "part.label:*"),
        ("parts.pieces.label:x", "parts#.pieces#.label="),
        ("tags:x", "tags:"),
        ('code = "*a"', "code~"),
        ("code = a*b", "code~"),
        ("code:a*", "code^"),
        ("code = a*", "code^"),
        ("code != a*", "code!~"),
        ("code = *", "code~"),
        ('code = "a\\*"', "code="),
        ("part.label = a*", "part.label~"),
        ("tags:a*", "tags:~"),
        ("parts.words:a*", "parts#.words:~"),
    ],
)
def test_or_binds_tighter_than_and(text: str, shape: str) -> None:
    assert FILTERS.read(text).shape == shape


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("small=-5", -5),
        ("small = +5", 5),
        ("small = 1e3", 1000),
        ("small = 10.0", 10),
        ('small = "7"', 7),
        ("small = -2147483648", -(2**31)),
        ("big = 9223372036854775807", 2**63 - 1),
        ("huge = 18446744073709551615", Decimal(2**64 - 1)),
        ("weight = 2.997e9", 2.997e9),
        ("weight = .5", 0.5),
        ("ratio = 0.1", 0.10000000149011612),
        ("code = abc-d.e/f:g@h", "abc-d.e/f:g@h"),
        ("code = 'it\\'s'", "it's"),
        ('code = "a\\n\\t\\\\\\"\\*"', 'a\n\t\\"*'),
        ('code = "AND (x)"', "AND (x)"),
        ("code < a*", "a*"),
        ("code = ä😀", "ä😀"),
        ("flag = true", True),
        ("state = STATE_BROKEN", 2),
        ("at = 2012-04-21T11:30:00-04:00", datetime(2012, 4, 21, 15, 30, tzinfo=UTC)),
        ('at = "2012-04-21t15:30:00.1234567z"', datetime(2012, 4, 21, 15, 30, 0, 123456, tzinfo=UTC)),
        ("part.made = 0999-01-01T00:00:00Z", "0999-01-01T00:00:00.000000Z"),
        ("span = 20s", 20_000_000),
        ("span = -1.5s", -1_500_000),
        ("span = 0.0000019s", 1),
        ("tags:x", ["x"]),
    ],
)
def test_a_value_becomes_one_of_its_fields_kind(text: str, value: object) -> None:
    (found,) = FILTERS.read(text).parameters.values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nope = 1", "There is no field 'nope' (at position 1)."),
        ("smal = 1", "There is no field 'smal'; did you mean 'small' (at position 1)."),
        ("maybeSmall = 1", "did you mean 'maybe_small'"),
        ("part.zzz = 1", "There is no field 'zzz' (at position 6)."),
        ("secret = x", "There is no field 'secret'"),
        ("part.pin = x", "There is no field 'pin'"),
        ("part:pin", "There is no field 'pin'"),
        ("iban = x", "is sensitive"),
        ("small = x", "'x' is not a number (at position 9)."),
        ("small = 0x10", "'0x10' is not a number"),
        ("small = 1_000", "'1_000' is not a number"),
        ("small = ٣", "is not a number"),
        ("small = 1.5", "'1.5' is not a whole number"),
        ("small = 2147483648", "out of range; the field holds -2147483648 to 2147483647 (at position 9)."),
        ("count = -1", "out of range; the field holds 0 to 4294967295"),
        ("big = 9223372036854775808", "out of range"),
        ("big = 1e999999", "out of range"),
        ("huge = 18446744073709551616", "out of range"),
        ("weight = 1e400", "'1e400' is too large"),
        ("ratio = 1e39", "'1e39' is too large"),
        ("weight = nan", "'nan' is not a number"),
        ("small = NaN", "'NaN' is not a number"),
        ("flag = TRUE", "neither true nor false"),
        ("flag < true", "true or false, which has no order"),
        ("state = state_whole", "its values are STATE_UNSPECIFIED, STATE_WHOLE, STATE_BROKEN (at position 9)."),
        ("state = 1", "is not a value of State"),
        ("state > STATE_WHOLE", "an enum, which has no order"),
        ("at = 2012-04-21", "RFC 3339"),
        ("at = 2012-02-30T00:00:00Z", "does not exist"),
        ("at = 2012-04-21T25:00:00Z", "does not exist"),
        ("at = 2012-04-21T00:00:60Z", "does not exist"),
        ("at = 0001-01-01T00:00:00+01:00", "does not exist"),
        ("at = 2012-04-21T00:00:00+00:60", "does not exist"),
        ("span = 20", "such as 20s"),
        ("span = 315576000001s", "out of range"),
        ("tags = x", "holds a list; ask with ':'"),
        ("tags.0 = x", "cannot be picked by its index"),
        ("parts.label = x", "Inside a list only ':' may ask"),
        ("parts.0.label:x", "cannot be picked by its index"),
        ("parts:x", "ask for a field of theirs"),
        ("part = x", "no single value; compare one of its fields"),
        ("labels = x", "no single value; compare one of its keys"),
        ("extra = x", "only ':*' is known"),
        ("extra.a = x", "has no fields to follow"),
        ("small.x = 1", "has no fields to follow (at position 7)."),
        ("levels:x", "the keys are whole numbers"),
        ("answers:yes", "the keys are true and false"),
        ("blob = x", "holds bytes"),
        ("blob:*", "holds bytes"),
        ("maybe_small = null", "null is no value"),
        ("labels:a*", "A key is asked for as it is"),
        ("state = STATE_*", "is not a value of State"),
        ("small = 1*", "'1*' is not a number"),
        ("*", "This stands for any text, and so for none"),
        ('small = 1 "**"', "This stands for any text, and so for none; leave it out (at position 11)."),
        ('""', "This stands for any text, and so for none"),
        ("now()", "There are no functions in filters, such as 'now()' (at position 1)."),
        ("small = 1 AND math.mem(x)", "There are no functions in filters, such as 'math.mem()' (at position 15)."),
        ("at > now()", "There are no functions in filters, such as 'now()' (at position 6)."),
        ("small =", "The filter ends where a value is expected (at position 8)."),
        ("small = 1 AND", "The filter ends where a comparison such as size > 3 is expected (at position 14)."),
        ("(small = 1", "The filter ends where the closing bracket is expected"),
        ("small = 1)", "There is no opening bracket for this one (at position 10)."),
        ("()", "stands where a comparison"),
        ("small = = 1", "'=' stands where a value is expected"),
        ("small == 1", "'=' stands where a value is expected (at position 8)."),
        ("small ! 1", "is only known in '!='"),
        ("AND = 1", "put the word in quotes"),
        ("small = AND", "put the word in quotes"),
        ("NOT NOT small = 1", "stands where a comparison"),
        ("small = 1 OR OR big = 1", "'OR' stands where a comparison"),
        ("small = 1, big = 2", "',' stands where AND, OR, or another comparison is expected"),
        (".small = 1", "'.' stands where a comparison"),
        ("part. = 1", "cannot follow a dot"),
        ("1 = small", "There is no field '1'"),
        ('code = "abc', 'The string that begins here has no closing " (at position 8).'),
        ('code = "a\\q"', "is not an escape; known are"),
        ("code = a\x00b", "cannot hold a NUL character (at position 9)."),
        ("small = 1\nAND nope = 1", "(at position 15, line 2, column 5)."),
        ("code = " + "x" * MAX_LENGTH, "at most 4,096 characters"),
        (" ".join(["small=1"] * (MAX_TERMS + 1)), "at most 100 comparisons and words (at position 807)."),
        (" ".join(["word"] * (MAX_TERMS + 1)), "at most 100 comparisons and words (at position 501)."),
        (
            "(" * (MAX_DEPTH + 1) + "small=1" + ")" * (MAX_DEPTH + 1),
            "At most 32 brackets may be open at once (at position 33).",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str) -> None:
    assert said in mistakes_of(text)[0]


@pytest.mark.parametrize(
    ("text", "shape", "patterns"),
    [
        ("hello", "{}", ["%hello%"]),
        ("Hello small = 1 WORLD", "({}&small=&{})", ["%hello%", 1, "%world%"]),
        ("a OR -b", "({}|!({}))", ["%a%", "%b%"]),
        ('"Some words"', "{}", ["%some words%"]),
        ("example.com", "{}", ["%example.com%"]),
        ('a."B c"', "{}", ["%a.b c%"]),
        ("a*c", "{}", ["%a%c%"]),
        ("a*.*c", "{}", ["%a%.%c%"]),
        ('"100%_\\\\x"', "{}", ["%100\\%\\_\\\\x%"]),
        ('"5\\*"', "{}", ["%5*%"]),
        ("ÄB", "{}", ["%Äb%"]),
        ("flag", "{}", ["%flag%"]),
        ("hello (small = 1)", "({}&small=)", ["%hello%", 1]),
    ],
)
def test_34_a_word_is_looked_for_in_the_texts(text: str, shape: str, patterns: list[object]) -> None:
    words = FILTERS.read("x").shape
    found = FILTERS.read(text)
    assert found.shape == shape.replace("{}", words)
    assert list(found.parameters.values()) == patterns


def test_34_words_are_looked_for_in_the_fields_of_the_search_where_it_names_some() -> None:
    assert FILTERS.read("x").shape == "?(code|remark|maybe_text|tags|origin|title|owner)"
    assert Filters(descriptor(), search=["title", "tags"]).read("x").shape == "?(title|tags)"
    assert Filters(descriptor(), search=["title"]).read("x").shape == "?(title)"


def test_34_words_are_not_looked_for_in_what_is_hidden() -> None:
    some = Filters(descriptor(), search=["title", "tags"])
    assert some.read("x", frozenset({"title"})).shape == "?(tags)"
    assert some.read("x").shape == "?(title|tags)"
    with pytest.raises(FilterInvalid, match="no text here in which to look for 'x'"):
        some.read("x", frozenset({"title", "tags"}))


def test_a_filter_knows_the_fields_that_it_names() -> None:
    assert FILTERS.read("small = 1 OR NOT part.size = 2 word shelf.k.label:x").roots == {"small", "part", "shelf"}


def test_30_stars_that_are_escaped_are_stars() -> None:
    (pattern,) = FILTERS.read('code = "a\\**50%_\\\\*"').parameters.values()
    assert pattern == "a*%50\\%\\_\\\\%"


@pytest.mark.parametrize(
    ("prefix", "end"),
    [("ab", "ac"), ("a\U0010ffff", "b"), ("\ud7ff", "\ue000"), ("a\x7f", "a\x80"), ("\uffff", "\U00010000")],
)
def test_30_a_beginning_is_a_range(prefix: str, end: str) -> None:
    assert list(FILTERS.read(f'code = "{prefix}*"').parameters.values()) == [prefix, end]
    assert prefix.encode() < end.encode()


def test_all_mistakes_of_meaning_come_at_once() -> None:
    found = mistakes_of("nope = 1 AND (small = x OR tags = 1) big = 1")
    assert [re.findall(r"position (\d+)", text) for text in found] == [["1"], ["23"], ["28"]]


def test_the_limits_themselves_are_allowed() -> None:
    assert FILTERS.read(" ".join(["small=1"] * MAX_TERMS)).shape.count("small") == MAX_TERMS
    assert FILTERS.read("(" * MAX_DEPTH + "small=1" + ")" * MAX_DEPTH).shape == "small="
    assert FILTERS.read("code = " + "x" * (MAX_LENGTH - 7)).shape == "code="


def test_filters_of_one_shape_have_one_sql_and_other_parameters() -> None:
    one = FILTERS.read('code = "a" AND labels."k 1" = x AND at > 2012-04-21T11:30:00Z')
    other = FILTERS.read("code = b AND labels.z = y AND at > 2013-04-21T11:30:00Z")
    assert one.shape == other.shape
    assert one.parameters != other.parameters
    assert sql_of('code = "a" labels."k 1" = x') == sql_of("code = b labels.z = y")


@settings(deadline=None)
@given(
    text=st.text(alphabet="xyz'\";)-%$:\\", min_size=1, max_size=20), key=st.text(alphabet="xyz'\";)%:$", min_size=1)
)
def test_no_text_of_the_caller_reaches_the_sql_or_the_shape(text: str, key: str) -> None:
    def quote(written: str) -> str:
        return '"' + written.replace("\\", "\\\\").replace('"', '\\"') + '"'

    plain = (
        "code = a AND labels.k = a AND shelf.k.notes.k:a AND tags:a AND parts.notes:k AND part.label = a "
        'AND a AND code = "*a" AND tags:"a*a" AND part.label != "a*"'
    )
    marked = (
        f"code = {quote(text)} AND labels.{quote(key)} = {quote(text)} AND shelf.{quote(key)}.notes.{quote(key)}:"
        f"{quote(text)} AND tags:{quote(text)} AND parts.notes:{quote(key)} AND part.label = {quote(text)} "
        f"AND {quote(text)} AND code = {quote('*' + text)} AND tags:{quote(text + '*' + text)} "
        f"AND part.label != {quote(text + '*')}"
    )
    assert sql_of(marked) == sql_of(plain)
    assert FILTERS.read(marked).shape == FILTERS.read(plain).shape


@settings(deadline=None)
@given(text=st.text(max_size=60) | st.text(alphabet="small=1 AND()OR-:.*\"'<>!\\\n,part", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    positions: tuple[int, ...] = (1,)
    try:
        sql_of(text)
    except FilterInvalid as error:
        positions = error.positions
    assert positions
    assert all(1 <= position <= len(text) + 1 for position in positions)


@settings(deadline=None)
@given(text=filters())
def test_a_filter_that_is_right_is_read(text: str) -> None:
    assert FILTERS.read(text).condition is not None


def test_the_cache_is_bounded_and_gives_the_same_filter_again() -> None:
    cached = Filters(descriptor(), cache_size=2)
    first = cached.read("small = 1")
    assert cached.read("small = 1") is first
    cached.read("small = 2")
    cached.read("small = 1")
    cached.read("small = 3")
    assert cached.read("small = 1") is first
    cached.read("small = 4")
    cached.read("small = 5")
    assert cached.read("small = 1") is not first
