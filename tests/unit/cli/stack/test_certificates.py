"""The local authority: identities, their life, and how they are renewed without a moment of distrust."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509 import verification

from services.cli.settings import WORKLOADS
from services.cli.stack.certificates import AUTHORITY_LIFE, AUTHORITY_OVERLAP, LEAF_LIFE, renew

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def issue(folder: Path, now: datetime = NOW, domain: str = "tenon.local") -> tuple[str, ...]:
    return renew(folder, trust_domain=domain, now=now)


def leaf(folder: Path, name: str = "auth") -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / name / "current" / "cert.pem").read_bytes())


def bundle(folder: Path, name: str = "auth") -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates((folder / name / "current" / "ca.pem").read_bytes())


def verify(certificate: x509.Certificate, trusted: list[x509.Certificate], now: datetime) -> None:
    builder = verification.PolicyBuilder().store(verification.Store(trusted)).time(now)
    builder.build_server_verifier(x509.DNSName("auth")).verify(certificate, [])


def test_every_workload_gets_an_identity(tmp_path: Path) -> None:
    assert issue(tmp_path) == WORKLOADS
    for name in WORKLOADS:
        names = leaf(tmp_path, name).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == [f"spiffe://tenon.local/ns/tenon/sa/{name}"]
        assert names.get_values_for_type(x509.DNSName) == [name]


def test_a_certificate_stands_up_to_a_verifier(tmp_path: Path) -> None:
    issue(tmp_path)
    verify(leaf(tmp_path), bundle(tmp_path, "edge"), NOW)


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    issue(tmp_path)
    files = [path for path in tmp_path.rglob("*.pem") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_nothing_is_issued_before_half_its_life(tmp_path: Path) -> None:
    issue(tmp_path)
    assert issue(tmp_path, NOW + LEAF_LIFE / 2 - timedelta(minutes=10)) == ()


def test_all_are_issued_again_at_half_their_life_by_one_swap_of_a_link(tmp_path: Path) -> None:
    issue(tmp_path)
    before = (tmp_path / "auth" / "current").readlink()
    assert issue(tmp_path, NOW + LEAF_LIFE / 2) == WORKLOADS
    after = (tmp_path / "auth" / "current").readlink()
    assert before != after
    assert (tmp_path / "auth" / before).is_dir(), "a reader may still be in the folder that was current"


def test_old_versions_do_not_pile_up(tmp_path: Path) -> None:
    for turn in range(5):
        issue(tmp_path, NOW + turn * LEAF_LIFE / 2)
    assert len([entry for entry in (tmp_path / "auth").iterdir() if not entry.is_symlink()]) == 2


@pytest.mark.parametrize("file", ["cert.pem", "key.pem", "ca.pem"])
def test_a_damaged_file_is_issued_again(tmp_path: Path, file: str) -> None:
    issue(tmp_path)
    (tmp_path / "data" / "current" / file).write_bytes(b"half")
    assert issue(tmp_path) == ("data",)


def test_a_lost_authority_is_replaced_with_all_that_it_signed(tmp_path: Path) -> None:
    issue(tmp_path)
    for path in (tmp_path / "ca").iterdir():
        path.write_bytes(b"")
    assert issue(tmp_path) == WORKLOADS
    verify(leaf(tmp_path), bundle(tmp_path, "edge"), NOW)


def test_another_trust_domain_makes_other_identities(tmp_path: Path) -> None:
    issue(tmp_path)
    assert issue(tmp_path, domain="other.local") == WORKLOADS


def test_a_new_authority_is_trusted_by_all_before_it_signs(tmp_path: Path) -> None:
    issue(tmp_path)
    late = NOW + AUTHORITY_LIFE - AUTHORITY_OVERLAP + timedelta(hours=1)
    first = bundle(tmp_path)[0].subject
    issue(tmp_path, late)
    assert leaf(tmp_path).issuer == first
    assert len(bundle(tmp_path)) == 2
    later = late + LEAF_LIFE + timedelta(hours=1)
    issue(tmp_path, later)
    assert leaf(tmp_path).issuer != first
    verify(leaf(tmp_path), bundle(tmp_path, "edge"), later)


def test_identities_hold_at_every_moment_of_two_years(tmp_path: Path) -> None:
    now = NOW
    while now < NOW + 2 * AUTHORITY_LIFE:
        issue(tmp_path, now)
        verify(leaf(tmp_path), bundle(tmp_path, "edge"), now)
        now += timedelta(days=5)
