"""Settings are read from the environment once, typed, and all that is wrong is told at once."""

from __future__ import annotations

import datetime as dt
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path

import pytest

from services.chassis.environment import SettingsError, load_settings, setting, show_settings
from services.chassis.settings import Settings

GOOD = {"TENON_CONTRACT": "/c.binpb", "TENON_LISTEN": "unix:/run/data-0.sock", "TENON_INSECURE": "1"}


@dataclass(frozen=True, kw_only=True)
class Toy:
    """One field of each kind."""

    text: str = setting("TOY_TEXT", shown=True)
    """Text."""
    number: int = setting("TOY_NUMBER", default=3, shown=True)
    """A number."""
    ratio: float = setting("TOY_RATIO", default=0.5)
    """A ratio."""
    flag: bool = setting("TOY_FLAG", default=False)
    """A flag."""
    path: Path | None = setting("TOY_PATH", default=None)
    """A path."""
    pause: dt.timedelta = setting("TOY_PAUSE", default=dt.timedelta(seconds=1))
    """A duration."""
    password: str = setting("TOY_PASSWORD", default="", secret=True, shown=True)
    """A secret."""


def test_each_kind_is_read() -> None:
    environ = {
        "TOY_TEXT": "a",
        "TOY_NUMBER": "7",
        "TOY_RATIO": "0.25",
        "TOY_FLAG": "yes",
        "TOY_PATH": "/x",
        "TOY_PAUSE": "1.5h",
        "TOY_PASSWORD": "hunter2",
    }
    assert load_settings(Toy, environ) == Toy(
        text="a",
        number=7,
        ratio=0.25,
        flag=True,
        path=Path("/x"),
        pause=dt.timedelta(minutes=90),
        password="hunter2",
    )


def test_defaults_hold_where_a_variable_is_unset_or_empty() -> None:
    assert load_settings(Toy, {"TOY_TEXT": "a", "TOY_NUMBER": " "}) == Toy(text="a")


def test_all_problems_are_named_with_their_mend() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(Toy, {"TOY_NUMBER": "x", "TOY_RATIO": "y", "TOY_FLAG": "maybe", "TOY_PAUSE": "soon"})
    assert [problem.partition(" ")[0].rstrip(":") for problem in caught.value.problems] == [
        "TOY_TEXT",
        "TOY_NUMBER",
        "TOY_RATIO",
        "TOY_FLAG",
        "TOY_PAUSE",
    ]
    assert all("Mend: " in problem for problem in caught.value.problems)


def test_a_secret_is_neither_printed_nor_shown() -> None:
    toy = load_settings(Toy, {"TOY_TEXT": "a", "TOY_PASSWORD": "hunter2"})
    assert "hunter2" not in repr(toy)
    assert show_settings(toy) == {"TOY_TEXT": "a", "TOY_NUMBER": "3"}


def test_a_wrong_value_is_not_repeated_in_the_error() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(Toy, {"TOY_TEXT": "a", "TOY_NUMBER": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_settings_do_not_change() -> None:
    settings = Settings.from_environ(GOOD)
    with pytest.raises(FrozenInstanceError):
        settings.worker = 3  # type: ignore[misc]  # what must fail


def test_peers_are_read_with_all_their_workers() -> None:
    settings = Settings.from_environ(GOOD | {"TENON_PEERS": "auth=unix:/a;unix:/b, data=data:9090"})
    assert settings.peer_endpoints == {"auth": ("unix:/a", "unix:/b"), "data": ("data:9090",)}


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("TENON_LISTEN", "unix:relative", "not absolute"),
        ("TENON_LISTEN", f"unix:/{'x' * 107}", "longer than 107 bytes"),
        ("TENON_LISTEN", "9090", "no endpoint"),
        ("TENON_HTTP_LISTEN", "localhost:http", "no endpoint"),
        ("TENON_PEERS", "auth=", "auth has no endpoint"),
        ("TENON_PEERS", "auth=somewhere", "somewhere is no endpoint"),
        ("TENON_INSECURE", "0", "TENON_CERTS is not set"),
        ("TENON_MESH", "ambient", "no mesh"),
        ("TENON_WORKER", "-1", "negative"),
        ("TENON_LOG_LEVEL", "LOUD", "no level"),
        ("TENON_LOG_FORMAT", "xml", "no format"),
    ],
)
def test_what_cannot_work_is_refused_by_name(variable: str, value: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable}.*{problem}.*Mend: |{problem}.*Mend: "):
        Settings.from_environ(GOOD | {variable: value})


BEHIND = {"TENON_CONTRACT": "/c.binpb", "TENON_LISTEN": "127.0.0.1:9090", "TENON_MESH": "sidecar"}


@pytest.mark.parametrize("listen", ["127.0.0.1:9090", "[::1]:9090", "unix:/run/data-0.sock"])
def test_behind_a_sidecar_no_certificates_are_needed(listen: str) -> None:
    settings = Settings.from_environ(BEHIND | {"TENON_LISTEN": listen})
    assert settings.behind_sidecar
    assert not settings.insecure


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("TENON_LISTEN", "0.0.0.0:9090", "reached around the sidecar"),
        ("TENON_LISTEN", "10.1.2.3:9090", "reached around the sidecar"),
        ("TENON_CERTS", "/certs", "leaves mTLS to the sidecar"),
        ("TENON_INSECURE", "1", "leaves mTLS to the sidecar"),
    ],
)
def test_behind_a_sidecar_there_is_no_way_around_it(variable: str, value: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=f"{problem}.*Mend: "):
        Settings.from_environ(BEHIND | {variable: value})


def test_database_and_redis_are_not_shown() -> None:
    environ = GOOD | {"TENON_DATABASE_URL": "postgresql://a:hunter2@/x", "TENON_REDIS_URL": "redis://:hunter2@x"}
    settings = Settings.from_environ(environ)
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(show_settings(settings))
