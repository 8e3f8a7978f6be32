"""What reading costs among a million rows, against a thousand: `python -m tests.load.million`."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.chassis.postgres import open_pool
from services.cli.stack.postgres import as_unprivileged, binary
from services.records.engine import Engine
from tests.integration.records.library import KEYRING
from tests.integration.records.reading.digs import SITE, Digs, digs_contract
from tests.integration.records.reading.many import SITES, fill
from tests.load.machine import describe_machine, warn_if_busy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

FEW = 1_000
"""The rows of the small table."""

SIZE = 50
"""The rows of a page."""

CALLS = 400
"""Calls of which each figure is the median."""

WIDE: dict[str, Any] = {"parent": "regions/-/sites/-", "page_size": SIZE}
LISTS: dict[str, dict[str, Any]] = {
    "filtered, by name": {**WIDE, "filter": "state = STATE_WHOLE"},
    "filtered by two, by name": {**WIDE, "filter": "state = STATE_WHOLE AND price = 0"},
    "filtered, latest first": {**WIDE, "filter": "layer < 45", "order_by": "found_at desc"},
    "below one site": {"parent": SITE, "page_size": SIZE},
}
"""Lists of which many rows are found."""


def main() -> int:
    """Print the figures; return 0 where what must hold does, and else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.million", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the large table (1,000,000)")
    parser.add_argument("--page", type=int, default=10_000, help="the page that is compared with the first (10,000)")
    arguments = parser.parse_args()
    _say(f"{describe_machine()}\n{warn_if_busy()}")
    with _postgres() as url:
        return 0 if asyncio.run(_measure(url, arguments.rows, arguments.page)) else 1


async def _measure(url: str, rows: int, page: int) -> bool:
    async with _digs(url, "few", FEW) as few:
        get_few = await _median(lambda: _get(few, FEW // 2))
    async with _digs(url, "many", rows) as many:
        get_many = await _median(lambda: _get(many, rows // 2))
        _say(
            f"\nGet among {FEW:,} rows: {get_few:.2f} ms; among {rows:,}: {get_many:.2f} ms (x{get_many / get_few:.2f})"
        )
        # One site has a third of the rows.
        pages = {what: page if asked["parent"] == WIDE["parent"] else page // 2 for what, asked in LISTS.items()}
        ratios = [await _compare(many, what, asked, pages[what]) for what, asked in LISTS.items()]
        for what, query in (("rare", "unicum"), ("rare, with a filter", "unicum"), ("in nearly all", "vase")):
            asked = {**WIDE, **({"filter": "layer = 7"} if "filter" in what else {})}
            took = await _median(partial(many.search, query, **asked), calls=20 if query == "vase" else 100)
            _say(f"Search for a word that is {what}: {took:.1f} ms")
        skipped = await _median(lambda: many.list(**WIDE, skip=100_000), calls=20)
        _say(f"A first page behind 100,000 rows that are skipped, counted too: {skipped:.1f} ms")
    return get_many < get_few * 1.2 and max(ratios) < 1.2


async def _compare(digs: Digs, what: str, asked: dict[str, Any], page: int) -> float:
    """Print what the first page of a list costs, and a later one; return their ratio."""
    first = await digs.list(**asked)
    second = first.next_page_token
    reached = await _turn(digs, asked, second, page - 2)
    # In turn, so that what else the machine does is shared. The first page counts as well, so the second stands here.
    early, late = [], []
    for _ in range(CALLS):
        early.append(await _time(lambda: digs.list(**asked, page_token=second)))
        late.append(await _time(lambda: digs.list(**asked, page_token=reached)))
    counted = await _median(lambda: digs.list(**asked), calls=40)
    one, other = statistics.median(early) * 1000, statistics.median(late) * 1000
    _say(
        f"List, {what}: page 2 {one:.2f} ms, page {page:,} {other:.2f} ms (x{other / one:.2f}); "
        f"page 1, which counts {first.total_size:,}: {counted:.2f} ms"
    )
    return other / one


async def _turn(digs: Digs, asked: dict[str, Any], token: str, pages: int) -> str:
    """Return the token of the page that is so many further."""
    large = {**asked, "page_size": SIZE * 20}
    for size, count in ((SIZE * 20, pages // 20), (SIZE, pages % 20)):
        for _ in range(count):
            answer = await digs.list(**{**large, "page_size": size}, page_token=token)
            if not answer.next_page_token:
                raise SystemExit(f"There are not {pages:,} pages: measure with more rows, or an earlier page.")
            token = answer.next_page_token
    return token


async def _get(digs: Digs, number: int) -> Any:
    return await digs.do("GetFind", name=f"{SITES[number % len(SITES)]}/finds/n{number:08}")


async def _median(call: Callable[[], Awaitable[Any]], calls: int = CALLS) -> float:
    """Return the median of what a call takes, in milliseconds."""
    await call()
    return statistics.median([await _time(call) for _ in range(calls)]) * 1000


async def _time(call: Callable[[], Awaitable[Any]]) -> float:
    started = time.perf_counter()
    await call()
    return time.perf_counter() - started


@asynccontextmanager
async def _digs(url: str, database: str, rows: int) -> AsyncIterator[Digs]:
    """Make a database with so many finds."""
    async with open_pool(f"postgresql://tenon@/postgres?host={url}") as pool:
        await pool.fetch(f"CREATE DATABASE {database} TEMPLATE template0")
    async with open_pool(f"postgresql://tenon@/{database}?host={url}", statement_timeout=600) as pool:
        contract = digs_contract()
        engine = Engine(contract, host="data", pool=pool, keyring=KEYRING)
        await engine.migrate()
        digs = Digs(engine, contract)
        await digs.prepare()
        started = time.monotonic()
        await fill(digs, rows)
        _say(f"{rows:,} rows were written in {time.monotonic() - started:.0f} s.")
        yield digs


@contextmanager
def _postgres() -> Iterator[str]:
    """Run a Postgres that is thrown away afterwards, and give the folder of its socket."""
    folder = Path(tempfile.mkdtemp(prefix="tenon-million-"))
    data = str(folder / "data")
    locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    made = (str(binary("initdb")), "-D", data, "-U", "tenon", "--auth-local=trust", "--no-sync", *locale)
    subprocess.run(as_unprivileged(made), check=True, capture_output=True)
    settings = (
        "listen_addresses=",
        "fsync=off",
        "shared_buffers=512MB",
        "max_wal_size=4GB",
        "maintenance_work_mem=256MB",
    )
    options = [part for setting in settings for part in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        command = as_unprivileged((str(binary("postgres")), "-D", data, "-k", str(folder), *options))
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _await_ready(folder / "log", server)
        yield str(folder)
    finally:
        server.terminate()
        server.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def _await_ready(log: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while "ready to accept connections" not in log.read_text():
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"Postgres did not start:\n{log.read_text()}")
        time.sleep(0.05)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
