"""When contracts are compiled again, and when certificates are due: by what has changed, not by guess."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.cli.settings import CERTIFICATE_LIFE, WORKLOADS
from services.cli.stack.fingerprint import KEY_FILE, compile_key, write_compiled
from services.cli.supervision.housekeeping import are_certificates_due

if TYPE_CHECKING:
    from pathlib import Path

    from services.cli.settings import Settings


@pytest.fixture
def compiled(settings: Settings, tmp_path: Path) -> Settings:
    """Return settings whose contract has just been compiled."""
    extra = tmp_path / "contracts"
    extra.mkdir()
    (extra / "a.proto").write_text("one")
    done = replace(settings, contracts=(extra,))
    (done.home / "envoy").mkdir()
    (done.home / "envoy" / "bootstrap.yaml").touch()
    done.contract.touch()
    write_compiled(done, compile_key(done))
    return done


def test_nothing_is_compiled_where_nothing_has_changed(compiled: Settings) -> None:
    assert compile_key(compiled) == ""


def test_a_changed_contract_is_compiled(compiled: Settings) -> None:
    (compiled.contracts[0] / "a.proto").write_text("two")
    assert compile_key(compiled)


def test_a_new_contract_is_compiled(compiled: Settings) -> None:
    (compiled.contracts[0] / "b.proto").write_text("")
    assert compile_key(compiled)


def test_another_port_writes_the_edges_configuration_again(compiled: Settings) -> None:
    assert compile_key(replace(compiled, edge_port=9))


@pytest.mark.parametrize("file", ["contract.binpb", "envoy/bootstrap.yaml", KEY_FILE])
def test_a_result_that_was_lost_is_made_again(compiled: Settings, file: str) -> None:
    (compiled.home / file).unlink()
    assert compile_key(compiled)


@pytest.mark.parametrize("file", ["contract.binpb", "envoy/bootstrap.yaml", KEY_FILE])
def test_a_result_that_was_cut_short_is_made_again(compiled: Settings, file: str) -> None:
    (compiled.home / file).write_bytes(b"half")
    assert compile_key(compiled)


def test_certificates_are_due_at_half_their_life_or_where_one_is_missing(settings: Settings) -> None:
    assert are_certificates_due(settings, now=time.time())
    for workload in WORKLOADS:
        link = settings.certificates(workload)
        link.parent.mkdir(parents=True)
        link.symlink_to("version")
    assert not are_certificates_due(settings, now=time.time())
    assert are_certificates_due(settings, now=time.time() + CERTIFICATE_LIFE / 2)
