"""What GraphQL writes: every kind of value comes back as it was sent, and an update changes what it names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.graph.studio import Studio

ALBUM = """
fragment whole on Album {
  title format tracks { title length parts { title parts { title } } } single { title length } notes { key value }
  sides { key value { title } } sold pressed returned price loudness rare cover releaseTime subtitle numbers extra
  nickname soft hard
}
"""
VALUES: dict[str, Any] = {
    "title": "Ünï ☃ 𝄞",
    "format": "FORMAT_VINYL",
    "tracks": [{"title": "a", "length": "61.500s", "parts": [{"title": "b", "parts": [{"title": "c"}]}]}],
    "single": {"title": "s", "length": "0s"},
    "notes": [{"key": "de", "value": "x"}, {"key": "en", "value": ""}],
    "sides": [{"key": -1, "value": {"title": "x"}}, {"key": 2, "value": {"title": "y"}}],
    "sold": "-9223372036854775808",
    "pressed": "18446744073709551615",
    "returned": 4294967295,
    "price": 1e300,
    "loudness": 0.1,
    "rare": True,
    "cover": "/+8=",
    "releaseTime": "2013-01-01T10:15:00.123456Z",
    "subtitle": "",
    "numbers": ["1", "9007199254740993"],
    "extra": {"a": [1, "b", None, {"c": True}]},
    "nickname": "",
    "hard": 0,
}


@pytest.fixture
async def artist(studio: Studio) -> str:
    data = await studio.ask('mutation { createArtist(artistId: "a", artist: {title: "A", fee: 7}) { name } }')
    name: str = data["createArtist"]["name"]
    return name


async def test_every_kind_of_value_comes_back_as_it_was_sent(studio: Studio, artist: str) -> None:
    text = 'mutation($p: String, $a: AlbumInput) { createAlbum(parent: $p, albumId: "x", album: $a) { ...whole } }'
    made = (await studio.ask(text + ALBUM, {"p": artist, "a": VALUES}))["createAlbum"]
    inner = {"title": "c"}
    expected = VALUES | {
        "soft": None,
        "tracks": [{"title": "a", "length": "61.500s", "parts": [{"title": "b", "parts": [inner]}]}],
    }
    assert made == expected
    read = await studio.ask('{ album(name: "artists/a/albums/x") { ...whole } }' + ALBUM)
    assert read["album"] == expected


async def test_what_was_not_sent_has_its_default(studio: Studio, artist: str) -> None:
    text = 'mutation($p: String) { createAlbum(parent: $p, albumId: "x", album: {title: "t"}) { ...whole } }'
    made = (await studio.ask(text + ALBUM, {"p": artist}))["createAlbum"]
    assert made["format"] == "FORMAT_UNSPECIFIED"
    assert made["sold"] == "0"
    assert made["tracks"] == made["notes"] == made["numbers"] == []
    assert {made[name] for name in ("single", "releaseTime", "subtitle", "extra", "nickname", "soft", "hard")} == {None}


async def test_an_update_changes_what_it_names_and_null_clears(studio: Studio, artist: str) -> None:
    update = "mutation($a: ArtistInput) { updateArtist(artist: $a) { title label fee } }"
    await studio.ask('mutation { createLabel(labelId: "l", label: {title: "L"}) { name } }')
    await studio.ask(update, {"a": {"name": artist, "label": "labels/l"}})
    assert (await studio.ask(update, {"a": {"name": artist, "title": "B"}}))["updateArtist"] == {
        "title": "B",
        "label": "labels/l",
        "fee": "7",
    }
    cleared = (await studio.ask(update, {"a": {"name": artist, "label": None, "fee": 0}}))["updateArtist"]
    assert cleared == {"title": "B", "label": "", "fee": "0"}


async def test_an_update_reaches_into_messages(studio: Studio, artist: str) -> None:
    await studio.ask(
        'mutation { createAlbum(parent: "artists/a", albumId: "x",'
        ' album: {title: "t", single: {title: "s", length: "3s"}}) { name } }'
    )
    update = "mutation($a: AlbumInput) { updateAlbum(album: $a) { single { title length } title } }"
    name = f"{artist}/albums/x"
    data = await studio.ask(update, {"a": {"name": name, "single": {"title": "z"}}})
    assert data["updateAlbum"] == {"single": {"title": "z", "length": "3s"}, "title": "t"}
    data = await studio.ask(update, {"a": {"name": name, "single": None}})
    assert data["updateAlbum"]["single"] is None


async def test_a_mask_that_is_sent_is_the_mask(studio: Studio, artist: str) -> None:
    text = 'mutation { updateArtist(artist: {name: "artists/a", title: "B", fee: 9}, updateMask: "fee") { title fee } }'
    assert (await studio.ask(text))["updateArtist"] == {"title": "A", "fee": "9"}


async def test_mutations_run_one_after_the_other(studio: Studio, artist: str) -> None:
    text = " ".join(
        f'm{index}: updateArtist(artist: {{name: "artists/a", title: "{index}"}}) {{ title }}' for index in range(6)
    )
    data = await studio.ask(f"mutation {{ {text} }}")
    assert data == {f"m{index}": {"title": str(index)} for index in range(6)}
    assert studio.called[-6:] == ["UpdateArtist"] * 6


async def test_a_delete_returns_true(studio: Studio, artist: str) -> None:
    assert await studio.ask('mutation { deleteArtist(name: "artists/a") }') == {"deleteArtist": True}


async def test_one_failed_mutation_leaves_the_others(studio: Studio, artist: str) -> None:
    answer = await studio.send(
        'mutation { a: createArtist(artistId: "a", artist: {title: "again"}) { name }'
        ' b: createArtist(artistId: "b", artist: {title: "B"}) { name } }'
    )
    assert answer["data"] == {"a": None, "b": {"name": "artists/b"}}
    (error,) = answer["errors"]
    assert error["path"] == ["a"]
    assert error["extensions"]["code"] == "ALREADY_EXISTS"


async def test_what_the_contract_refuses_is_refused_with_its_violations(studio: Studio, artist: str) -> None:
    answer = await studio.send('mutation { createAlbum(parent: "artists/a", album: {hard: -1}) { name } }')
    violations = answer["errors"][0]["extensions"]["violations"]
    assert {violation["field"] for violation in violations} == {"album.title", "album.hard"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "\ud800"),
        ("title", "a\0b"),
        ("releaseTime", "0000-01-01T00:00:00Z"),
        ("releaseTime", "yesterday"),
        ("sold", "9223372036854775808"),
        ("sold", True),
        ("sold", 1.5),
        ("pressed", "-1"),
        ("returned", 4294967296),
        ("price", "NaN"),
        ("cover", "***"),
        ("format", "FORMAT_NONE"),
        ("extra", [1]),
        ("extra", "text"),
        ("nickname", 1),
        ("hard", 2147483648),
        ("notes", [{"key": "a"}]),
        ("notes", [{"value": "a"}]),
        ("numbers", [None]),
        ("tracks", [{"length": "1h"}]),
        ("nothing", 1),
    ],
)
async def test_a_value_that_does_not_fit_is_refused_and_tells_why(
    studio: Studio, artist: str, field: str, value: object
) -> None:
    text = 'mutation($a: AlbumInput) { createAlbum(parent: "artists/a", album: $a) { name } }'
    answer = await studio.send(text, {"a": {"title": "t", field: value}})
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "INVALID_ARGUMENT"
    assert error["message"]
    assert not (answer.get("data") or {}).get("createAlbum")
