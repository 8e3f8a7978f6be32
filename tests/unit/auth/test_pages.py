"""What the pages are made of: forms' proof, headers, where they lead, and how they say things."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.auth.http.cookies import Cookie
from services.auth.http.pages.forms import Binding
from services.auth.http.pages.headers import source_of
from services.auth.http.pages.look import HERE, Look
from services.auth.http.pages.paths import HOME, local_path
from services.auth.http.pages.refusals import FormOutdated
from services.auth.http.pages.wording import describe_agent, describe_methods, describe_scope, describe_time

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 Version/26.0 Safari/604.1"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0"


def test_a_form_is_bound_to_its_browser_and_to_its_session() -> None:
    mine = Binding.fresh("a session")
    token = mine.issue()
    mine.check(token)
    assert mine.issue() != token
    for other in (
        Binding.fresh("a session"),
        Binding(secret=mine.secret, session=""),
        Binding(secret=mine.secret, session="another"),
        Binding(secret="", session="a session"),
    ):
        with pytest.raises(FormOutdated):
            other.check(token)


@pytest.mark.parametrize("token", ["", "a", "=", "é", "!!!!", "A" * 22, "A" * 64, "A" * 100_000])
def test_what_is_no_token_of_a_form_is_refused(token: str) -> None:
    with pytest.raises(FormOutdated):
        Binding.fresh().check(token)


def test_a_binding_without_secret_takes_nothing_that_it_would_issue() -> None:
    empty = Binding(secret="")
    with pytest.raises(FormOutdated):
        empty.check(empty.issue())


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("https://party.test/callback?x=1", "https://party.test"),
        ("http://127.0.0.1:8123/callback", "http://127.0.0.1:8123"),
        ("http://[::1]:8123/callback", "http://[::1]:8123"),
        ("com.example.app:/callback", "com.example.app:"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("https://evil.test; script-src *", ""),
        ("https://a b/", ""),
        ("https://user@party.test/", ""),
        ("*", ""),
        ("", ""),
    ],
)
def test_a_policy_names_an_address_by_its_origin_and_lets_nothing_else_in(address: str, source: str) -> None:
    assert source_of(address) == source


@pytest.mark.parametrize("path", ["/account", "/account/sessions", "/account/device?user_code=BCDF-GHJK"])
def test_our_own_pages_may_be_led_to(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "/", "//evil.test", "https://evil.test", "/account@evil.test", "/account/../x", "/account?to=x", "/account\n"],
)
def test_nothing_else_is_led_to(path: str) -> None:
    assert local_path(path) == HOME


def test_a_cookie_over_tls_belongs_to_its_host() -> None:
    assert Cookie.at("https://id.test") == Cookie(name="__Host-tenon-session", secure=True)
    assert Cookie.at("http://localhost:8080") == Cookie(name="tenon-session", secure=False)


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (CHROME, "Chrome on Linux"),
        (SAFARI, "Safari on iOS"),
        (FIREFOX, "Firefox on Windows"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "Unknown device"),
    ],
)
def test_a_browser_is_named_as_people_name_it(agent: str, said: str) -> None:
    assert describe_agent(agent) == said


def test_times_methods_and_scopes_are_said_in_words() -> None:
    assert describe_time(datetime(2026, 3, 5, 7, 4, tzinfo=UTC)) == "5 March 2026, 07:04 UTC"
    assert describe_methods(("swk", "user", "mfa")) == "passkey"
    assert describe_methods(("pwd", "otp", "mfa")) == "password and one-time code"
    assert describe_methods(()) == "another way"
    assert describe_scope("offline_access").startswith("Keep its access")
    assert describe_scope("commerce.price_lists.get") == "Read price lists in commerce"
    assert describe_scope("commerce.orders.*") == "Read and change orders in commerce"
    assert describe_scope("commerce.*") == "Do everything that you may do in commerce"
    assert describe_scope("*") == describe_scope("tenon")
    assert describe_scope("something") == "something"


def test_no_template_switches_escaping_off_and_none_has_script_or_style_of_its_own() -> None:
    Look()
    templates = sorted((HERE / "templates").glob("*.html"))
    assert templates
    for path in templates:
        text = path.read_text()
        assert "|safe" not in text.replace(" ", "")
        assert "autoescape" not in text
        assert "<style" not in text
        assert "style=" not in text
        assert "<script>" not in text
        assert "http" not in text.replace("http_", ""), path.name
