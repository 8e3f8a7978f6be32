"""The state folder and the runtime folder: made, owned, private, and locked by one `tenon up` at a time."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import stat
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.cli.errors import AlreadyRunning, BrokenState, CommandError
from services.cli.supervision.proc import start_time_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from services.cli.settings import Settings


PATIENCE = 60.0
"""Seconds that a supervisor whose state folder was deleted may take to end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """The process that holds the lock of a state folder."""

    pid: int
    """Its process id, or 0 while it has not written it yet."""
    start_time: int
    """When it started, in the kernel's ticks: a recycled process id has another."""


def write_private(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file of mode 0600 so that a reader sees all of it or none; a durable one outlives a power cut too."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        if durable:
            os.fsync(descriptor)
    draft.replace(path)


def prepare_folders(settings: Settings) -> None:
    """Make the state folder and the runtime folder where missing; raises CommandError where they are foreign."""
    for folder in (settings.home, settings.logs, settings.home / "certs"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(
                f"The state folder {folder} cannot be made: {error.strerror}.",
                mend="set TENON_HOME to a folder that you may write.",
            ) from error
        found = folder.stat()
        if found.st_uid != os.geteuid():
            raise CommandError(
                f"The state folder {folder} belongs to another user.",
                mend="run `tenon` as that user, or set TENON_HOME to a folder of your own.",
            )
        # Whoever may write there may put another root key or contract in the place of ours.
        if found.st_mode & stat.S_IWOTH:
            raise CommandError(
                f"Everybody may write to the state folder {folder}.",
                mend=f"run `chmod o-w {folder}`, or set TENON_HOME to a folder of your own.",
            )
    _prepare_run(settings.run)


def _prepare_run(run: Path) -> None:
    with suppress(FileExistsError):
        run.mkdir(mode=0o700, parents=True)
    # Others may make folders beside ours (/tmp), so what we find there is believed only if it is ours alone.
    found = run.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise CommandError(
            f"The runtime folder {run} is not a folder that belongs to you alone.",
            mend="remove it, or make it yours with mode 0700, or set TENON_RUN to another.",
        )


def ensure_root_key(settings: Settings, *, fresh: bool) -> None:
    """Make the root key of a fresh state folder; raises BrokenState where an older folder has lost it.

    Whether a key that is there can be used, its readers say at their start.
    """
    path = settings.root_key
    if path.exists():
        return
    if not fresh:
        raise BrokenState(
            f"{path} is missing, and the databases hold what it has sealed.",
            mend=f"restore it from a copy, or delete {settings.home} to start afresh.",
        )
    # The first start alone pays for the cryptography that this loads.
    from services.chassis.keyring import create_root_key  # noqa: PLC0415 - see above

    create_root_key(path)


def ensure_admin_password(settings: Settings, *, fresh: bool) -> bool:
    """Make the administrator's first password before auth starts for the first time; return whether it was made now.

    A state folder whose databases exist has its administrator, so that a password file which was deleted stays so.
    """
    if settings.admin_password.exists() or not fresh:
        return False
    write_private(settings.admin_password, f"{secrets.token_urlsafe(18)}\n".encode())
    return True


@contextmanager
def hold_lock(settings: Settings) -> Iterator[int]:
    """Hold the state folder for one supervisor, and give its lock's descriptor; raises AlreadyRunning where one lives.

    The kernel lets go of the lock when its holder dies, so neither a crash nor a recycled process id leaves it held.
    """
    path = lock_file(settings)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _try_lock(descriptor):
            # A command that looks who holds the lock holds it for a moment: then there is nobody, and we try again.
            if (holder := read_holder(settings)) is not None:
                who = f" (process {holder.pid})" if holder.pid else ""
                raise AlreadyRunning(
                    f"Another `tenon up`{who} runs from {settings.home}.",
                    mend="use it, or stop it by `tenon down`, or set TENON_HOME to another folder.",
                )
        record = {"pid": os.getpid(), "start_time": start_time_of(os.getpid())}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(record).encode(), 0)
        yield descriptor
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


@contextmanager
def hold_run(settings: Settings, *, report: Callable[[str], None]) -> Iterator[None]:
    """Hold the runtime folder as well: whose state folder was deleted is still there for a moment, and is waited for.

    Raises AlreadyRunning where it does not end.
    """
    deadline = time.monotonic() + PATIENCE
    descriptor = _try_run(settings.run)
    if descriptor is None:
        report(f"waiting for the supervisor that still uses {settings.run}; its state folder was deleted")
    while descriptor is None:
        if time.monotonic() > deadline:
            raise AlreadyRunning(
                f"Another supervisor uses the runtime folder {settings.run}.",
                mend="stop it by `tenon down` with its TENON_HOME, or set TENON_RUN to another folder.",
            )
        time.sleep(0.1)
        descriptor = _try_run(settings.run)
    try:
        yield
    finally:
        os.close(descriptor)


def _try_run(run: Path) -> int | None:
    """Return the locked runtime folder, or None where another has it or has just removed it."""
    _prepare_run(run)
    descriptor = os.open(run, os.O_RDONLY | os.O_CLOEXEC)
    if _try_lock(descriptor) and is_in_place(run, descriptor):
        return descriptor
    os.close(descriptor)
    return None


def lock_file(settings: Settings) -> Path:
    """Return the file that a supervisor holds for as long as it lives."""
    return settings.home / "up.lock"


def is_in_place(path: Path, descriptor: int) -> bool:
    """Return whether what was opened is still what the path leads to, and was not deleted or replaced."""
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_holder(settings: Settings) -> Holder | None:
    """Return who holds the state folder, or None where nobody does, whatever the file says."""
    try:
        descriptor = os.open(lock_file(settings), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        with suppress(ValueError, KeyError, TypeError):
            record = json.loads(os.read(descriptor, 4096))
            holder = Holder(pid=int(record["pid"]), start_time=int(record["start_time"]))
            if start_time_of(holder.pid) == holder.start_time:
                return holder
        return Holder(pid=0, start_time=0)
    finally:
        os.close(descriptor)
