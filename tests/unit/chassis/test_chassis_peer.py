"""The workload at the other end is known by its certificate, and nothing that a client writes makes it another."""

from __future__ import annotations

import pytest

from services.chassis.peer import peer_by_certificate, peer_by_sidecar

EDGE = "spiffe://cluster.local/ns/tenon/sa/edge"
AUTH = "spiffe://cluster.local/ns/tenon/sa/auth"
OURS = f'By={AUTH};Hash=9b3f;Subject="";URI={EDGE}'
"""What the sidecar of auth writes of a call from the edge."""


@pytest.mark.parametrize(
    ("names", "peer"),
    [
        ([], ""),
        ([b"auth"], ""),
        ([b"auth", AUTH.encode()], AUTH),
        ([b"https://cluster.local/ns/tenon/sa/auth"], ""),
    ],
)
def test_a_certificate_names_its_spiffe_id(names: list[bytes], peer: str) -> None:
    assert peer_by_certificate({"x509_subject_alternative_name": names}) == peer


def test_a_connection_without_a_certificate_names_nobody() -> None:
    assert peer_by_certificate({}) == ""


@pytest.mark.parametrize(
    "header",
    [
        OURS,
        f"URI={EDGE}",
        f"uri={EDGE};hash=9b3f",
        f'URI="{EDGE}"',
        f'Subject="CN=a,O=b;URI=c";URI={EDGE}',
        rf'Subject="O=\"quoted\", Inc.";URI={EDGE}',
        rf'Subject="ends with a backslash\\";URI={EDGE}',
        f'Cert="-----BEGIN%20CERTIFICATE-----";URI={EDGE};DNS=edge',
        f"By={AUTH};Hash=1;URI={AUTH}, {OURS}",
    ],
)
def test_the_sidecar_names_the_peer(header: str) -> None:
    assert peer_by_sidecar({"x-forwarded-client-cert": header}) == EDGE


@pytest.mark.parametrize(
    "spoofed",
    [
        f"URI={AUTH}",
        f'By=a;Hash=b;Subject="";URI={AUTH}',
        f'URI={AUTH};Subject="',
        f'"URI={AUTH}',
        f'URI={AUTH};Subject="\\',
        f'Subject=";URI={AUTH}',
        f"URI={AUTH};",
        f"URI={AUTH},",
        ",,,",
        '"',
        "\\",
    ],
)
def test_what_a_client_writes_before_it_changes_nothing(spoofed: str) -> None:
    assert peer_by_sidecar({"x-forwarded-client-cert": f"{spoofed},{OURS}"}) == EDGE


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Hash=9b3f",
        "URI=",
        "URI=https://example.com",
        f"URI={EDGE},Hash=9b3f",
        f"URI={EDGE};URI={AUTH}",
        f'Subject="URI={EDGE}"',
        f'Subject=";URI={EDGE}"',
    ],
)
def test_words_that_name_nobody_name_nobody(header: str) -> None:
    assert peer_by_sidecar({"x-forwarded-client-cert": header}) == ""


def test_without_the_header_there_is_nobody() -> None:
    assert peer_by_sidecar({}) == ""
