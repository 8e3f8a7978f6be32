"""How one contract follows another: prepared, published, kept for a moment, taken back, forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from services.data.domain import ContractRefused, Deployments, VersionUnknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass
class FakeVersion:
    """A contract as its text."""

    fingerprint: str
    handlers: Mapping[str, Any] = field(default_factory=dict)


class FakeHost:
    """Makes a version of each text: the methods that it names."""

    def __init__(self) -> None:
        self.served: dict[str, Any] = {}
        self.migrated: list[tuple[str, bool]] = []

    async def build(self, files: bytes) -> FakeVersion:
        if b"!" in files:
            raise ContractRefused([f"{files.decode()} is no contract."])
        return FakeVersion(files.decode(), {path: f"{path} of {files.decode()}" for path in files.decode()})

    async def migrate(self, version: FakeVersion, *, allow_breaking: bool) -> Sequence[str]:
        if not allow_breaking and "x" in version.fingerprint:
            raise ContractRefused(["it breaks callers"])
        self.migrated.append((version.fingerprint, allow_breaking))
        return ["ALTER"]

    def publish(self, version: FakeVersion, retired: Mapping[str, Any]) -> None:
        self.served = {**retired, **version.handlers}


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
async def deployments(host: FakeHost) -> Deployments[FakeVersion]:
    return Deployments(host, await host.build(b"ab"))


async def test_what_is_prepared_is_served_once_it_is_published(
    host: FakeHost, deployments: Deployments[FakeVersion]
) -> None:
    prepared = await deployments.prepare(b"bc")
    assert host.served == {}
    deployments.publish(prepared.fingerprint, keep_removed=False)
    assert host.served == {"b": "b of bc", "c": "c of bc"}


async def test_methods_that_go_are_kept_until_nobody_is_on_the_way_to_them(
    host: FakeHost, deployments: Deployments[FakeVersion]
) -> None:
    fingerprint = (await deployments.prepare(b"bc")).fingerprint
    deployments.publish(fingerprint, keep_removed=True)
    assert host.served == {"a": "a of ab", "b": "b of bc", "c": "c of bc"}
    deployments.publish(fingerprint, keep_removed=True)
    assert "a" in host.served, "told twice is told once"
    deployments.publish(fingerprint, keep_removed=False)
    assert "a" not in host.served


async def test_the_version_before_can_be_published_again(host: FakeHost, deployments: Deployments[FakeVersion]) -> None:
    deployments.publish((await deployments.prepare(b"bc")).fingerprint, keep_removed=True)
    deployments.publish("ab", keep_removed=False)
    assert host.served == {"a": "a of ab", "b": "b of ab"}
    assert deployments.current.fingerprint == "ab"


async def test_what_cannot_be_served_or_migrated_is_told_and_changes_nothing(
    host: FakeHost, deployments: Deployments[FakeVersion]
) -> None:
    assert (await deployments.prepare(b"!")).problems == ("! is no contract.",)
    fingerprint = (await deployments.prepare(b"x")).fingerprint
    assert (await deployments.migrate(fingerprint, allow_breaking=False)).problems == ("it breaks callers",)
    assert (await deployments.migrate(fingerprint, allow_breaking=True)).statements == ("ALTER",)
    assert host.migrated == [("x", True)]
    assert host.served == {}


async def test_a_version_that_was_never_prepared_is_unknown(deployments: Deployments[FakeVersion]) -> None:
    with pytest.raises(VersionUnknown):
        deployments.publish("zz", keep_removed=False)
    with pytest.raises(VersionUnknown):
        await deployments.migrate("zz", allow_breaking=False)


async def test_versions_of_long_ago_are_forgotten_and_the_served_one_never(
    deployments: Deployments[FakeVersion],
) -> None:
    for number in range(10):
        await deployments.prepare(str(number).encode())
    with pytest.raises(VersionUnknown):
        deployments.publish("0", keep_removed=False)
    deployments.publish("9", keep_removed=False)
    for number in range(10):
        await deployments.prepare(f"n{number}".encode())
    deployments.publish("9", keep_removed=False)
    assert deployments.current.fingerprint == "9"
