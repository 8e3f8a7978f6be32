"""A small organization for the tests of the domain."""

from __future__ import annotations

import pytest

from tests.fakes.auth_world import World


@pytest.fixture
def world() -> World:
    """Auth with an administrator, a clerk and the passwords `<name>'s password`."""
    made = World()
    made.people.add_role("roles/administrator", "*")
    made.people.add_role("roles/clerk", "shop.orders.*", "shop.items.get")
    made.people.add_role("roles/keeper", "auth.*")
    for name, role in (("admin", "administrator"), ("clerk", "clerk"), ("keeper", "keeper")):
        made.people.add_user(f"users/{name}", f"roles/{role}", password_hash=f"hash:{name}'s password")
    return made
