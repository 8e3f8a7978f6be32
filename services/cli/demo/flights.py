"""`tenon demo flights`: a year of real flights, loaded through the public API, with a report that counts every gap."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from services.cli.demo.archive import read_archive, read_pin
from services.cli.demo.dataset import Dataset
from services.cli.demo.edge import open_edge
from services.cli.demo.load import AIRCRAFT, AIRLINES, AIRPORTS, FLIGHTS, Tally, load
from services.cli.demo.progress import Progress
from services.cli.demo.rows import Census, read_aircraft, read_airlines, read_airports, read_flights
from services.cli.errors import CommandError
from services.cli.minting import mint_grant
from services.cli.settings import read_settings
from services.cli.state import read_running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.cli.demo.edge import Mint

SERVICE = "tenon.flightops.v1.FlightopsService"
"""The service that takes the rows."""

INTERRUPTED = 130
"""The exit code of a command that was interrupted."""

TOTALS = {"airlines": 16, "airports": 1458, "aircraft": 3322, "flights": 336_776}
"""How many rows the pinned archive has, for the bar; the report counts them anew."""


async def load_reference_rows(target: str, mint: Mint, *, archive: Path | None = None) -> dict[str, Tally]:
    """Have the airlines and the airports on the server behind `host:port`; return what became of them.

    Raises ArchiveMissing where the set-up has not fetched the data set, LoadFailed where the server refuses.
    """
    dataset = Dataset(read_archive(read_pin(), archive))
    async with open_edge(target, service=SERVICE, mint=mint) as edge:
        airlines, airports = await asyncio.gather(
            load(edge, AIRLINES, read_airlines(dataset), _say_nothing),
            load(edge, AIRPORTS, read_airports(dataset), _say_nothing),
        )
    return {"airlines": airlines, "airports": airports}


async def load_flights(
    target: str, mint: Mint, *, stream: TextIO, archive: Path | None = None
) -> tuple[dict[str, Tally], Census]:
    """Have all rows on the server behind `host:port`; return what became of them, and what they leave open.

    Raises ArchiveMissing where the set-up has not fetched the data set, LoadFailed where the server refuses.
    """
    dataset = Dataset(read_archive(read_pin(), archive))
    census = Census()
    tallies: dict[str, Tally] = {}
    # In this order, since flights refer to the others.
    sources = (
        (AIRLINES, read_airlines(dataset)),
        (AIRPORTS, read_airports(dataset)),
        (AIRCRAFT, read_aircraft(dataset)),
        (FLIGHTS, read_flights(dataset, census)),
    )
    async with open_edge(target, service=SERVICE, mint=mint) as edge:
        for collection, rows in sources:
            progress = Progress(collection.plural, TOTALS[collection.plural], stream)
            tallies[collection.plural] = await load(edge, collection, rows, progress)
    return tallies, census


def write_report(tallies: dict[str, Tally], census: Census, seconds: float) -> str:
    """Return the report: how many rows were created and found, and every gap that the flights have."""
    lines = [f"Done in {seconds:.0f} s."]
    for plural, tally in tallies.items():
        lines.append(f"  {plural:<9}{tally.total:>8,}   {tally.created:,} created, {tally.found:,} there already")
    tails = f"{census.without_tail_number:,} report no tail number, the others name one of"
    places = f"{len(census.unknown_destinations)} airports that are not listed"
    lines += [
        f"Of the {census.flights:,} flights, none was dropped, and",
        f"  {census.without_aircraft:>7,} have no known aircraft: {tails} {len(census.unknown_tail_numbers)} unknown;",
        f"  {census.without_destination:>7,} go to {places}: {', '.join(sorted(census.unknown_destinations))};",
        f"  {census.never_left:>7,} never left;",
        f"  {census.without_arrival:>7,} left and have no recorded arrival.",
        "What was reported is kept in `tail_number` and `destination_code`; references are set where they resolve.",
    ]
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str]) -> int:
    """Load all flights into the stack that runs here, and report; return the exit code."""
    parser = argparse.ArgumentParser(prog="tenon demo flights", description=__doc__)
    parser.parse_args(argv)
    started = time.monotonic()
    try:
        settings = read_running(read_settings(os.environ, directory=Path.cwd()))
        target = settings.url.removeprefix("http://")
        tallies, census = asyncio.run(load_flights(target, partial(mint_grant, settings), stream=sys.stderr))
    except CommandError as error:
        sys.stderr.write(f"tenon: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Run it again: it goes on where it stopped.\n")
        return INTERRUPTED
    sys.stdout.write(write_report(tallies, census, time.monotonic() - started))
    return 0


def _say_nothing(_: int) -> None:
    """Show no progress."""
