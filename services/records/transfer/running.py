"""Runs operations: each under a lease, so that another worker goes on with those of one that is gone."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from google.rpc import status_pb2
from tenon.records.v1 import transfer_pb2

from services.chassis.call import Call
from services.chassis.errors import Internal, TenonError, Unavailable
from services.chassis.interceptors.errors import status_of
from services.records.transfer.failures import OperationCancelled, OperationStuck
from services.records.transfer.operations import LeaseLost, describe, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.longrunning import operations_pb2
    from google.protobuf.message import Message

    from services.chassis.contract import Method
    from services.chassis.postgres import Executor
    from services.records.transfer.limits import Limits
    from services.records.transfer.operations import Operations, Task

RENEWALS = 5
"""How often a lease is renewed, and progress written down, in the time that it lasts."""

LOOK_EVERY = 2.0
"""Seconds after which a worker looks for operations that nobody works at."""

SWEEP_EVERY = 600.0
"""Seconds after which what has expired is deleted."""

MAX_ATTEMPTS = 5
"""How often an operation is begun again that never comes further: it may be what ends the workers."""

_LOG = logging.getLogger(__name__)

HAND_OVER_ATTEMPTS = 3
"""How often a worker that stops tries to give back what it was at."""


class Job(Protocol):
    """What one kind of operation does."""

    async def run(self, work: Work) -> Message:
        """Do the work, or the rest of it, and return the response. Raises TenonError where it fails."""

    async def report(self, work: Work) -> Message | None:
        """Return what is to be told of work that has failed or was cancelled, beside the error."""


class Work:
    """One operation while a worker does it."""

    def __init__(self, task: Task, call: Call, operations: Operations) -> None:
        """Take the operation, a call that stands for the one that began it, and where operations are kept."""
        self.task = task
        self.call = call
        self.checkpoint: dict[str, Any] = dict(task.checkpoint)
        """How far the work is; the job keeps in it what it needs to go on."""
        self.progress = task.progress
        """How far it is, as callers see it; the job changes it as it goes."""
        self._operations = operations
        self._cancelled = False

    def check(self) -> None:
        """Raise OperationCancelled where somebody has asked for the end."""
        if self._cancelled:
            raise OperationCancelled("The operation was cancelled.", metadata={"name": f"operations/{self.task.id}"})

    async def save(self, on: Executor) -> None:
        """Write down how far the work is, in the transaction that does it: its last statement before the commit.

        Raises:
            LeaseLost: if another worker has the operation: nothing may be committed.
        """
        self.progress.update_time.GetCurrentTime()
        self._cancelled |= await self._operations.check_point(self.task.id, self.checkpoint, self.progress, on)

    async def renew(self) -> None:
        """Keep the lease; raises LeaseLost."""
        self.progress.update_time.GetCurrentTime()
        self._cancelled |= await self._operations.renew(self.task.id, self.progress)


class Runner:
    """The operations that this worker does."""

    def __init__(self, operations: Operations, limits: Limits, methods: Mapping[str, Method]) -> None:
        """Take where operations are kept, how many may run at once, and the methods of the contract by path."""
        self.jobs: dict[str, Job] = {}
        """What each method's operations do, by the method's path."""
        self._operations = operations
        self._methods = methods
        self._turns = asyncio.Semaphore(limits.worker_running)
        self._running: dict[asyncio.Task[None], str] = {}
        self._renew_every = limits.lease_seconds / RENEWALS
        self._sweeps: list[Callable[[], Any]] = [operations.forget_expired]

    def sweep_also(self, sweep: Callable[[], Any]) -> None:
        """Have something done whenever what has expired is deleted."""
        self._sweeps.append(sweep)

    async def begin(self, call: Call, request: bytes) -> operations_pb2.Operation:
        """Begin an operation in this worker and return it as it begins; raises TooManyOperations."""
        progress = transfer_pb2.OperationProgress()
        progress.start_time.GetCurrentTime()
        task = await self._operations.start(call, request, progress)
        self._spawn(task)
        return describe(task)

    async def run(self) -> None:
        """Go on with operations that nobody works at any more: a loop for the process to run beside its server.

        At its end, what this worker is at is handed over.
        """
        swept = -SWEEP_EVERY
        try:
            while True:
                try:
                    now = asyncio.get_running_loop().time()
                    if now - swept >= SWEEP_EVERY:
                        swept = now
                        for sweep in self._sweeps:
                            await sweep()
                    await self._take_over()
                except TenonError as error:
                    _LOG.warning("Operations were not looked after: %s", error)
                # Not in step with other workers, so that they do not all look at once.
                await asyncio.sleep(LOOK_EVERY * random.uniform(0.5, 1.0))  # noqa: S311 - nothing secret
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Stop all work; other workers go on with it at once."""
        running = dict(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for id_ in running.values():
            await self._hand_over(id_)

    async def _hand_over(self, id_: str) -> None:
        # What was cancelled may have left a broken connection, which the first attempt finds. Where the database is
        # gone, the lease's end does the same a little later.
        for _ in range(HAND_OVER_ATTEMPTS):
            with suppress(TenonError):
                await self._operations.hand_over(id_)
                return

    async def _take_over(self) -> None:
        while not self._turns.locked():
            task = await self._operations.claim(self.jobs, self._running.values())
            if task is None:
                return
            _LOG.info("An operation is taken over", extra={"operation": task.id})
            self._spawn(task)
            await asyncio.sleep(0)

    def _spawn(self, task: Task) -> None:
        running = asyncio.create_task(self._run(task), name=f"operation {task.id}")
        self._running[running] = task.id
        running.add_done_callback(lambda done: self._running.pop(done, None))

    async def _run(self, task: Task) -> None:
        """Do one operation; nothing leaves here but a cancellation."""
        work = None
        try:
            work = self._work(task)
            await self._do(work)
        except LeaseLost:
            _LOG.warning("Another worker goes on with an operation", extra={"operation": task.id})
        except Unavailable as error:
            # The lease ends, and some worker goes on from the last checkpoint.
            _LOG.warning("An operation waits: %s", error.message, extra={"operation": task.id})
        except TenonError as error:
            await self._fail(task, work, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the operation is over and says so
            _LOG.exception("An operation failed unforeseen", extra={"operation": task.id})
            failure = Internal(f"Internal error. Operation: {task.id}", metadata={"request_id": task.id})
            failure.__cause__ = error
            await self._fail(task, work, failure)

    def _work(self, task: Task) -> Work:
        if task.attempts > MAX_ATTEMPTS:
            raise OperationStuck(
                f"The operation was begun {task.attempts} times and came no further. Begin a smaller one.",
                metadata={"name": f"operations/{task.id}"},
            )
        return Work(task, call_of(task, self._methods[task.method]), self._operations)

    async def _do(self, work: Work) -> None:
        """Do an operation while its lease is kept."""
        doing = asyncio.current_task()
        lost: list[BaseException] = []

        async def keep() -> None:
            try:
                while True:
                    await asyncio.sleep(self._renew_every)
                    # Whatever the database has: while the lease lasts, it is tried again.
                    with suppress(TenonError):
                        await work.renew()
            except LeaseLost as error:
                lost.append(error)
                if doing is not None:
                    doing.cancel()

        keeping = asyncio.create_task(keep())
        try:
            async with self._turns:
                response = await self.jobs[work.task.method].run(work)
            await self._operations.succeed(work.task.id, response, work.progress)
        except asyncio.CancelledError:
            if not lost or doing is None:
                raise
            doing.uncancel()
            raise lost[0] from None
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _fail(self, task: Task, work: Work | None, error: TenonError) -> None:
        status = status_pb2.Status.FromString(status_of(error).details)
        try:
            report = None if work is None else await self.jobs[task.method].report(work)
            if report is not None:
                status.details.append(pack(report))
            await self._operations.fail(task.id, status, task.progress)
        except (TenonError, LeaseLost) as failure:
            _LOG.warning("The failure of an operation was not kept: %s", failure, extra={"operation": task.id})


def call_of(task: Task, method: Method) -> Call:
    """Return a call that stands for the one that began an operation: it has no deadline, and no client."""
    metadata = {"traceparent": task.traceparent} if task.traceparent else {}
    call = Call(method=method, metadata=metadata, transport=_Nowhere(), request_id=task.request_id)
    call.caller, call.traceparent = task.caller, task.traceparent
    return call


class _Nowhere:
    """The transport of a call whose client got its answer long ago."""

    def send_initial_metadata(self, name: str, value: str) -> None:
        """Send nothing."""

    def send_trailer(self, name: str, value: str | bytes) -> None:
        """Send nothing."""

    def is_cancelled(self) -> bool:
        """Be there for as long as the operation lasts."""
        return False

    def on_done(self, callback: Callable[[], None]) -> None:
        """Never be done."""
