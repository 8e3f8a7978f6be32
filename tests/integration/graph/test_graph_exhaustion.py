"""What a document costs more than it was reckoned at ends it: no caller fills a process or keeps it from others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.interceptors.errors import MESSAGE_LIMIT, METADATA_LIMIT
from services.graph.engine import MAX_ANSWER
from services.graph.limits import MAX_CALLS, MAX_ERRORS, MAX_READ

if TYPE_CHECKING:
    from tests.integration.graph.studio import Studio


def reasons(answer: Any) -> set[str]:
    return {error["extensions"]["reason"] for error in answer["errors"]}


@pytest.fixture
async def nina(studio: Studio) -> Studio:
    await studio.ask('mutation { createArtist(artistId: "nina", artist: {title: "Nina"}) { name } }')
    return studio


async def album(studio: Studio, name: str, **fields: Any) -> None:
    text = (
        'mutation($a: AlbumInput!, $i: String) { createAlbum(parent: "artists/nina", albumId: $i, album: $a) { name } }'
    )
    await studio.ask(text, {"a": {"title": name, **fields}, "i": name})
    studio.called.clear()


async def test_fields_of_a_list_that_is_longer_than_reckoned_are_counted_each(nina: Studio) -> None:
    await album(nina, "long", tracks=[{"title": "t"}] * 20_000)
    many = " ".join(f"a{n}: title" for n in range(20))
    for inside in (many, f"... on AlbumTrack {{ {many} }}", f"{many} guestRecord {{ title }}"):
        answer = await nina.send(f'{{ album(name: "artists/nina/albums/long") {{ title tracks {{ {inside} }} }} }}')
        assert "QUERY_TOO_COSTLY" in reasons(answer)
    answer = await nina.send('{ album(name: "artists/nina/albums/long") { tracks { title } } }')
    assert len(answer["data"]["album"]["tracks"]) == 20_000


async def test_the_calls_below_a_list_that_is_longer_than_reckoned_are_bounded(nina: Studio) -> None:
    await album(nina, "long", tracks=[{"guest": "artists/nina"}] * (MAX_CALLS + 500))
    answer = await nina.send(
        '{ album(name: "artists/nina/albums/long") { tracks { guestRecord { albums(first: 1) { nodes { name } } } } } }'
    )
    assert "QUERY_TOO_COSTLY" in reasons(answer)
    assert len(nina.called) <= MAX_CALLS


async def test_the_errors_of_an_answer_are_bounded(nina: Studio) -> None:
    await album(nina, "long", tracks=[{"guest": "artists/nina"}] * (MAX_ERRORS + 500))
    answer = await nina.send(
        '{ album(name: "artists/nina/albums/long") { tracks { guestRecord { name } } } }',
        permissions=frozenset({"studio.albums.get"}),
    )
    assert len(answer["errors"]) == MAX_ERRORS
    tracks = answer["data"]["album"]["tracks"]
    assert tracks == [{"guestRecord": None}] * (MAX_ERRORS + 500)


async def test_what_the_calls_of_a_document_read_is_bounded_together(nina: Studio) -> None:
    size = 1_000_000
    await album(nina, "big", soft="x" * size)
    most = MAX_READ // size
    aliases = " ".join(f'a{n}: album(name: "artists/nina/albums/big") {{ soft }}' for n in range(most + 20))
    answer = await nina.send(f"{{ {aliases} }}")
    assert reasons(answer) == {"ANSWER_TOO_LARGE"}
    # What was under way when the bound was reached came to its end, and nothing began after it.
    assert most <= len(nina.called) <= most + 9
    assert len(json.dumps(answer)) < MAX_ANSWER


async def test_a_long_variable_that_every_request_holds_is_counted_in_each(nina: Studio) -> None:
    size = 1_000_000
    aliases = " ".join(f"a{n}: artist(name: $n) {{ title }}" for n in range(100))
    answer = await nina.send(f"query($n: String!) {{ {aliases} }}", {"n": "artists/" + "x" * size})
    assert "ANSWER_TOO_LARGE" in reasons(answer)
    assert nina.called.count("GetArtist") <= MAX_READ // size
    # Nor is it in every error.
    assert len(json.dumps(answer)) < size


async def test_an_error_is_no_longer_than_that_of_the_same_rpc(nina: Studio) -> None:
    answer = await nina.send("query($n: String!) { artist(name: $n) { title } }", {"n": "artists/" + "x" * 5000})
    (error,) = answer["errors"]
    assert len(error["message"]) <= MESSAGE_LIMIT
    assert all(len(value) <= METADATA_LIMIT for value in error["extensions"]["metadata"].values())


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{ artists(first: " + "9" * 5000 + ") { nodes { name } } }", None),
        ("query($n: Int = " + "9" * 5000 + ") { artists(first: $n) { nodes { name } } }", None),
        ("query($n: Int) { artists(first: $n) { nodes { name } } }", {"n": 10**300}),
        ("query($n: Int) { artists(first: $n) { nodes { name } } }", {"n": True}),
        ("{ artists(first: 1.5) { nodes { name } } }", None),
        ("{ artists(first: 1" + "0" * 400 + ") { nodes { name } } }", None),
    ],
)
async def test_a_number_beyond_all_bounds_is_a_mistake_of_the_document(
    nina: Studio, text: str, variables: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await nina.send(text, variables)
    assert reasons(answer) == {"QUERY_INVALID"}
    assert "set_int_max_str_digits" not in json.dumps(answer)
    assert "unforeseen" not in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "{" + "... {" * 600 + "__typename" + "}" * 600 + "}",
        "{" + "a{" * 600 + "b" + "}" * 600 + "}",
        "{ artist(name: " + "[" * 900 + "]" * 900 + ") { name } }",
        "query($a: " + "[" * 900 + "Int" + "]" * 900 + ") { __typename }",
        "{ ...f0 }" + "".join(f"fragment f{n} on Query {{ ...f{n + 1} }}" for n in range(240)),
        "{ ...f0 } fragment f0 on Query { ...f1 } fragment f1 on Query { ...f0 }",
    ],
)
async def test_a_document_that_nests_without_end_is_refused_as_its_own_mistake(nina: Studio, text: str) -> None:
    assert reasons(await nina.send(text)) == {"QUERY_INVALID"}


async def test_mutations_are_made_one_after_the_other_and_each_stands_for_itself(nina: Studio) -> None:
    answer = await nina.send(
        """mutation {
            a: createArtist(artistId: "otis", artist: {title: "Otis"}) { name }
            b: createArtist(artistId: "otis", artist: {title: "Again"}) { name }
            c: updateArtist(artist: {name: "artists/otis", title: "Otis R."}) { title }
        }"""
    )
    assert answer["data"] == {"a": {"name": "artists/otis"}, "b": None, "c": {"title": "Otis R."}}
    assert reasons(answer) == {"RECORD_ALREADY_EXISTS"}
