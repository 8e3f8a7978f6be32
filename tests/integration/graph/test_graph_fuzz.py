"""Whatever is asked, nothing unforeseen happens: documents made from the schema, bent ones, and values of any kind."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.graph import build_schema
from services.graph.failures import RequestMalformed
from tests.fakes.studio import studio_contract

if TYPE_CHECKING:
    from tests.integration.graph.studio import Studio

TEXTS = [
    "artists/a",
    "artists/b/albums/x",
    "labels/l",
    "",
    "artists/-",
    "title",
    "title desc",
    'title = "A"',
    "2s",
    "é\0",
    "//",
]
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(TEXTS),
)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=6,
)
SCHEMA = build_schema(studio_contract())
OURS = sorted({"artist", "artists", "batchGetArtists", "album", "albums", "label"})
WRITES = sorted(
    {"createArtist", "updateArtist", "deleteArtist", "batchCreateArtists", "createAlbum", "updateAlbum", "createLabel"}
)
SETTINGS = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Writer:
    """Draws a document that fits the schema, but for its values, which are anything now and then."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.variables: dict[str, Any] = {}
        self.declared: list[str] = []

    def document(self) -> str:
        writes = self.draw(st.booleans())
        root = SCHEMA.mutation_type if writes else SCHEMA.query_type
        assert root is not None
        names = self.draw(st.lists(st.sampled_from(WRITES if writes else OURS), min_size=1, max_size=3))
        fields = " ".join(f"r{index}: {self.field(root, name, 0)}" for index, name in enumerate(names))
        declared = f"({', '.join(self.declared)})" if self.declared else ""
        return f"{'mutation' if writes else 'query'} q{declared} {{ {fields} }}"

    def field(self, parent: GraphQLObjectType, name: str, depth: int) -> str:
        made = parent.fields[name]
        given_ = []
        for argument, definition in made.args.items():
            if isinstance(definition.type, GraphQLNonNull) or self.draw(st.booleans()):
                variable = f"v{len(self.declared)}"
                self.declared.append(f"${variable}: {definition.type}")
                self.variables[variable] = self.value(definition.type, 0)
                given_.append(f"{argument}: ${variable}")
        arguments = f"({', '.join(given_)})" if given_ else ""
        kind = get_named_type(made.type)
        below = "" if is_leaf_type(kind) else f" {{ {self.selection(kind, depth + 1)} }}"
        condition = self.draw(st.sampled_from(["", "", "", " @skip(if: false)", " @include(if: false)"]))
        return f"{name}{arguments}{condition}{below}"

    def selection(self, kind: Any, depth: int) -> str:
        choices = [name for name, made in kind.fields.items() if depth < 5 or is_leaf_type(get_named_type(made.type))]
        names = self.draw(st.lists(st.sampled_from(sorted(choices)), max_size=4, unique=True)) if choices else []
        parts = [self.field(kind, name, depth) for name in names]
        if self.draw(st.booleans()):
            parts.append(f"... on {kind.name} {{ __typename }}")
        return " ".join(["__typename", *parts])

    def value(self, kind: Any, depth: int) -> Any:
        if self.draw(st.integers(0, 9)) == 0:
            return self.draw(ANYTHING)
        if isinstance(kind, GraphQLNonNull):
            return self.value(kind.of_type, depth)
        if isinstance(kind, GraphQLList):
            return [self.value(kind.of_type, depth + 1) for _ in range(self.draw(st.integers(0, 2)))]
        if isinstance(kind, GraphQLInputObjectType):
            names = self.draw(
                st.lists(st.sampled_from(sorted(kind.fields)), max_size=4 if depth < 4 else 0, unique=True)
            )
            return {name: self.value(kind.fields[name].type, depth + 1) for name in names}
        if isinstance(kind, GraphQLEnumType):
            return self.draw(st.sampled_from(sorted(kind.values)))
        by_name = {
            "Int": st.integers(-3, 60),
            "Boolean": st.booleans(),
            "Float": st.floats(allow_nan=False, allow_infinity=False),
            "Timestamp": st.sampled_from(["2013-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"]),
            "Duration": st.sampled_from(["1s", "-315576000000s", "0.5s"]),
            "FieldMask": st.sampled_from(["title", "*", "a.b.c", "title,,x", "tracks", "single.title"]),
            "Bytes": st.sampled_from(["", "aGk=", "aGk", "_-8"]),
            "JSON": ANYTHING,
        }
        return self.draw(by_name.get(kind.name, st.sampled_from(TEXTS) if kind.name == "String" else st.integers()))


def judge(answer: Any) -> None:
    for error in answer.get("errors", ()):
        assert error["extensions"]["code"] not in {"INTERNAL", "UNKNOWN"}, error
        assert error["message"]


@SETTINGS
@given(data=st.data())
async def test_no_document_of_the_schema_fails_unforeseen(studio: Studio, data: st.DataObject) -> None:
    writer = Writer(data.draw)
    text = writer.document()
    judge(await studio.send(text, writer.variables))


@SETTINGS
@given(data=st.data())
async def test_no_bent_document_fails_unforeseen(studio: Studio, data: st.DataObject) -> None:
    text = Writer(data.draw).document()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 8)))
    piece = data.draw(
        st.sampled_from(["", "{", "}", "(", "...", "@", '"', "$a", "null", "\ufeff", "#", "__schema", "\\u0000"])
    )
    judge(
        await studio.send(
            text[:start] + piece + text[end:], data.draw(ANYTHING.filter(lambda v: v is None or isinstance(v, dict)))
        )
    )


@SETTINGS
@given(body=st.one_of(st.binary(max_size=60), ANYTHING.map(lambda value: json.dumps(value).encode())))
async def test_no_body_fails_unforeseen(studio: Studio, body: bytes) -> None:
    with suppress(RequestMalformed):
        judge(await studio.post(body))


@SETTINGS
@given(after=st.text(max_size=40), first=st.integers(-5, 2000))
async def test_no_cursor_fails_unforeseen(studio: Studio, after: str, first: int) -> None:
    query = "query($a: String, $f: Int) { artists(after: $a, first: $f) { edges { cursor } pageInfo { endCursor } } }"
    judge(await studio.send(query, {"a": after, "f": first}))
