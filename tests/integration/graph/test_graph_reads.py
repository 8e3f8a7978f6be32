"""What GraphQL reads: records, pages, and the ways between them, each read once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.integration.graph.studio import Studio

PAGE = (
    "query($after: String) { artists(first: 3, after: $after) { nodes { name } pageInfo { endCursor hasNextPage } } }"
)


async def _fill(studio: Studio, count: int, labels: int = 5) -> None:
    for index in range(labels):
        await studio.ask(f'mutation {{ createLabel(labelId: "l{index}", label: {{title: "L{index}"}}) {{ name }} }}')
    requests = [
        {
            "artistId": f"a{index:03d}",
            "artist": {
                "title": f"Artist {index}",
                "label": f"labels/l{index % labels}",
                "influences": [f"artists/a{index % 2:03d}"] if index > 1 else [],
            },
        }
        for index in range(count)
    ]
    text = "mutation($r: [CreateArtistRequestInput!]) { batchCreateArtists(requests: $r) { artists { name } } }"
    for batch in (requests[:2], requests[2:]):
        # What a record refers to has to be there before.
        await studio.ask(text, {"r": batch})
    studio.called.clear()


async def test_a_page_with_references_makes_one_read_for_each_kind_that_is_referred_to(studio: Studio) -> None:
    await _fill(studio, 50)
    data = await studio.ask(
        "{ artists { nodes { title labelRecord { title } influencesRecords { title labelRecord { title } } } } }"
    )
    rows = data["artists"]["nodes"]
    assert len(rows) == 50
    assert rows[7]["labelRecord"] == {"title": "L2"}
    assert rows[7]["influencesRecords"] == [{"title": "Artist 1", "labelRecord": {"title": "L1"}}]
    # Labels have no BatchGet in this contract, so each of the five is read once, however often it is referred to.
    assert Counter(studio.called) == {"ListArtists": 1, "BatchGetArtists": 1, "GetLabel": 5}


async def test_what_was_read_is_not_read_again_in_the_same_answer(studio: Studio) -> None:
    await _fill(studio, 3, labels=1)
    await studio.ask(
        '{ a: artist(name: "artists/a001") { labelRecord { title } } b: artist(name: "artists/a002")'
        " { labelRecord { title } } }"
    )
    assert Counter(studio.called) == {"GetArtist": 2, "GetLabel": 1}
    await studio.ask('{ artist(name: "artists/a001") { labelRecord { title } } }')
    assert Counter(studio.called)["GetLabel"] == 2


async def test_an_empty_reference_is_null_and_leaves_the_others(studio: Studio) -> None:
    await _fill(studio, 3, labels=1)
    await studio.ask(
        'mutation { createAlbum(parent: "artists/a000", albumId: "x", album: {title: "X", tracks: ['
        '{title: "1", guest: "artists/a001"}, {title: "2"}, {title: "3", guest: "artists/a002"}]}) { name } }'
    )
    data = await studio.ask('{ album(name: "artists/a000/albums/x") { tracks { guestRecord { title } } } }')
    assert [track["guestRecord"] for track in data["album"]["tracks"]] == [
        {"title": "Artist 1"},
        None,
        {"title": "Artist 2"},
    ]
    assert studio.called.count("BatchGetArtists") == 1


async def test_parents_and_children_are_found_from_each_other(studio: Studio) -> None:
    await _fill(studio, 2, labels=1)
    for name in ("x", "y"):
        made = f'createAlbum(parent: "artists/a001", albumId: "{name}", album: {{title: "{name}"}})'
        await studio.ask(f"mutation {{ {made} {{ name }} }}")
    data = await studio.ask(
        '{ artist(name: "artists/a001") { albums(orderBy: "title desc", filter: "title != \\"z\\"", first: 1)'
        " { nodes { title parentRecord { name } } pageInfo { hasNextPage } } } }"
    )
    assert data["artist"]["albums"] == {
        "nodes": [{"title": "y", "parentRecord": {"name": "artists/a001"}}],
        "pageInfo": {"hasNextPage": True},
    }
    data = await studio.ask("{ artists { nodes { albums { nodes { title } } } } }")
    assert data["artists"]["nodes"] == [
        {"albums": {"nodes": []}},
        {"albums": {"nodes": [{"title": "x"}, {"title": "y"}]}},
    ]


async def test_all_pages_together_are_the_list(studio: Studio) -> None:
    await _fill(studio, 8, labels=1)
    names: list[str] = []
    after, pages = None, 0
    while True:
        page = (await studio.ask(PAGE, {"after": after}))["artists"]
        names += [row["name"] for row in page["nodes"]]
        pages += 1
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert names == [f"artists/a{index:03d}" for index in range(8)]
    assert pages == 3


async def test_every_row_has_a_cursor_and_the_page_after_it_begins_with_the_next(studio: Studio) -> None:
    await _fill(studio, 7, labels=1)
    query = (
        'query($after: String, $first: Int) { artists(first: $first, after: $after, orderBy: "title desc") { edges {'
    )
    query += " cursor node { name } } pageInfo { hasPreviousPage startCursor } } }"
    every = (await studio.ask(query, {"first": 5}))["artists"]["edges"]
    every += (await studio.ask(query, {"first": 5, "after": every[-1]["cursor"]}))["artists"]["edges"]
    assert [edge["node"]["name"] for edge in every] == [f"artists/a{index:03d}" for index in reversed(range(7))]
    for index, edge in enumerate(every):
        found = (await studio.ask(query, {"first": 2, "after": edge["cursor"]}))["artists"]
        assert [each["node"] for each in found["edges"]] == [each["node"] for each in every[index + 1 : index + 3]]


async def test_a_cursor_in_the_midst_is_refused_where_rows_before_it_went(studio: Studio) -> None:
    await _fill(studio, 5, labels=1)
    query = 'query($after: String) { artists(first: 4, after: $after, orderBy: "title desc") { edges { cursor node'
    query += " { name } } pageInfo { endCursor } } }"
    page = (await studio.ask(query))["artists"]
    await studio.ask('mutation { deleteArtist(name: "artists/a004") }')
    midst = await studio.send(query, {"after": page["edges"][1]["cursor"]})
    assert midst["errors"][0]["extensions"]["reason"] == "CURSOR_INVALID"
    after = await studio.ask(query, {"after": page["pageInfo"]["endCursor"]})
    assert [edge["node"]["name"] for edge in after["artists"]["edges"]] == ["artists/a000"]


async def test_a_page_is_bound_to_its_arguments(studio: Studio) -> None:
    await _fill(studio, 5, labels=1)
    after = (await studio.ask(PAGE))["artists"]["pageInfo"]["endCursor"]
    query = 'query($after: String) { artists(after: $after, orderBy: "title") { nodes { name } } }'
    answer = await studio.send(query, {"after": after})
    assert answer["errors"][0]["extensions"]["reason"] == "PAGE_TOKEN_INVALID"


async def test_fragments_aliases_and_conditions_keep_the_order_of_the_document(studio: Studio) -> None:
    await _fill(studio, 2, labels=1)
    nodes = "nodes { __typename b: title ...more etag @include(if: $no) a: name }"
    more = "fragment more on Artist { labelRecord { ...on Label { title } } label }"
    text = f"query($no: Boolean = false) {{ artists(first: 2) {{ {nodes} kind: __typename }} }} {more}"
    data = await studio.ask(text)
    row = data["artists"]["nodes"][1]
    assert list(row) == ["__typename", "b", "labelRecord", "label", "a"]
    assert row == {
        "__typename": "Artist",
        "b": "Artist 1",
        "labelRecord": {"title": "L0"},
        "label": "labels/l0",
        "a": "artists/a001",
    }
    assert data["artists"]["kind"] == "ArtistsConnection"


async def test_a_document_is_parsed_once(studio: Studio) -> None:
    await _fill(studio, 1, labels=1)
    documents: Any = await studio.graph._documents()  # noqa: SLF001 - what is kept is not told otherwise
    before = len(documents)
    for _ in range(3):
        await studio.ask("{ artists { nodes { name } } }")
    assert len(documents) == before + 1
