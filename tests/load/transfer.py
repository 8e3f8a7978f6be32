"""How fast imports and exports are, and how much memory they take: `python -m tests.load.transfer`.

The flights of the demo are imported and exported in each format by a process that hosts the record engine as data does,
beside a Postgres as the laptop runs it. Rows per second count from the request to the end of the operation; memory is
what the process has at most beyond what it has when it is idle.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gc
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
from google.longrunning import operations_pb2
from google.protobuf.message_factory import GetMessageClass
from tenon.records.v1 import transfer_pb2

from services.chassis.call import Call, Caller, CallerKind
from services.chassis.contract import REPOSITORY, read_contract
from services.chassis.keyring import Keyring, RootKey
from services.chassis.postgres import open_pool
from services.cli.demo.archive import read_archive, read_pin
from services.cli.demo.dataset import Dataset
from services.cli.demo.rows import Census, read_aircraft, read_airlines, read_airports, read_flights
from services.cli.stack.postgres import OPTIONS, SUPERUSER, as_unprivileged, binary
from services.records.engine import Engine
from services.records.transfer.cells import show_cells
from services.records.transfer.showing import Showing
from tests.load.cpu import children_of, read_cpu

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from google.protobuf.message import Message

SERVICE = "/tenon.flightops.v1.FlightopsService/"
FORMATS = {"CSV": "csv", "JSONL": "jsonl", "PARQUET": "parquet"}
PAGE = 4096
ALL = 336_776
GOALS = {"import": 15_000, "export": 50_000}
"""Rows per second that are wanted on two cores."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What one import or export took."""

    what: str
    """`import CSV` and so on."""
    rows: int
    """The rows that were written."""
    seconds: float
    """From the request to the end of the operation."""
    cpu: float
    """Seconds of CPU of the process, Postgres left out."""
    postgres_cpu: float
    """Seconds of CPU of Postgres."""
    idle_mb: float
    """What the process had before."""
    peak_mb: float
    """What it had at most."""

    def line(self) -> str:
        """Return it as a line of a table."""
        rate = self.rows / self.seconds
        goal = GOALS[self.what.split()[0]]
        return (
            f"{self.what:<15}{self.rows:>9,} rows{self.seconds:>8.1f} s{rate:>10,.0f} rows/s (goal {goal:,})"
            f"{self.cpu / self.rows * 1e6:>7.1f} + {self.postgres_cpu / self.rows * 1e6:.1f} µs CPU/row"
            f"{self.idle_mb:>7.0f} MB idle +{self.peak_mb - self.idle_mb:.0f} MB at most"
        )


class NoTransport:
    """A transport that keeps nothing."""

    def send_initial_metadata(self, name: str, value: str) -> None:
        """Drop a header."""

    def send_trailer(self, name: str, value: str | bytes) -> None:
        """Drop a trailer."""

    def is_cancelled(self) -> bool:
        return False

    def on_done(self, callback: Callable[[], None]) -> None:
        """Never be done."""


def caller(organization: str) -> Caller:
    return Caller(kind=CallerKind.USER, subject="users/bench", organization=organization, permissions=frozenset({"*"}))


class Bench:
    """An engine that hosts the flights."""

    def __init__(self, engine: Engine, postmaster: int) -> None:
        self.engine = engine
        self._postmaster = postmaster

    def call(self, method: str, who: Caller) -> Call:
        call = Call(method=self.engine.contract.methods[SERVICE + method], metadata={}, transport=NoTransport())
        call.caller = who
        return call

    def request(self, method: str, **fields: Any) -> Message:
        found = self.engine.contract.pool.FindMessageTypeByName(self.engine.contract.methods[SERVICE + method].input)
        return GetMessageClass(found)(**fields)

    async def create(self, plural: str, rows: Iterable[Message], who: Caller) -> None:
        """Create records that flights refer to."""
        method = f"BatchCreate{plural}"
        kind = GetMessageClass(
            self.engine.contract.pool.FindMessageTypeByName(self.engine.contract.methods[SERVICE + method].input)
        )
        waiting = list(rows)
        for place in range(0, len(waiting), 1000):
            request: Any = kind()
            for row in waiting[place : place + 1000]:
                request.requests.add().ParseFromString(row.SerializeToString())
            await self.engine.handlers()[SERVICE + method](request, self.call(method, who))

    async def operate(self, method: str, who: Caller, **fields: Any) -> operations_pb2.Operation:
        """Begin an operation and wait for its end."""
        begun = await self.engine.handlers()[SERVICE + method](self.request(method, **fields), self.call(method, who))
        name = operations_pb2.Operation.FromString(begun).name
        while not (found := await self.engine.transfers.operations.get(who, name)).done:
            await asyncio.sleep(0.1)
        if found.HasField("error"):
            raise RuntimeError(str(found.error))
        return found

    async def measure(self, what: str, method: str, who: Caller, **fields: Any) -> tuple[Measured, Any]:
        """Measure an operation and return what it took, and its response."""
        idle = _memory()
        Path("/proc/self/clear_refs").write_text("5")
        theirs, cpu, started = self._postgres_cpu(), time.process_time(), time.perf_counter()
        operation = await self.operate(method, who, **fields)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        theirs = self._postgres_cpu() - theirs
        kind = transfer_pb2.ImportReport if what.startswith("import") else transfer_pb2.ExportReport
        report: Any = kind()
        operation.response.Unpack(report)
        rows = report.rows_created if what.startswith("import") else report.rows_written
        return (
            Measured(
                what=what,
                rows=rows,
                seconds=seconds,
                cpu=cpu,
                postgres_cpu=theirs,
                idle_mb=idle,
                peak_mb=_peak(),
            ),
            report,
        )

    def _postgres_cpu(self) -> float:
        return read_cpu(children_of(self._postmaster))


def _memory() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20


def _peak() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


async def run_child(url: str, folder: Path, formats: Sequence[str]) -> None:
    """Import and export, and print what each took, a line of JSON each."""
    contract = read_contract(REPOSITORY / "gen" / "contract.binpb")
    async with open_pool(url) as pool:
        engine = Engine(contract, host="data", pool=pool, keyring=Keyring([RootKey(id="bench", secret=b"k" * 32)]))
        await engine.migrate()
        # As a service does once it is ready.
        gc.freeze()
        bench = Bench(engine, int((folder / "data" / "postmaster.pid").read_text().split()[0]))
        for name in formats:
            who = caller(f"bench-{name.lower()}")
            await _prepare(bench, folder, who)
            form = transfer_pb2.Format.Value(f"FORMAT_{name}")
            source = await _upload(bench, folder / f"flights.{FORMATS[name]}", who)
            measured, report = await bench.measure(f"import {name}", "ImportFlights", who, source=source, format=form)
            if report.rows_rejected:
                raise RuntimeError(f"{report.rows_rejected} rows were rejected: {report}")
            print(json.dumps(asdict(measured)), flush=True)  # noqa: T201 - to the parent
            measured, report = await bench.measure(f"export {name}", "ExportFlights", who, format=form)
            print(json.dumps(asdict(measured)), flush=True)  # noqa: T201 - to the parent
            if name == "CSV":
                await _write_others(bench, folder, who)


async def _prepare(bench: Bench, folder: Path, who: Caller) -> None:
    del folder
    dataset = Dataset(read_archive(read_pin()))
    system = caller("system")
    if who.organization == "bench-csv":
        await bench.create("Airlines", read_airlines(dataset), system)
        await bench.create("Airports", read_airports(dataset), system)
    await bench.create("Aircraft", read_aircraft(dataset), who)


async def _upload(bench: Bench, path: Path, who: Caller) -> str:
    async with bench.engine.transfers.files.writing(who, "text/plain") as file:
        with path.open("rb") as content:
            while piece := content.read(1 << 20):
                await file.write(piece)
        return (await file.finish()).name


async def _write_others(bench: Bench, folder: Path, who: Caller) -> None:
    """Write the files of the other formats: what this one exports in them."""
    for name in ("JSONL", "PARQUET"):
        form = transfer_pb2.Format.Value(f"FORMAT_{name}")
        operation = await bench.operate("ExportFlights", who, format=form)
        report = transfer_pb2.ExportReport()
        operation.response.Unpack(report)
        with (folder / f"flights.{FORMATS[name]}").open("wb") as out:
            async for piece in bench.engine.transfers.files.read(report.file.removeprefix("files/")):
                out.write(piece)


def write_flights(path: Path, most: int) -> None:
    """Write flights of the demo as CSV."""
    dataset = Dataset(read_archive(read_pin()))
    requests = read_flights(dataset, Census())
    first = next(requests)
    fields = [
        field
        for field in first.flight.DESCRIPTOR.fields
        if field.name not in ("name", "create_time", "update_time", "etag")
    ]
    shows = [show_cells(field, Showing()) for field in fields]

    def rows() -> Iterator[list[str]]:
        yield ["flight_id", *(field.name for field in fields)]
        for request in islice(chain([first], requests), most):
            yield [request.flight_id, *(show([request.flight])[0] for show in shows)]

    with path.open("w", newline="") as out:
        csv.writer(out).writerows(rows())


async def main(formats: Sequence[str], rows: int) -> int:
    """Run the bench and print a table; 1 where a goal is missed."""
    with tempfile.TemporaryDirectory(prefix="tenon-tr-") as name:
        folder = Path(name)
        write_flights(folder / "flights.csv", rows)
        initdb = [str(binary("initdb")), "-D", str(folder / "data"), "-U", SUPERUSER, "-A", "trust", "--locale=C.UTF-8"]
        subprocess.run(as_unprivileged(tuple(initdb)), check=True, capture_output=True)
        options = [part for key, value in OPTIONS.items() for part in ("-c", f"{key}={value}")]
        command = (str(binary("postgres")), "-D", str(folder / "data"), "-k", str(folder), *options)
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(as_unprivileged(command), stdout=log, stderr=log)
        try:
            return await _run(folder, formats)
        finally:
            server.send_signal(3)
            server.wait()


async def _run(folder: Path, formats: Sequence[str]) -> int:
    url = f"postgresql://{SUPERUSER}@/postgres?host={folder}"
    await _wait(url)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.load.transfer", "--child", url, str(folder), *formats, stdout=subprocess.PIPE
    )
    missed = 0
    if child.stdout is not None:
        async for line in child.stdout:
            measured = Measured(**json.loads(line))
            missed += measured.rows / measured.seconds < GOALS[measured.what.split()[0]]
            sys.stdout.write(measured.line() + "\n")
            sys.stdout.flush()
    return await child.wait() or int(bool(missed))


async def _wait(url: str) -> None:
    for _ in range(200):
        try:
            await (await asyncpg.connect(url)).close()
        except (OSError, asyncpg.CannotConnectNowError):
            await asyncio.sleep(0.05)
        else:
            return
    raise TimeoutError("Postgres does not answer.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=2, metavar=("URL", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("formats", nargs="*", default=list(FORMATS), help="the formats, CSV first")
    parser.add_argument("--rows", type=int, default=ALL, help="the most flights")
    given = parser.parse_args()
    if given.child:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run_child(given.child[0], Path(given.child[1]), given.formats))
        sys.exit(0)
    sys.exit(asyncio.run(main(given.formats, given.rows)))
