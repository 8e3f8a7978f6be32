"""Whether settings that cannot work together are refused, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.auth.settings import Settings
from services.chassis.environment import SettingsError, show_settings

if TYPE_CHECKING:
    from pathlib import Path


def test_the_defaults_work_together() -> None:
    settings = Settings.from_environ({})
    assert settings.admin_email == "admin@tenon.local"
    assert settings.key_trail > settings.token_lifetime


def test_every_mistake_is_named() -> None:
    environ = {
        "TENON_ADMIN_EMAIL": "nobody",
        "TENON_TOKEN_LIFETIME": "2h",
        "TENON_SESSION_IDLE": "60d",
        "TENON_SIGNING_KEY_LEAD": "1m",
        "TENON_SIGNING_KEY_PERIOD": "1m",
        "TENON_HASH_WAITING": "-1",
    }
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(environ)
    assert len(caught.value.problems) == len(environ)


def test_the_first_password_is_read_from_a_private_file_and_a_deleted_one_is_none(tmp_path: Path) -> None:
    path = tmp_path / "admin-password"
    settings = Settings.from_environ({"TENON_ADMIN_PASSWORD_FILE": str(path)})
    assert settings.read_admin_password() == ""
    path.touch(mode=0o600)
    path.write_text("a long enough password\n")
    assert settings.read_admin_password() == "a long enough password"
    assert Settings.from_environ({}).read_admin_password() == ""


@pytest.mark.parametrize(
    ("content", "mode", "mend"),
    [
        (b"a long enough password", 0o644, "chmod 600"),
        (b"short", 0o600, "15 to 128 characters"),
        (b"", 0o600, "15 to 128 characters"),
        (b"\xff" * 20, 0o600, "text file"),
    ],
)
def test_a_first_password_that_cannot_be_used_is_refused(tmp_path: Path, content: bytes, mode: int, mend: str) -> None:
    path = tmp_path / "admin-password"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(SettingsError, match=mend):
        Settings.from_environ({"TENON_ADMIN_PASSWORD_FILE": str(path)}).read_admin_password()


def test_no_address_of_a_person_is_shown() -> None:
    assert "admin@" not in str(show_settings(Settings.from_environ({})))
