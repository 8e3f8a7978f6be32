"""One running stack with the pack's own odd contracts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import sign_in_new_user
from tests.e2e.stack import Stack, free_port
from tests.pack.house import House
from tests.pack.kit import World

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACTS = Path(__file__).parent / "contracts"


@pytest.fixture(scope="session")
def pack_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that serves the odd contracts beside those of the repository."""
    options = ("--no-demo", "--contracts", str(CONTRACTS))
    stack = Stack(home=tmp_path_factory.mktemp("pack") / "home", port=free_port(), options=options)
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture(scope="session")
def world(pack_stack: Stack) -> World:
    """The stack as statements see it."""
    powerless = sign_in_new_user(pack_stack, "nobody@example.com", permissions=())
    return World(
        pack_stack.contract(), lambda organization: pack_stack.token("--organization", organization), powerless
    )


@pytest.fixture(scope="session")
def house(pack_stack: Stack, world: World) -> Iterator[House]:
    """The stack and its doors."""
    house = House(pack_stack.url, world)
    yield house
    house.close()
