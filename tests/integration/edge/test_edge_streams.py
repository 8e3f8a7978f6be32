"""Streams over REST: server-sent events for who asks for them, under the same policy; and none that holds up others."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.edge.rig import await_true

if TYPE_CHECKING:
    from tests.integration.edge.rig import Edge

LOOK = "toy.counts.look"
EVENTS = {"accept": "text/event-stream"}


def test_who_accepts_events_gets_them_and_others_an_array(edge: Edge) -> None:
    token = edge.bearer(LOOK)
    events = edge.rest.get("/toy/v1/counts", params={"number": 2}, headers={**token, **EVENTS})
    assert events.status_code == 200
    assert events.headers["content-type"].startswith("text/event-stream")
    data = [line.removeprefix("data: ") for line in events.text.split("\n\n") if line]
    assert [json.loads(each)["number"] for each in data] == [0, 1]
    array = edge.rest.get("/toy/v1/counts", params={"number": 2}, headers=token)
    assert array.headers["content-type"] == "application/json"
    assert [each["number"] for each in array.json()] == [0, 1]


@pytest.mark.parametrize("accept", ["text/event-stream, */*;q=0.1", "application/json, TEXT/EVENT-STREAM"])
def test_events_are_one_of_several_things_that_a_client_may_accept(edge: Edge, accept: str) -> None:
    answer = edge.rest.get("/toy/v1/counts", params={"number": 1}, headers={**edge.bearer(LOOK), "accept": accept})
    assert answer.text.startswith("data: {")


def test_asking_for_events_gets_past_no_policy(edge: Edge) -> None:
    before = len(edge.toy.calls)
    assert edge.rest.get("/toy/v1/counts", headers=EVENTS).status_code == 401
    assert edge.rest.get("/toy/v1/counts", headers={**edge.bearer("toy.things.look"), **EVENTS}).status_code == 403
    assert edge.rest.get("/toy/v1/nothing", headers={**edge.bearer("*"), **EVENTS}).status_code == 404
    assert edge.rest.get("/toy/v1/counts?nosuch=1", headers={**edge.bearer("*"), **EVENTS}).status_code == 400
    assert edge.rest.get("/", headers={**edge.bearer("*"), **EVENTS}).status_code in {403, 404}
    assert len(edge.toy.calls) == before


def test_a_single_answer_is_json_whatever_streams_are(edge: Edge) -> None:
    answer = edge.rest.get("/toy/v1/greeting", headers=EVENTS)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["remaining"] > 0


def test_an_event_is_there_when_it_is_sent_compressed_or_not(edge: Edge) -> None:
    params = {"number": "1", "text": "stay"}
    for coding in ("identity", "gzip"):
        headers = {**edge.bearer(LOOK), **EVENTS, "accept-encoding": coding}
        begin, got = time.monotonic(), ""
        with edge.rest.stream("GET", "/toy/v1/counts", params=params, headers=headers) as answer:
            assert answer.headers.get("content-encoding", "identity") == coding
            texts = answer.iter_text()
            while "}\n\n" not in got:
                got += next(texts)
        # The stream itself goes on for two seconds.
        assert got.startswith("data: {")
        assert time.monotonic() - begin < 1


def test_clients_that_stop_reading_hold_up_no_other_call(edge: Edge) -> None:
    """All calls to a worker share one connection, and so the window of what may be under way on it."""
    request = (
        f"GET /toy/v1/counts?number=2000&text=long HTTP/1.1\r\nhost: x\r\n"
        f"authorization: {edge.bearer(LOOK)['authorization']}\r\naccept: text/event-stream\r\n\r\n"
    ).encode()
    pause = threading.Event()
    with contextlib.ExitStack() as stack:
        for _ in range(7):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", edge.topology.port))
            connection.sendall(request)
        seen = -1

        def is_stalled() -> bool:
            nonlocal seen
            before, seen = seen, edge.toy.streamed
            pause.wait(0.1)
            return before == seen > 0

        await_true(is_stalled, "the end of what fits into the windows")
        answer = edge.rest.get("/toy/v1/greeting", timeout=1.0)
        assert answer.status_code == 200
        assert edge.toy.streamed == seen, "else nobody had stopped reading"
        assert seen * 64 * 1024 > 7 * 1024 * 1024, "else the windows were not full"
