"""What belongs to one organization is invisible to another, through every method and every field."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.e2e.stack import Stack

SECRET = "acme-secret"
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF), min_size=1, max_size=30)
BOOKS = st.fixed_dictionaries(
    {"title": TEXT},
    optional={
        "genre": st.sampled_from(["GENRE_NOVEL", "GENRE_POETRY"]),
        "pageCount": st.integers(0, 2**31 - 1),
        "tags": st.lists(TEXT, max_size=3),
        "labels": st.dictionaries(TEXT, TEXT, max_size=3),
        "author": st.fixed_dictionaries({"displayName": TEXT}),
    },
)
FILTERS = [
    "",
    "page_count >= 0",
    "NOT available",
    'title != ""',
    "tags:*",
    "labels:*",
    "-genre = GENRE_NOVEL OR genre = GENRE_NOVEL",
]


@pytest.fixture(scope="module")
def acme(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client(stack.token("--organization", "acme")) as client:
        yield client


@pytest.fixture(scope="module")
def globex(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client(stack.token("--organization", "globex")) as client:
        yield client


def attempts(client: httpx.Client, shelf: str, name: str, book: dict[str, Any], etag: str) -> list[httpx.Response]:
    """Reach for a book through every method and every field that can name it."""
    listed = [client.get(f"/library/v1/{shelf}/books", params={"filter": text, "pageSize": 1000}) for text in FILTERS]
    aimed = client.get(f"/library/v1/{shelf}/books", params={"filter": f'name = "{name}"'})
    return [
        *listed,
        aimed,
        client.get(f"/library/v1/{name}"),
        client.get(f"/library/v1/read/{name}"),
        client.get(f"/library/v1/{shelf}/books:batchGet", params={"names": [name]}),
        client.patch(f"/library/v1/{name}", json={"title": "taken", "etag": etag}),
        client.patch(f"/library/v1/{name}?updateMask=*", json={"title": "taken"}),
        client.delete(f"/library/v1/{name}"),
        client.delete(f"/library/v1/{name}", params={"etag": etag}),
        client.delete(f"/library/v1/{shelf}"),
        client.post(f"/library/v1/{shelf}/books?bookId=mine", json={"title": "on a foreign shelf"}),
        client.post(f"/library/v1/{shelf}/books:batchCreate", json={"requests": [{"parent": shelf, "book": book}]}),
    ]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(book=BOOKS)
def test_a_record_is_invisible_to_another_organization(
    acme: httpx.Client, globex: httpx.Client, book: dict[str, Any]
) -> None:
    shelf_id, book_id = f"s{uuid.uuid4().hex[:12]}", f"b{uuid.uuid4().hex[:12]}"
    book = book | {"purchaseNote": SECRET, "isbn": uuid.uuid4().hex}
    shelf = acme.post("/library/v1/shelves", params={"shelfId": shelf_id}, json={"theme": SECRET}).json()["name"]
    made = acme.post(f"/library/v1/{shelf}/books", params={"bookId": book_id}, json=book)
    assert made.status_code == 200, made.text
    name = made.json()["name"]

    for answer in attempts(globex, shelf, name, book, made.json()["etag"]):
        assert answer.status_code in {200, 403, 404, 400}, answer.text
        assert SECRET not in answer.text, answer.request.url
        if answer.status_code == 200:
            assert answer.json() in ({"books": [], "nextPageToken": ""}, {}), (answer.request.url, answer.text)
    assert acme.get(f"/library/v1/{name}").json() == made.json()


def test_the_same_names_and_unique_keys_live_side_by_side(acme: httpx.Client, globex: httpx.Client) -> None:
    for client, theme in ((acme, "A"), (globex, "G")):
        assert client.post("/library/v1/shelves?shelfId=same", json={"theme": theme}).status_code == 200
        made = client.post("/library/v1/shelves/same/books?bookId=b", json={"title": theme, "isbn": "one"})
        assert made.status_code == 200, made.text
    assert acme.get("/library/v1/shelves/same/books/b").json()["title"] == "A"
    assert globex.get("/library/v1/shelves/same/books/b").json()["title"] == "G"


def test_a_page_token_of_another_organization_opens_nothing(acme: httpx.Client, globex: httpx.Client) -> None:
    for number in range(3):
        acme.post("/library/v1/shelves?shelfId=paged", json={"theme": "x"})
        acme.post(f"/library/v1/shelves/paged/books?bookId=p{number}", json={"title": SECRET})
    token = acme.get("/library/v1/shelves/paged/books?pageSize=1").json()["nextPageToken"]
    stolen = globex.get("/library/v1/shelves/paged/books", params={"pageSize": 1, "pageToken": token})
    assert stolen.status_code == 400
    assert SECRET not in stolen.text


def test_a_page_token_of_another_owner_opens_nothing(stack: Stack, powerless: str) -> None:
    with stack.client(stack.token()) as owner, stack.client(powerless) as other:
        for number in range(2):
            assert owner.post(f"/library/v1/notes?noteId=paged{number}", json={"text": SECRET}).status_code == 200
        token = owner.get("/library/v1/notes?pageSize=1").json()["nextPageToken"]
        stolen = other.get("/library/v1/notes", params={"pageSize": 1, "pageToken": token})
    assert stolen.status_code == 400, stolen.text


def test_a_note_is_its_owners_alone_and_its_name_says_no_more_than_that_it_is_taken(
    stack: Stack, powerless: str
) -> None:
    with stack.client(stack.token()) as owner, stack.client(powerless) as other:
        assert owner.post("/library/v1/notes?noteId=mine", json={"text": SECRET}).status_code == 200
        read = other.get("/library/v1/notes/mine")
        taken = other.post("/library/v1/notes?noteId=mine", json={"text": "theirs"})
        assert (read.status_code, taken.status_code) == (404, 403)
        assert SECRET not in read.text + taken.text + other.get("/library/v1/notes").text
        assert owner.get("/library/v1/notes/mine").json()["text"] == SECRET


def test_a_global_record_is_read_by_all_and_written_by_the_system_alone(stack: Stack, acme: httpx.Client) -> None:
    assert acme.get("/flightops/v1/airports/JFK").status_code == 200
    for answer in (
        acme.post("/flightops/v1/airports?airportId=XXX", json={"displayName": "Mine", "iataCode": "XXX"}),
        acme.patch("/flightops/v1/airports/JFK?updateMask=displayName", json={"displayName": "Mine"}),
        acme.delete("/flightops/v1/airports/JFK"),
    ):
        assert answer.status_code == 403, answer.text
    assert acme.get("/flightops/v1/airports/JFK").json()["displayName"] != "Mine"
