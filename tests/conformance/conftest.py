"""The providers under test, and clients in front of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.authority import Authority, make_authority
from tests.conformance.client_site import ClientSite, run_client_site
from tests.conformance.oracle import Oracle, missing_node, run_oracle
from tests.conformance.ours import Tenon, run_tenon
from tests.conformance.party import Party

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conformance.browser import Browser
    from tests.conformance.provider import Provider

PROVIDERS = ("oracle", "tenon")


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker means."""
    config.addinivalue_line("markers", "only(provider, reason): the other provider does not have what is tested")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on the oracle first and then on ours, unless one of them does not have what is tested."""
    if "provider" not in metafunc.fixturenames:
        return
    only = metafunc.definition.get_closest_marker("only")
    if only is not None:
        assert only.kwargs["reason"], "A test that runs on one provider alone says why."
    names = PROVIDERS if only is None else only.args
    # Under `-n 2 --dist loadgroup` each provider has a process of its own, and none is started twice.
    params = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]
    metafunc.parametrize("provider", params, indirect=True, scope="session")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for the sites of clients."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def oracle(authority: Authority) -> Iterator[Oracle]:
    """The certified provider."""
    if reason := missing_node():
        pytest.skip(reason)
    with run_oracle(authority.trusted) as oracle:
        yield oracle


@pytest.fixture(scope="session")
def tenon(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Tenon]:
    """Our own provider."""
    with run_tenon(tmp_path_factory.mktemp("tenon") / "home", authority.trusted) as tenon:
        yield tenon


@pytest.fixture(scope="session")
def provider(request: pytest.FixtureRequest) -> Provider:
    """The provider under test."""
    provider: Provider = request.getfixturevalue(request.param)
    return provider


@pytest.fixture
def parties(provider: Provider) -> Iterator[Callable[..., Party]]:
    """Make clients by RFC 7591 metadata, `key=` adding a key for assertions."""
    made: list[Party] = []

    def make(**metadata: Any) -> Party:
        made.append(Party(provider, provider.make_client(**metadata)))
        return made[-1]

    yield make
    for party in made:
        party.close()


@pytest.fixture
def party(parties: Callable[..., Party]) -> Party:
    """A client for the code flow, with a secret sent by HTTP Basic."""
    return parties()


@pytest.fixture
def browser(party: Party) -> Browser:
    """A browser in which nobody is signed in."""
    return party.browser()


@pytest.fixture
def site(authority: Authority) -> Iterator[ClientSite]:
    """A client's web site."""
    with run_client_site(authority.site) as site:
        yield site
