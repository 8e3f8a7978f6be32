"""Watching through the edge: server-sent events over HTTP/1.1, gRPC, and the death of the worker that was watched."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest
from google.protobuf.message_factory import GetMessageClass

from tests.e2e.stack import Stack, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACTS = Path(__file__).parents[1] / "integration" / "records" / "watching" / "contracts"
EVENTS = {"accept": "text/event-stream"}
PATIENCE = 30.0
WATCH = "/test.harbour.v1.HarbourService/WatchBerths"


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with two workers of data, one of which dies."""
    stack = Stack(
        home=tmp_path_factory.mktemp("harbour") / "home",
        port=free_port(),
        options=("--no-demo", "--contracts", str(CONTRACTS)),
        environ={"TENON_DATA_WORKERS": "2"},
    )
    stack.start()
    yield stack
    stack.stop()


class Events:
    """A client of server-sent events over HTTP/1.1, which knows what it is told and where it is."""

    def __init__(self, stack: Stack, **parameters: str) -> None:
        self.stack, self.parameters = stack, parameters
        self.token = ""
        self.known: dict[str, str] = {}
        self.told: list[tuple[str, str]] = []
        self.states: list[str] = []

    def read_until(self, **titles: str) -> None:
        """Read, and open the stream again wherever it ends, until berths have these titles."""
        wanted = {f"berths/{name}": title for name, title in titles.items()}
        end = threading.Event()
        timer = threading.Timer(PATIENCE, end.set)
        timer.start()
        try:
            while not wanted.items() <= self.known.items():
                assert not end.is_set(), self.known
                try:
                    self._read(wanted, end)
                except httpx.TransportError:
                    continue
        finally:
            timer.cancel()

    def _read(self, wanted: dict[str, str], end: threading.Event) -> None:
        with (
            self.stack.client(self.stack.token()) as client,
            client.stream(
                "GET",
                "/harbour/v1/berths:watch",
                params={"resumeToken": self.token, **self.parameters},
                headers=EVENTS,
            ) as answer,
        ):
            if answer.status_code == 503:
                return
            assert answer.status_code == 200, answer.read()
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    self._take(json.loads(line.removeprefix("data: ")))
                if wanted.items() <= self.known.items() or end.is_set():
                    return

    def _take(self, message: dict[str, Any]) -> None:
        self.states.append(message["state"])
        self.token = message["resumeToken"]
        for change in message["changes"]:
            berth = change["berth"]
            self.told.append((change["type"], berth["title"]))
            self.known[berth["name"]] = berth["title"]


def create(stack: Stack, name: str, title: str) -> None:
    with stack.client(stack.token()) as client:
        made = client.post(f"/harbour/v1/berths?berthId={name}", json={"title": title})
    assert made.status_code == 200, made.text


def retitle(stack: Stack, name: str, title: str) -> None:
    """Change a berth, again and again where a worker has died: a change to the same title is none."""
    for _ in range(100):
        with stack.client(stack.token()) as client:
            done = client.patch(f"/harbour/v1/berths/{name}", params={"updateMask": "title"}, json={"title": title})
        if done.status_code == 200:
            return
    raise AssertionError(done.text)


def test_server_sent_events_bring_the_picture_and_then_each_change_as_it_happens(harbour: Stack) -> None:
    create(harbour, "sse", "1")
    events = Events(harbour)
    reading = threading.Thread(target=events.read_until, kwargs={"sse": "3"})
    reading.start()
    for title in "23":
        retitle(harbour, "sse", title)
    reading.join(PATIENCE)
    assert not reading.is_alive()
    assert [title for _, title in events.told][-1] == "3"
    assert events.told[0][0] == "CHANGE_TYPE_SNAPSHOT"
    resumed = Events(harbour)
    resumed.token = events.token
    create(harbour, "later", "1")
    resumed.read_until(later="1")
    assert resumed.told == [("CHANGE_TYPE_CREATED", "1")]


def test_a_watch_over_rest_is_refused_as_any_other_call(harbour: Stack) -> None:
    with harbour.client() as nobody, harbour.client(harbour.token()) as somebody:
        assert nobody.get("/harbour/v1/berths:watch", headers=EVENTS).status_code == 401
        bad = somebody.get("/harbour/v1/berths:watch?resumeToken=bad", headers=EVENTS)
        assert bad.status_code == 400
        assert bad.json()["details"][0]["reason"] == "RESUME_TOKEN_INVALID"
        wrong = somebody.get("/harbour/v1/berths:watch?filter=nosuch%3D1", headers=EVENTS)
        assert wrong.status_code == 400


def test_a_killed_worker_ends_its_watches_and_another_goes_on_with_them(harbour: Stack) -> None:
    create(harbour, "a", "0")
    watches = [Events(harbour, filter='title != "no"') for _ in range(6)]
    reading = [threading.Thread(target=watch.read_until, kwargs={"a": "60"}) for watch in watches]
    for thread in reading:
        thread.start()
    workers = [each for each in harbour.status()["processes"] if each["name"].startswith("data-")]
    assert len(workers) == 2
    for title in range(1, 61):
        retitle(harbour, "a", str(title))
        if title % 20 == 0 and title < 60:
            os.kill(workers[title // 20 - 1]["pid"], signal.SIGKILL)
    for thread in reading:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    for watch in watches:
        told = [int(title) for kind, title in watch.told if title.isdigit() and kind == "CHANGE_TYPE_UPDATED"]
        assert told == list(range(told[0], 61)), "a change is missing, double or out of order"
    assert any(watch.states.count("WATCH_STATE_LIVE") > 1 for watch in watches)


def test_a_watch_by_grpc_outlives_the_timeout_of_other_calls(harbour: Stack) -> None:
    pool = harbour.contract().pool
    request: Any = GetMessageClass(pool.FindMessageTypeByName("test.harbour.v1.WatchBerthsRequest"))
    answer: Any = GetMessageClass(pool.FindMessageTypeByName("test.harbour.v1.WatchBerthsResponse"))
    with harbour.channel() as channel:
        watch: Any = channel.unary_stream(
            WATCH, request_serializer=request.SerializeToString, response_deserializer=answer.FromString
        )
        metadata = [("authorization", f"Bearer {harbour.token()}")]
        stream = watch(request(filter='title = "nothing"'), metadata=metadata)
        states = [next(stream).state, next(stream).state]
        stream.cancel()
        # The rule's default timeout is 15 s, and so is the time to the first heartbeat.
        assert states == [2, 3]
        short = watch(request(), metadata=metadata, timeout=8.0)
        assert [each.state for each in short][-1] == 3
        assert short.code() is grpc.StatusCode.OK
