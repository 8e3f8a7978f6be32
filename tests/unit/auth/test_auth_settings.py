"""Whether settings that cannot work together are refused, all at once."""

from __future__ import annotations

import pytest

from services.auth.settings import Settings
from services.chassis.environment import SettingsError, show_settings


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


def test_no_address_of_a_person_is_shown() -> None:
    assert "admin@" not in str(show_settings(Settings.from_environ({})))
