"""Where answers may go, and what a client may ask for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.auth.domain.oauth.clients import BASIC, NO_AUTHENTICATION, Client, find_problem

CLIENT = Client(
    id="app",
    organization="default",
    authentication=NO_AUTHENTICATION,
    redirect_uris=("https://app.test/cb", "http://127.0.0.1/cb", "http://[::1]:8000/cb", "http://localhost:3000/cb"),
    scopes=("openid", "commerce.*", "library.books.get", "tenon"),
)


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("https://app.test/cb", True),
        ("https://app.test/cb/", False),
        ("https://app.test:443/cb", False),
        ("https://app.test/cb?x=1", False),
        ("http://127.0.0.1/cb", True),
        ("http://127.0.0.1:65000/cb", True),
        ("http://127.0.0.1:650000/cb", False),
        ("http://127.0.0.1:/cb", False),
        ("http://127.0.0.1:1@evil.test/cb", False),
        ("http://127.0.0.1.evil.test/cb", False),
        ("http://127.0.0.1:1/cb#part", False),
        ("http://[::1]/cb", True),
        ("http://[::1]:9/cb", True),
        ("http://localhost:3001/cb", False),
        ("https://127.0.0.1:1/cb", False),
    ],
)
def test_answers_go_to_the_letter_and_to_any_port_of_the_persons_own_machine(uri: str, allowed: bool) -> None:
    """Auth statement 1."""
    assert CLIENT.may_redirect(uri) is allowed


def test_the_port_is_free_for_clients_without_a_secret_alone() -> None:
    """Auth statement 1: a web application on a laptop has one port."""
    assert not replace(CLIENT, authentication=BASIC).may_redirect("http://127.0.0.1:65000/cb")


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("https://app.test/cb", ""),
        ("https://app.test/cb?x=1", ""),
        ("http://localhost/cb", ""),
        ("com.example.app:/cb", ""),
        ("https://app.test/cb#", "fragment"),
        ("http://app.test/cb", "encrypted"),
        ("https://*.app.test/cb", "wildcard"),
        ("https://a@app.test/cb", "user"),
        ("javascript:alert(1)", "scheme"),
        ("com.example.app://host/cb", "scheme"),
        ("https://", "host"),
        ("https://[::1/cb", "no URI"),
        ("https://app.test:x/", "no URI"),
        ("https://app.test/\n", "characters"),
        ("https://evil.test\\.app.test/", "characters"),
        ('https://app.test/"', "characters"),
        ("https://app.test/{x}", "characters"),
        ("", "scheme"),
    ],
)
def test_a_redirect_uri_that_could_leak_has_a_problem(uri: str, problem: str) -> None:
    """Auth statement 2."""
    found = find_problem(uri)
    assert problem in found
    assert bool(found) is bool(problem)


def test_scopes_are_given_as_far_as_a_client_is_registered_for_them() -> None:
    asked = "openid commerce.orders.get commerce.* library.* library.books.get email tenon * openid"
    assert CLIENT.allowed(asked) == ("openid", "commerce.orders.get", "commerce.*", "library.books.get")
    assert "tenon" in replace(CLIENT, first_party=True).allowed(asked)


def test_a_public_client_is_assured_where_it_answers_at_its_own_sites() -> None:
    """Auth statement 12."""
    assert not CLIENT.is_assured
    assert replace(CLIENT, redirect_uris=("https://app.test/cb",)).is_assured
    assert replace(CLIENT, authentication=BASIC).is_assured
