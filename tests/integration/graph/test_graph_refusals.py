"""What GraphQL refuses, to whom, and what it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from services.graph.failures import RequestMalformed

if TYPE_CHECKING:
    from tests.integration.graph.studio import Studio


def reasons(answer: Any) -> list[str]:
    return [error["extensions"]["reason"] for error in answer["errors"]]


@pytest.fixture
async def nina(studio: Studio) -> Studio:
    await studio.ask('mutation { createLabel(labelId: "l", label: {title: "L"}) { name } }')
    await studio.ask(
        'mutation { createArtist(artistId: "nina", artist: {title: "Nina", label: "labels/l", fee: 3}) { name } }'
    )
    await studio.ask(
        'mutation { createArtist(artistId: "otis", artist: {title: "Otis", label: "labels/l", fee: 4}) { name } }'
    )
    studio.called.clear()
    return studio


async def test_a_root_field_needs_the_permission_of_its_rpc(nina: Studio) -> None:
    answer = await nina.send(
        '{ artist(name: "artists/nina") { title } artists { nodes { title } } }',
        permissions=frozenset({"studio.artists.list"}),
    )
    assert answer["data"]["artist"] is None
    assert len(answer["data"]["artists"]["nodes"]) == 2
    (error,) = answer["errors"]
    assert error["path"] == ["artist"]
    assert error["extensions"] == {
        "code": "PERMISSION_DENIED",
        "reason": "PERMISSION_MISSING",
        "domain": "tenon",
        "metadata": {"permission": "studio.artists.get"},
    }
    assert nina.called == ["ListArtists"]


async def test_a_nested_record_needs_the_permission_of_its_get(nina: Studio) -> None:
    answer = await nina.send(
        '{ artist(name: "artists/nina") { title labelRecord { title } } }',
        permissions=frozenset({"studio.artists.get"}),
    )
    assert answer["data"] == {"artist": {"title": "Nina", "labelRecord": None}}
    assert answer["errors"][0]["path"] == ["artist", "labelRecord"]
    assert answer["errors"][0]["extensions"]["metadata"] == {"permission": "studio.labels.get"}
    assert nina.called == ["GetArtist"]


async def test_nested_children_need_the_permission_of_their_list(nina: Studio) -> None:
    answer = await nina.send(
        '{ artist(name: "artists/nina") { albums { nodes { title } } } }', permissions=frozenset({"studio.artists.get"})
    )
    assert answer["data"] == {"artist": {"albums": None}}
    assert reasons(answer) == ["PERMISSION_MISSING"]


async def test_a_mutation_needs_the_permission_of_its_rpc(nina: Studio) -> None:
    answer = await nina.send(
        'mutation { deleteArtist(name: "artists/nina") }', permissions=frozenset({"studio.artists.get"})
    )
    assert reasons(answer) == ["PERMISSION_MISSING"]
    assert nina.called == []


async def test_a_field_that_is_not_shown_is_null_in_every_row_and_one_error(nina: Studio) -> None:
    few = frozenset({"studio.artists.list"})
    answer = await nina.send("{ artists { nodes { title fee again: fee } } }", permissions=few)
    rows = answer["data"]["artists"]["nodes"]
    assert rows == [{"title": title, "fee": None, "again": None} for title in ("Nina", "Otis")]
    (error,) = answer["errors"]
    assert error["path"] == ["artists", "nodes", 0, "fee"]
    assert error["extensions"]["reason"] == "FIELD_HIDDEN"
    assert error["extensions"]["metadata"]["permission"] == "studio.artists.seeFee"


async def test_a_field_that_is_not_shown_is_not_found_out_by_way_of_a_reference(nina: Studio) -> None:
    update = 'mutation { updateArtist(artist: {name: "artists/nina", influences: ["artists/otis"]}) { name } }'
    await nina.ask(update)
    answer = await nina.send(
        '{ artist(name: "artists/nina") { influencesRecords { title fee } } }',
        permissions=frozenset({"studio.artists.get"}),
    )
    assert answer["data"]["artist"]["influencesRecords"] == [{"title": "Otis", "fee": None}]


async def test_the_limit_of_a_method_holds_for_its_aliases_too(nina: Studio) -> None:
    text = " ".join(f'd{index}: deleteArtist(name: "artists/x{index}")' for index in range(4))
    answer = await nina.send(f"mutation {{ {text} }}")
    assert reasons(answer) == ["RECORD_NOT_FOUND"] * 2 + ["RESOURCE_EXHAUSTED"] * 2
    assert nina.called == ["DeleteArtist"] * 2
    assert answer["errors"][3]["extensions"]["retryAfter"]


async def test_the_schema_is_told_by_permission(nina: Studio) -> None:
    text = "{ __schema { queryType { name } } }"
    denied = await nina.send(text, permissions=frozenset({"studio.*"}))
    assert reasons(denied) == ["INTROSPECTION_DENIED"]
    assert "data" not in denied
    shown = await nina.ask(text, permissions=frozenset({"data.graphql.introspect"}))
    assert shown == {"__schema": {"queryType": {"name": "Query"}}}


async def test_a_refused_document_reaches_no_rpc(nina: Studio) -> None:
    deep = "{ artists(first: 1) { nodes " + "{ influencesRecords " * 12 + "{ name }" + "}" * 12 + "} }"
    costly = "{ artists(first: 1000) { nodes { albums(first: 1000) { nodes { title } } } } }"
    aliases = "{" + " ".join(f"a{i}: artists(first: 1000) {{ nodes {{ name }} }}" for i in range(11)) + "}"
    for text, reason in ((deep, "QUERY_TOO_DEEP"), (costly, "QUERY_TOO_COSTLY"), (aliases, "QUERY_TOO_COSTLY")):
        answer = await nina.send(text)
        assert reasons(answer) == [reason]
        assert "data" not in answer
        assert answer["errors"][0]["extensions"]["metadata"].keys() > {"limit"}
    assert nina.called == []


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{ nothing }",
        "{ artist }",
        "",
        " ",
        "subscription { artists { name } }",
        "query a { __typename } query b { __typename }",
    ],
)
async def test_a_bad_document_is_refused_with_its_place_or_its_reason(nina: Studio, text: str) -> None:
    if not text:
        with pytest.raises(RequestMalformed):
            await nina.send(text)
        return
    answer = await nina.send(text)
    assert set(reasons(answer)) == {"QUERY_INVALID"}
    assert "data" not in answer


@pytest.mark.parametrize("variables", [{"n": 1}, {"n": ["a"]}, {"n": None}, {}])
async def test_bad_variables_are_refused(nina: Studio, variables: Any) -> None:
    answer = await nina.send("query($n: String!) { artist(name: $n) { name } }", variables)
    assert reasons(answer) == ["QUERY_INVALID"]


async def test_variables_that_nest_without_end_are_refused(nina: Studio) -> None:
    deep: Any = {"title": "x"}
    for _ in range(300):
        deep = {"parts": [deep]}
    answer = await nina.send(
        'mutation($a: AlbumInput) { createAlbum(parent: "artists/nina", album: $a) { name } }', {"a": {"single": deep}}
    )
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"[{}]",
        b"{}",
        b'{"query": 1}',
        b'{"query": "{ __typename }", "variables": []}',
        b'{"query": "{ __typename }", "operationName": 1}',
        b'{"query": "{ __typename }", "variables": {"a": NaN}}',
        b"[" * 100_000,
        b'{"query":' * 20_000,
    ],
)
async def test_a_body_that_is_no_request_is_malformed(nina: Studio, body: bytes) -> None:
    with pytest.raises(RequestMalformed):
        await nina.post(body)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_what_a_page_of_somebody_else_can_send_is_not_read(nina: Studio, content_type: str) -> None:
    with pytest.raises(RequestMalformed):
        await nina.post(b'{"query": "{ __typename }"}', content_type=content_type)


async def test_the_content_type_follows_what_is_asked_for_and_what_is_there(nina: Studio) -> None:
    newer = {"accept": "application/graphql-response+json, application/json;q=0.9"}
    good, bad = (json.dumps({"query": text}).encode() for text in ("{ __typename }", "{"))
    await nina.post(good, content_type="application/json; charset=utf-8", metadata=newer)
    assert nina.content_type == "application/graphql-response+json"
    await nina.post(bad, metadata=newer)
    assert nina.content_type == "application/json"
    await nina.post(good)
    assert nina.content_type == "application/json"


async def test_an_operation_is_chosen_by_its_name(nina: Studio) -> None:
    text = "query a { x: __typename } query b { y: __typename }"
    assert await nina.ask(text, operationName="b") == {"y": "Query"}
    assert reasons(await nina.send(text, operationName="c")) == ["QUERY_INVALID"]
