"""Noticing that contracts were saved: whole, whatever way an editor writes them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.cli.live.sources import await_change, changed_names, look

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_contracts_and_their_python_are_seen_and_nothing_hidden(tmp_path: Path) -> None:
    for name in ("a/v1/a.proto", "a/v1/methods.py", "a/v1/notes.txt", ".git/b.proto", "a/v1/.a.proto.swp"):
        write(tmp_path / name, "x")
    seen = look([tmp_path])
    assert changed_names([tmp_path], {}, seen) == ("a/v1/a.proto", "a/v1/methods.py")


def test_a_folder_that_is_gone_has_no_files(tmp_path: Path) -> None:
    assert look([tmp_path / "nowhere"]) == {}


async def test_a_save_by_rename_a_new_file_and_a_removal_are_noticed(tmp_path: Path) -> None:
    write(tmp_path / "a.proto", "old")
    seen = look([tmp_path])

    async def after(change: object) -> tuple[str, ...]:
        nonlocal seen
        waiting = asyncio.create_task(await_change([tmp_path], seen))
        await asyncio.sleep(0)
        assert callable(change)
        change()
        async with asyncio.timeout(10):
            now = await waiting
        names, seen = changed_names([tmp_path], seen, now), now
        return names

    write(tmp_path / "draft", "new")
    assert await after(lambda: (tmp_path / "draft").replace(tmp_path / "a.proto")) == ("a.proto",)
    assert await after(lambda: write(tmp_path / "b" / "b.proto", "x")) == ("b/b.proto",)
    assert await after((tmp_path / "a.proto").unlink) == ("a.proto",)


async def test_files_that_are_written_in_steps_are_one_change(tmp_path: Path) -> None:
    seen = look([tmp_path])
    waiting = asyncio.create_task(await_change([tmp_path], seen))
    for number in range(5):
        write(tmp_path / f"{number}.proto", "x")
        await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        now = await waiting
    assert len(changed_names([tmp_path], seen, now)) == 5


async def test_what_is_undone_at_once_is_no_change(tmp_path: Path) -> None:
    seen = look([tmp_path])
    waiting = asyncio.create_task(await_change([tmp_path], seen))
    write(tmp_path / "a.proto", "x")
    (tmp_path / "a.proto").unlink()
    write(tmp_path / "b.proto", "x")
    async with asyncio.timeout(10):
        assert changed_names([tmp_path], seen, await waiting) == ("b.proto",)
