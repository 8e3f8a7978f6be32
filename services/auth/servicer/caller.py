"""Who stands behind a call, and where, as the domain knows it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from services.auth.domain.accounts import Granter
from services.auth.domain.audit import Doer
from services.auth.domain.sessions import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.chassis.call import Call

EDGE = "edge"
"""The workload whose headers about the client are believed."""

_NETWORK_BITS = 64

LONGEST_AGENT = 200
"""Characters that are kept of a `User-Agent`."""


def source_address(call: Call, *, trust_headers: bool = False) -> str:
    """Return the client's IPv4 address, or the network of its IPv6 address: there one house has 2^64 of them.

    The edge replaces `x-envoy-external-address` and appends to `x-forwarded-for`, so its last entry is what the edge
    saw and those before it are what the client says. Whoever calls without the edge is named by its certificate;
    `trust_headers` is for tests without certificates.
    """
    if call.caller.workload != EDGE and not trust_headers:
        return f"workload:{call.caller.workload}" if call.caller.workload else "unknown"
    return address_in(call.metadata)


def address_in(headers: Mapping[str, str]) -> str:
    """Return the client's address as headers of the edge tell it, or `unknown`."""
    forwarded = headers.get("x-forwarded-for", "").rsplit(",", 1)[-1]
    return _network(headers.get("x-envoy-external-address") or forwarded)


def origin_of(call: Call, *, trust_headers: bool = False) -> Origin:
    """Return where the caller is, as far as the edge knows."""
    address = source_address(call, trust_headers=trust_headers)
    return Origin(address=address, agent=call.metadata.get("user-agent", "")[:LONGEST_AGENT])


def doer_of(call: Call, *, trust_headers: bool = False) -> Doer:
    """Return the caller as somebody of whom it is written down what they do."""
    caller, origin = call.caller, origin_of(call, trust_headers=trust_headers)
    return Doer(
        actor=caller.subject or (f"workloads/{caller.workload}" if caller.workload else ""),
        session=caller.session,
        client=caller.client,
        address=origin.address,
        agent=origin.agent,
    )


def granter_of(call: Call) -> Granter:
    """Return the caller as somebody who changes what others may do."""
    caller = call.caller
    return Granter(organization=caller.organization, subject=caller.subject, held=caller.permissions)


def _network(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))
    return str(address)
