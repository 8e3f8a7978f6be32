"""A contract in a folder of the user's is served whole, with no Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.conftest import sign_in_new_user

if TYPE_CHECKING:
    from tests.e2e.stack import Stack


def test_a_book_is_made_read_changed_listed_and_deleted(stack: Stack, shelf: str) -> None:
    with stack.client(stack.token()) as client:
        made = client.post(
            f"/library/v1/{shelf}/books?bookId=iliad",
            json={"title": "Iliad", "pageCount": 683, "reads": "9007199254740993"},
        )
        assert made.status_code == 200, made.text
        name = made.json()["name"]
        assert name == f"{shelf}/books/iliad"
        assert made.json()["reads"] == "9007199254740993"
        assert client.get(f"/library/v1/{name}").json() == made.json()

        changed = client.patch(
            f"/library/v1/{name}?updateMask=title,genre", json={"title": "The Iliad", "genre": "GENRE_POETRY"}
        )
        assert changed.status_code == 200, changed.text
        assert (changed.json()["title"], changed.json()["pageCount"]) == ("The Iliad", 683)
        assert changed.json()["etag"] != made.json()["etag"]

        found = client.get(
            f"/library/v1/{shelf}/books", params={"filter": 'genre = GENRE_POETRY AND title = "The Iliad"'}
        )
        assert [b["name"] for b in found.json()["books"]] == [name]

        stale = client.delete(f"/library/v1/{name}", params={"etag": made.json()["etag"]})
        assert stale.status_code == 409, stale.text
        assert stale.json()["details"][0]["reason"] == "ETAG_MISMATCH"
        assert client.delete(f"/library/v1/{name}").status_code == 200
        assert client.get(f"/library/v1/{name}").status_code == 404


def test_a_batch_is_all_or_nothing(stack: Stack, shelf: str) -> None:
    def request(number: int, isbn: str) -> dict[str, object]:
        return {"parent": shelf, "bookId": f"batch-{number}", "book": {"title": f"Book {number}", "isbn": isbn}}

    with stack.client(stack.token()) as client:
        url = f"/library/v1/{shelf}/books:batchCreate"
        clash = client.post(url, json={"requests": [request(1, "b-1"), request(2, "b-2"), request(3, "b-1")]})
        assert clash.status_code == 409, clash.text
        assert client.get(f"/library/v1/{shelf}/books/batch-1").status_code == 404
        made = client.post(url, json={"requests": [request(n, f"b-{n}") for n in range(1, 4)]})
        assert made.status_code == 200, made.text
        names = [b["name"] for b in made.json()["books"]]
        got = client.get(f"/library/v1/{shelf}/books:batchGet", params={"names": list(reversed(names))})
        assert [b["name"] for b in got.json()["books"]] == list(reversed(names))


def test_pages_cover_the_list_once(stack: Stack, shelf: str) -> None:
    with stack.client(stack.token()) as client:
        for number in range(7):
            client.post(
                f"/library/v1/{shelf}/books?bookId=page-{number}", json={"title": "Page", "pageCount": number % 3}
            )
        seen, token = [], ""
        while True:
            page = client.get(
                f"/library/v1/{shelf}/books",
                params={"pageSize": 2, "filter": 'title = "Page"', "orderBy": "page_count desc", "pageToken": token},
            )
            assert page.status_code == 200, page.text
            seen += [(b["pageCount"], b["name"]) for b in page.json()["books"]]
            token = page.json()["nextPageToken"]
            if not token:
                break
    assert len(seen) == len(set(seen)) == 7
    counts = [count for count, _ in seen]
    assert counts == sorted(counts, reverse=True)


def test_the_permission_of_the_contract_is_the_one_that_is_asked_for(stack: Stack, book: str) -> None:
    reader = sign_in_new_user(stack, "reader@example.com", permissions=("library.books.*",))
    with stack.client(reader) as client:
        assert client.get(f"/library/v1/{book}").status_code == 200
        assert client.get(f"/library/v1/{book.split('/books/', maxsplit=1)[0]}").status_code == 403


def test_a_note_is_its_owners_alone(stack: Stack) -> None:
    ann = sign_in_new_user(stack, "ann@example.com", permissions=())
    bob = sign_in_new_user(stack, "bob@example.com", permissions=())
    with stack.client(ann) as client:
        assert client.post("/library/v1/notes?noteId=diary", json={"text": "mine"}).status_code == 200
        assert client.get("/library/v1/notes/diary").status_code == 200
    with stack.client(bob) as client:
        assert client.get("/library/v1/notes/diary").status_code == 404
        assert client.get("/library/v1/notes").json()["notes"] == []
        # The name is taken by a note that the caller may not see, so the answer is not ALREADY_EXISTS (AIP-133).
        assert client.post("/library/v1/notes?noteId=diary", json={"text": "bob's"}).status_code == 403


def test_the_contracts_limit_holds_for_each_subject(stack: Stack) -> None:
    cat = sign_in_new_user(stack, "cat@example.com", permissions=())
    dan = sign_in_new_user(stack, "dan@example.com", permissions=())
    with stack.client(cat) as client:
        answers = [client.get("/library/v1/notes") for _ in range(7)]
    assert [a.status_code for a in answers] == [200] * 5 + [429] * 2
    assert answers[-1].json()["code"] == 8
    assert int(answers[-1].headers["retry-after"]) > 0
    with stack.client(dan) as client:
        assert client.get("/library/v1/notes").status_code == 200


def test_the_contract_service_lists_it(stack: Stack) -> None:
    with stack.client(stack.token()) as client:
        contracts = client.get("/data/v1/contracts").json()["contracts"]
    assert {"library.v1", "tenon.flightops.v1"} <= {c["package"] for c in contracts}
