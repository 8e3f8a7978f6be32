"""One running stack for all end-to-end tests, and the callers that they act as."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.stack import Stack, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACTS = Path(__file__).parent / "contracts"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with the demo's reference rows and one contract from outside the repository."""
    stack = Stack(
        home=tmp_path_factory.mktemp("stack") / "home", port=free_port(), options=("--contracts", str(CONTRACTS))
    )
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture(scope="session")
def powerless(stack: Stack) -> str:
    """The token of a user who is signed in and holds no permission."""
    return sign_in_new_user(stack, "powerless@example.com", permissions=())


@pytest.fixture(scope="session")
def shelf(stack: Stack) -> str:
    """The name of a shelf in the organization `default`."""
    with stack.client(stack.token()) as client:
        made = client.post("/library/v1/shelves?shelfId=poetry", json={"theme": "Poetry"})
    assert made.status_code == 200, made.text
    name: str = made.json()["name"]
    return name


@pytest.fixture(scope="session")
def book(stack: Stack, shelf: str) -> str:
    """The name of a book in the organization `default`."""
    with stack.client(stack.token()) as client:
        made = client.post(
            f"/library/v1/{shelf}/books?bookId=odes", json={"title": "Odes", "isbn": "978-1", "tags": ["x"]}
        )
    assert made.status_code == 200, made.text
    name: str = made.json()["name"]
    return name


def sign_in_new_user(stack: Stack, email: str, *, permissions: tuple[str, ...]) -> str:
    """Make a user whose one role grants the permissions, and return an access token of theirs."""
    slug = email.split("@", maxsplit=1)[0]
    with stack.client(stack.token()) as admin:
        role = admin.post(f"/auth/v1/roles?roleId={slug}", json={"displayName": slug, "permissions": list(permissions)})
        assert role.status_code == 200, role.text
        user = admin.post(
            "/auth/v1/users",
            json={"email": email, "displayName": slug, "roles": [role.json()["name"]]},
        )
        assert user.status_code == 200, user.text
    return stack.token("--email", email)
