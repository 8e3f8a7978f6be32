"""The state folder: private, locked by one, recovered or refused where it is half written."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from services.chassis.keyring import Keyring
from services.cli.errors import AlreadyRunning, BrokenState, CommandError
from services.cli.home import (
    ensure_admin_password,
    ensure_root_key,
    hold_lock,
    prepare_folders,
    read_holder,
    write_private,
)

if TYPE_CHECKING:
    from pathlib import Path

    from services.cli.settings import Settings


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_are_made_for_their_owner_alone(settings: Settings) -> None:
    assert {mode_of(folder) for folder in (settings.home, settings.logs, settings.run)} == {0o700}


def test_a_runtime_folder_that_others_may_enter_is_refused(settings: Settings) -> None:
    settings.run.chmod(0o755)
    with pytest.raises(CommandError, match="not a folder that belongs to you alone"):
        prepare_folders(settings)


def test_a_runtime_folder_that_is_a_link_is_refused(settings: Settings, tmp_path: Path) -> None:
    settings.run.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    settings.run.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CommandError, match="belongs to you alone"):
        prepare_folders(settings)


def test_a_state_folder_that_everybody_may_write_to_is_refused(settings: Settings) -> None:
    settings.home.chmod(0o777)
    with pytest.raises(CommandError, match="Everybody may write"):
        prepare_folders(settings)
    settings.home.chmod(0o775)
    prepare_folders(settings)


def test_a_state_folder_that_cannot_be_made_is_said(settings: Settings) -> None:
    settings.logs.rmdir()
    settings.logs.write_text("")
    with pytest.raises(CommandError, match="cannot be made"):
        prepare_folders(settings)


def test_a_second_up_on_the_same_folder_is_refused_with_the_process_that_holds_it(settings: Settings) -> None:
    with hold_lock(settings), pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"), hold_lock(settings):
        pytest.fail("two held one lock")


def test_a_lock_can_be_held_again_once_it_was_let_go(settings: Settings) -> None:
    with hold_lock(settings):
        pass
    with hold_lock(settings):
        assert read_holder(settings) is not None
    assert read_holder(settings) is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"pid": 1, "start_time": 1}', b"\xff\x00"])
def test_a_lock_file_without_a_living_holder_is_stale_whatever_it_says(settings: Settings, content: bytes) -> None:
    (settings.home / "up.lock").write_bytes(content)
    assert read_holder(settings) is None
    with hold_lock(settings):
        pass


def test_the_process_in_a_lock_is_believed_only_with_its_start_time(settings: Settings) -> None:
    with hold_lock(settings):
        (settings.home / "up.lock").write_text(json.dumps({"pid": os.getpid(), "start_time": 1}))
        holder = read_holder(settings)
    assert holder is not None
    assert holder.pid == 0


def test_a_fresh_folder_gets_a_private_root_key_once(settings: Settings) -> None:
    ensure_root_key(settings, fresh=True)
    key = settings.root_key.read_bytes()
    Keyring.from_file(settings.root_key)
    ensure_root_key(settings, fresh=False)
    assert settings.root_key.read_bytes() == key
    assert mode_of(settings.root_key) == 0o600


def test_a_lost_root_key_beside_existing_databases_is_refused(settings: Settings) -> None:
    with pytest.raises(BrokenState, match="missing"):
        ensure_root_key(settings, fresh=False)


def test_the_first_password_is_made_once_and_privately(settings: Settings) -> None:
    assert ensure_admin_password(settings, fresh=True)
    assert not ensure_admin_password(settings, fresh=True)
    assert mode_of(settings.admin_password) == 0o600
    assert len(settings.admin_password.read_text().strip()) >= 20


def test_a_password_file_that_was_deleted_stays_deleted(settings: Settings) -> None:
    assert not ensure_admin_password(settings, fresh=False)
    assert not settings.admin_password.exists()


def test_a_file_is_replaced_as_a_whole(settings: Settings) -> None:
    path = settings.home / "file"
    write_private(path, b"one")
    write_private(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in settings.home.iterdir() if entry.name.startswith("file")] == ["file"]
