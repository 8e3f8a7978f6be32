"""Specimens and filters by chance, from values so few that questions and answers often meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import strategies as st

from tests.unit.records.filter.specimen import part, specimen

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXTS = ("", "a", "b", "B", "b c", "ä", "😀", "\uffff", 'q"\\', "a.b", "5", "-7", "true", "a%_b", "A*b", "Ab\nAä", "*")
PATTERNS = (
    "*",
    "a*",
    "*b",
    "*.*",
    "a*b",
    "*%*",
    "a_*",
    "*\\**",
    "b c*",
    "😀*",
    "\uffff*",
    "*ä*",
    "A*A*",
    "**",
    "\U0010ffff*",
)
WORDS = (
    "a",
    "b",
    '"b c"',
    '"A B"',
    "B*C",
    "a.b",
    "5",
    "ä",
    '"%"',
    '"_"',
    '"\\*"',
    '"q\\""',
    "true",
    "z",
    "*a",
    "😀",
    '"b*a"',
)
NUMBERS = (0, 1, -1, 2, 2**31 - 1, -(2**31))
UNSIGNED = (0, 1, 2**32 - 1)
LARGE = (0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63))
LARGEST = (0, 1, 2**63, 2**64 - 1)
REALS = (0.0, -0.0, 0.1, 1.0, -2.5, 1e30, float("inf"), float("-inf"), float("nan"))
MOMENTS = (
    "1970-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999999Z",
    "2012-04-21T15:30:00Z",
    "2012-04-21T15:30:00.000001Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
)
SPANS = ("0s", "1s", "-1.5s", "0.000001s", "-315576000000s")
STATES = ("STATE_UNSPECIFIED", "STATE_WHOLE", "STATE_BROKEN")


def _moment(text: str) -> dict[str, int]:
    found = Timestamp()
    found.FromJsonString(text)
    # As a dictionary, since the contract's own pool has a Timestamp of its own.
    return {"seconds": found.seconds, "nanos": found.nanos}


def _span(text: str) -> dict[str, int]:
    found = Duration()
    found.FromJsonString(text)
    return {"seconds": found.seconds, "nanos": found.nanos}


texts, numbers, large, largest, reals, states, truths = (
    st.sampled_from(values) for values in (TEXTS, NUMBERS, LARGE, LARGEST, REALS, (0, 1, 2), (False, True))
)
unsigned = st.sampled_from(UNSIGNED)
moments, spans = st.sampled_from(MOMENTS).map(_moment), st.sampled_from(SPANS).map(_span)


def _lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, max_size=3)


def _some(build: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Build a message with some of the fields."""
    return st.fixed_dictionaries({}, optional=fields).map(lambda chosen: build(**chosen))


def _parts(depth: int) -> st.SearchStrategy[Any]:
    below = _parts(depth - 1) if depth else st.builds(part)
    return _some(
        part,
        label=texts,
        size=numbers,
        rank=large,
        made=moments,
        took=spans,
        good=truths,
        state=states,
        ratio=reals,
        huge=largest,
        words=_lists(texts),
        pieces=_lists(below),
        inner=below,
        notes=st.dictionaries(texts, texts, max_size=2),
        moments=_lists(moments),
        wrapped=reals.map(lambda value: {"value": value}),
    )


parts = _parts(2)


def _specimens() -> st.SearchStrategy[Any]:
    return _some(
        specimen,
        flag=truths,
        small=numbers,
        count=unsigned,
        big=large,
        huge=largest,
        ratio=reals,
        weight=reals,
        code=texts,
        remark=texts,
        state=states,
        maybe_small=numbers,
        maybe_text=texts,
        maybe_flag=truths,
        maybe_state=states,
        choice_number=large,
        at=moments,
        span=spans,
        tags=_lists(texts),
        numbers=_lists(large),
        states=_lists(states),
        moments=_lists(moments),
        doubles=_lists(reals),
        huges=_lists(largest),
        part=parts,
        parts=_lists(parts),
        labels=st.dictionaries(texts, texts, max_size=2),
        levels=st.dictionaries(numbers, large, max_size=2),
        shelf=st.dictionaries(texts, parts, max_size=2),
        answers=st.dictionaries(truths, texts, max_size=2),
        wrapped=texts.map(lambda value: {"value": value}),
        wrapped_number=large.map(lambda value: {"value": value}),
        blobs=st.dictionaries(texts, st.just(b"\x00"), max_size=1),
        owner=texts,
        title=texts,
        origin=texts,
    )


_each_specimen = _specimens()


# This and `filters` are composite for their short names: Hypothesis writes strategies out, and warns of long ones.
@st.composite
def specimens(draw: st.DrawFn) -> Any:
    """Return a specimen; each field but the name may be unset."""
    return draw(_each_specimen)


def quoted(text: str) -> str:
    """Return a text as a filter's string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("*", "\\*") + '"'


_ORDERED = ("=", "!=", "<", "<=", ">", ">=", ":")
_EQUAL = ("=", "!=", ":")
_string = (_ORDERED, [quoted(text) for text in TEXTS] + [f'"{pattern}"' for pattern in PATTERNS])
_int32 = (_ORDERED, [str(n) for n in NUMBERS])
_int64 = (_ORDERED, [str(n) for n in LARGE])
_uint64 = (_ORDERED, [str(n) for n in LARGEST])
_real = (_ORDERED, ["0", "0.1", "-2.5", "1e30", "1", "-1e-3", "NaN", "Infinity", "-Infinity"])
_truth = (_EQUAL, ["true", "false"])
_state = (_EQUAL, list(STATES))
_words = st.sampled_from(WORDS)
_moment_values = (_ORDERED, [*MOMENTS, "2012-04-21T11:30:00-04:00", '"2012-04-21t17:30:00.000001+02:00"'])
_span_values = (_ORDERED, list(SPANS))
_PART = {
    "label": _string,
    "size": _int32,
    "rank": _int64,
    "made": _moment_values,
    "took": _span_values,
    "good": _truth,
    "state": _state,
    "ratio": _real,
    "huge": _uint64,
    "wrapped": _real,
    'notes."a.b"': _string,
    "notes.a": _string,
    "inner.label": _string,
    "inner.inner.size": _int32,
}
_PART_HAS = {
    "words": _string,
    "moments": _moment_values,
    "pieces.label": _string,
    "pieces.inner.rank": _int64,
    "pieces.pieces.words": _string,
    "inner.words": _string,
    "notes": ((":",), ["a", '"b c"']),
    "pieces.notes": ((":",), ["a", '"b c"']),
    "inner": ((":",), ["label", "rank", "words", "notes", "made"]),
}
_FORMED = ("name", "code", "remark", "owner", "maybe_text", "wrapped", "part.label", "shelf.a.label", "labels.a")
_KEYS = ("a", quoted("b c"), quoted(""), "B")
FIELDS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "name": _string,
    "flag": _truth,
    "small": _int32,
    "count": (_ORDERED, [str(n) for n in UNSIGNED]),
    "big": _int64,
    "huge": _uint64,
    "ratio": _real,
    "weight": _real,
    "code": _string,
    "remark": _string,
    "owner": _string,
    "state": _state,
    "maybe_small": _int32,
    "maybe_text": _string,
    "maybe_flag": _truth,
    "maybe_state": _state,
    "choice_number": _int64,
    "at": _moment_values,
    "span": _span_values,
    "wrapped": _string,
    "wrapped_number": _int64,
    **{f"part.{name}": asked for name, asked in _PART.items()},
    **{f"shelf.{key}.{name}": asked for name, asked in _PART.items() for key in _KEYS[:2]},
    **{f"labels.{key}": _string for key in _KEYS},
    **{f"levels.{number}": _int64 for number in NUMBERS[:4]},
    "answers.true": _string,
    "tags": ((":",), _string[1]),
    "numbers": ((":",), _int64[1]),
    "states": ((":",), _state[1]),
    "moments": ((":",), _moment_values[1]),
    "doubles": ((":",), _real[1]),
    "huges": ((":",), _uint64[1]),
    "labels": ((":",), _KEYS),
    "levels": ((":",), [str(n) for n in NUMBERS]),
    "answers": ((":",), ["true", "false"]),
    "shelf": ((":",), _KEYS),
    "blobs": ((":",), _KEYS),
    "part": ((":",), [*(name for name in _PART if "." not in name), "words", "pieces", "notes", "inner"]),
    **{f"parts.{name}": ((":",), values) for name, (_, values) in (_PART | _PART_HAS).items()},
    **{f"part.{name}": ((":",), values) for name, (_, values) in _PART_HAS.items()},
}
_PRESENT = [*FIELDS, "parts", "extra", "choice_part", "choice_part.inner", "blobs.a", "shelf.a", "part.pieces.inner"]


def _restrictions() -> st.SearchStrategy[str]:
    def ask(name: str) -> st.SearchStrategy[str]:
        operators, values = FIELDS[name]
        value = st.sampled_from(list(values))
        group = st.lists(value, min_size=2, max_size=3).map(lambda chosen: f"({' OR '.join(chosen)})")
        return st.tuples(st.sampled_from(list(operators)), value | group).map(
            lambda pair: f"{name} {pair[0]} {pair[1]}"
        )

    asked = st.sampled_from(list(FIELDS)).flatmap(ask)
    formed = st.builds(
        '{} {} "{}"'.format, st.sampled_from(_FORMED), st.sampled_from(_EQUAL), st.sampled_from(PATTERNS)
    )
    return asked | asked | formed | _words | st.sampled_from(_PRESENT).map(lambda name: f"{name}:*")


def _filters() -> st.SearchStrategy[str]:
    def grow(below: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        several = st.lists(below, min_size=2, max_size=3)
        return (
            st.tuples(st.sampled_from([" AND ", " OR ", " "]), several).map(lambda pair: pair[0].join(pair[1]))
            | below.map(lambda term: f"NOT ({term})")
            | below.map(lambda term: f"-({term})")
            | below.map(lambda term: f"({term})")
        )

    return st.recursive(_restrictions(), grow, max_leaves=6)


_each_filter = _filters()


@st.composite
def filters(draw: st.DrawFn) -> str:
    """Return a filter that is right."""
    return draw(_each_filter)
