"""Streams at the edge: who may be quiet for how long, and who gets events."""

from __future__ import annotations

import math
from dataclasses import replace

from services.meshgen.envoy.routes import TRANSCODER, method_route, route_configuration
from tests.unit.meshgen.golden import laptop, toy_contract

COUNT = "/tenon.toy.v1.ToyService/Count"


def test_a_stream_without_a_timeout_may_live_as_long_as_it_says_something() -> None:
    method = toy_contract().methods[COUNT]
    endless = replace(method, rule=replace(method.rule, timeout=math.inf))
    assert method_route(endless)["route"] == {"cluster": "toy", "timeout": "0s", "idle_timeout": "60s"}
    assert "max_stream_duration" in method_route(method)["route"]


def test_events_have_a_route_of_their_own_that_lets_nobody_past_the_policy() -> None:
    routes = route_configuration(toy_contract(), laptop())["virtual_hosts"][0]["routes"]
    names = [route["name"] for route in routes]
    events, nothing = routes[-2:]
    assert names[-2:] == ["events", "nothing"]
    assert events["route"] == nothing["route"]
    config = events["typed_per_filter_config"]
    assert config.pop(TRANSCODER)["print_options"]["stream_sse_style_delimited"]
    assert config == nothing["typed_per_filter_config"]


def test_a_contract_without_streams_keeps_its_descriptors_once() -> None:
    contract = toy_contract()
    services = tuple(
        replace(service, methods=tuple(method for method in service.methods if not method.server_streaming))
        for service in contract.services
    )
    quiet = replace(contract, services=services)
    routes = route_configuration(quiet, laptop())["virtual_hosts"][0]["routes"]
    assert "events" not in [route["name"] for route in routes]
