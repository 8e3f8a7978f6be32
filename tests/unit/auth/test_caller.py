"""Whether a client's address is believed only from those who know it."""

from __future__ import annotations

import pytest

from services.auth.servicer.caller import source_address
from services.chassis.call import Call, Caller, CallerKind
from tests.fakes.chassis_channel import MemoryTransport
from tests.fakes.chassis_frame import fake_method


def call_from(workload: str, **metadata: str) -> Call:
    headers = {name.replace("_", "-"): value for name, value in metadata.items()}
    call = Call(method=fake_method(), metadata=headers, transport=MemoryTransport())
    call.caller = Caller(kind=CallerKind.NOBODY, workload=workload)
    return call


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({"x_envoy_external_address": "192.0.2.1", "x_forwarded_for": "10.0.0.1"}, "192.0.2.1"),
        ({"x_forwarded_for": "192.0.2.66, 192.0.2.1"}, "192.0.2.1"),
        ({"x_forwarded_for": "2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2::/64"),
        ({"x_forwarded_for": "2001:db8:1:2:ffff::1"}, "2001:db8:1:2::/64"),
        ({"x_forwarded_for": "::ffff:192.0.2.1"}, "192.0.2.1"),
        ({"x_forwarded_for": "nonsense"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_the_edge_says_where_a_client_is(headers: dict[str, str], address: str) -> None:
    assert source_address(call_from("edge", **headers)) == address


def test_nobody_else_is_believed() -> None:
    assert source_address(call_from("data", x_forwarded_for="192.0.2.1")) == "workload:data"
    assert source_address(call_from("", x_envoy_external_address="192.0.2.1")) == "unknown"
    assert source_address(call_from("", x_forwarded_for="192.0.2.1"), trust_headers=True) == "192.0.2.1"
