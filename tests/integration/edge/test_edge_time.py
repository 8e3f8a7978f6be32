"""How long a call may take, who is told, and how often a caller may call."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import grpc

from tests.integration.edge.backend import SERVICE
from tests.integration.edge.rig import Edge, running_edge

if TYPE_CHECKING:
    from pathlib import Path

ALL = "*"


def test_a_service_learns_the_deadline_without_the_client_sending_one(edge: Edge) -> None:
    assert 14 < edge.rest.get("/toy/v1/greeting").json()["remaining"] <= 15
    assert 0.5 < edge.rest.post("/toy/v1/naps", json={}, headers=edge.bearer(ALL)).json()["remaining"] <= 1


def test_a_client_may_ask_for_less_time_and_not_for_more(edge: Edge) -> None:
    for asked, least, most in (("500m", 0.2, 0.5), ("9S", 0.5, 1.0)):
        headers = {**edge.bearer(ALL), "grpc-timeout": asked}
        answer = edge.rest.post("/toy/v1/naps", json={}, headers=headers)
        assert least < answer.json()["remaining"] <= most


def test_a_call_that_takes_too_long_is_cut_at_the_edge_and_in_the_service(edge: Edge) -> None:
    edge.toy.cancelled.clear()
    begin = time.monotonic()
    answer = edge.rest.post("/toy/v1/naps", json={"number": 8}, headers=edge.bearer(ALL))
    assert answer.status_code == 504
    assert answer.json()["code"] == 4
    assert time.monotonic() - begin < 4
    assert edge.toy.cancelled.wait(5)
    assert edge.refusal("Nap", edge.bearer(ALL), number=8) is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_stream_lives_as_long_as_its_rule_says(edge: Edge) -> None:
    begin = time.monotonic()
    seen = 0
    with edge.channel() as channel:
        rpc = channel.unary_stream(
            f"/{SERVICE}/Count",
            request_serializer=edge.toy.ask.SerializeToString,
            response_deserializer=edge.toy.answer.FromString,
        )
        answers = rpc(edge.toy.ask(number=3, text="stay"), metadata=list(edge.bearer(ALL).items()))
        with contextlib.suppress(grpc.RpcError):
            for _ in answers:
                seen += 1
        # Here the edge has to cut it, which shows as a reset: the toy service does not end its streams in time.
        assert answers.code() is not grpc.StatusCode.OK
    assert seen == 3
    assert 1.5 < time.monotonic() - begin < 6


def test_a_stream_comes_as_an_array_and_its_messages_one_by_one(edge: Edge) -> None:
    headers = {**edge.bearer(ALL), "accept-encoding": "identity"}
    with edge.rest.stream("GET", "/toy/v1/counts", params={"number": "3", "text": "stay"}, headers=headers) as answer:
        assert answer.status_code == 200
        begin = time.monotonic()
        text = ""
        for part in answer.iter_text():
            text += part
            if text.count('"number"') == 3:
                break
        assert time.monotonic() - begin < 1.5


def test_a_stream_of_requests_is_gathered(edge: Edge) -> None:
    with edge.channel() as channel:
        rpc = channel.stream_unary(
            f"/{SERVICE}/Gather",
            request_serializer=edge.toy.ask.SerializeToString,
            response_deserializer=edge.toy.answer.FromString,
        )
        asks = iter([edge.toy.ask(number=i) for i in range(5)])
        assert rpc(asks, metadata=list(edge.bearer(ALL).items()), timeout=10).number == 5
    answer = edge.rest.post("/toy/v1/gatherings", json=[{"number": 1}, {"number": 2}], headers=edge.bearer(ALL))
    assert answer.json()["number"] == 2


def test_each_subject_has_a_limit_of_its_own(short_folder: Path) -> None:
    with running_edge(short_folder) as edge:
        ann = edge.bearer(ALL)
        tries = [edge.rest.get("/toy/v1/ticks", headers=ann) for _ in range(3)]
        assert [answer.status_code for answer in tries] == [200, 200, 429]
        refused = tries[-1]
        assert refused.json()["code"] == 8
        assert refused.json()["details"][0]["reason"] == "RESOURCE_EXHAUSTED"
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert edge.refusal("Tick", ann) is grpc.StatusCode.RESOURCE_EXHAUSTED

        for number in range(40):
            other = edge.bearer(ALL, sub=f"users/{number}")
            assert edge.rest.get("/toy/v1/ticks", headers=other).status_code == 200
        assert edge.rest.get("/toy/v1/ticks", headers=ann).status_code == 429


def test_a_denied_call_uses_up_no_limit(short_folder: Path) -> None:
    with running_edge(short_folder) as edge:
        for _ in range(5):
            assert edge.rest.get("/toy/v1/ticks", headers=edge.bearer()).status_code == 403
        assert edge.rest.get("/toy/v1/ticks", headers=edge.bearer(ALL)).status_code == 200


def test_an_address_cannot_be_changed_to_escape_its_limit(short_folder: Path) -> None:
    with running_edge(short_folder) as edge:
        found = [
            edge.rest.get("/toy/v1/knocks", headers={"x-forwarded-for": f"10.0.0.{i}"}).status_code for i in range(4)
        ]
    assert found == [200, 200, 200, 429]
