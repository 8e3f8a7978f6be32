"""Nobody uses up what others need: not without a token, and not with one."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import grpc

from services.meshgen.envoy.clusters import MAX_CALLS
from services.records.writing.preparing import MAX_RECORD_BYTES

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

STREAMS = 98
"""Streams of one connection, of which the edge lets a hundred live."""


def test_a_flood_of_streams_without_a_token_leaves_room_for_those_who_have_one(stack: Stack, shelf: str) -> None:
    with ExitStack() as opened:
        streams: list[Any] = []
        for _ in range(MAX_CALLS // STREAMS + 2):
            own = [("grpc.use_local_subchannel_pool", 1)]
            channel = opened.enter_context(grpc.insecure_channel(f"127.0.0.1:{stack.port}", own))
            watch = channel.unary_stream("/grpc.health.v1.Health/Watch", bytes, bytes)
            streams += [watch(b"") for _ in range(STREAMS)]
        ended = [stream for stream in streams if not _is_open(stream)]
        assert ended, "the flood has found its bound"
        with stack.client(stack.token()) as client:
            answer = client.get(f"/library/v1/{shelf}")
        assert answer.status_code == 200, answer.text


def _is_open(stream: Any) -> bool:
    """Wait for the first answer and return whether there was one."""
    try:
        next(stream)
    except grpc.RpcError:
        return False
    return True


def test_a_request_as_long_as_the_edge_takes_is_served_and_never_refused_by_chance(stack: Stack, book: str) -> None:
    shelf, _, _ = book.rpartition("/books/")
    with stack.client(stack.token()) as client:
        for count in (400, 600, 1000):
            answer = client.get(f"/library/v1/{shelf}/books:batchGet", params={"names": [book] * count})
            assert answer.status_code == 200, answer.text[:300]
            assert len(answer.json()["books"]) == count


def test_large_records_never_stop_a_list(stack: Stack) -> None:
    size = MAX_RECORD_BYTES * 9 // 10
    with stack.client(stack.token()) as client:
        assert client.post("/library/v1/shelves?shelfId=large", json={"theme": "x"}).status_code == 200
        for number in range(9):
            body = {"title": "Large", "purchaseNote": "x" * size}
            made = client.post(f"/library/v1/shelves/large/books?bookId=b{number}", json=body)
            assert made.status_code == 200, made.text[:300]
        seen, token = [], ""
        while True:
            answer = client.get("/library/v1/shelves/large/books", params={"pageSize": 1000, "pageToken": token})
            assert answer.status_code == 200, answer.text[:300]
            seen += [found["name"] for found in answer.json()["books"]]
            if not (token := answer.json()["nextPageToken"]):
                break
    assert seen == [f"shelves/large/books/b{number}" for number in range(9)]
