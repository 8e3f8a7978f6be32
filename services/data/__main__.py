"""Wires data and serves it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from services.chassis.allowance import Allowances
from services.chassis.contract import ContractError, Problem, load_contract, serialize_contract, service_folders
from services.chassis.contract.adopted import OPERATIONS
from services.chassis.contract.custom import find_custom
from services.chassis.dispatch import Dispatcher
from services.chassis.frame import Frame, Wiring
from services.chassis.postgres import open_pool
from services.chassis.refusal import StartRefused
from services.chassis.server import serve
from services.chassis.transport import Handler, handlers_of, messages_of
from services.data.domain import ContractRefused, Deployments
from services.data.servicer import ContractServicer, DeploymentServicer, FileServicer, GraphServicer, OperationsServicer
from services.data.settings import Settings
from services.data.storage import CompiledContracts
from services.data.worker import Loops
from services.graph import Graph
from services.records.engine import Engine
from services.records.methods import load_methods
from services.records.migrating.migrations import MigrationRefused
from services.records.reading.pages import PageTokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from services.chassis.contract import Contract, Method, Service
    from services.chassis.contract.custom import Custom
    from services.chassis.frame import Task
    from services.chassis.postgres import Pool

CONTRACTS = "tenon.data.v1.ContractService"
DEPLOYMENTS = "tenon.data.v1.DeploymentService"
FILES = "tenon.data.v1.FileService"
GRAPH = "tenon.data.v1.GraphService"


@dataclass(frozen=True, kw_only=True)
class Served:
    """One contract and what serves it; while the process runs, another may take its place."""

    fingerprint: str
    """What it is known by: a digest of the contract and of the Python beside it, in hexadecimal."""
    contract: Contract
    """What is served."""
    engine: Engine
    """The records of it that are kept here."""
    handlers: Mapping[str, Handler]
    """What serves each RPC, by path."""
    tasks: tuple[Task, ...]
    """Loops that run while it is served, and a little longer."""


@asynccontextmanager
async def wire(frame: Frame) -> AsyncIterator[Wiring]:
    """Build data on a frame, with its tables in step with the contract."""
    async with open_pool(frame.settings.database_url) as pool:
        host = ContractHost(frame, pool)
        served = host.serve_contract(frame.contract)
        await served.engine.migrate(judge=frame.judge)
        host.begin(served)
        yield Wiring(handlers=served.handlers, tasks=(host.loops.run,))


class ContractHost:
    """Makes what serves a contract: once at start, and for every contract that follows it while the process runs.

    What belongs to the process, such as the pool, is made once and kept here; what belongs to a contract is made in
    `serve_contract`.
    """

    loops: Loops
    deployments: Deployments[Served]

    def __init__(self, frame: Frame, pool: Pool) -> None:
        """Take what all contracts are served with."""
        self._frame = frame
        self._pool = pool
        self._settings = Settings.from_environ(frame.environ)
        # Who has called often enough has so under the next contract, too.
        self._allowances = Allowances()

    def serve_contract(self, contract: Contract) -> Served:
        """Make what serves a contract; nothing is served, read or written yet.

        Raises StartRefused (ContractError, RecordError) where it cannot be served here.
        """
        custom = self._custom()
        engine = Engine(
            contract,
            host=self._frame.name,
            pool=self._pool,
            keyring=self._frame.keyring,
            limits=self._settings.limits,
        )
        tokens = PageTokens(self._frame.keyring)
        contracts = ContractServicer(CompiledContracts(contract, engine.tables, self._pool), tokens)
        graph = Graph(contract)
        servicers = {CONTRACTS: contracts, DEPLOYMENTS: DeploymentServicer(lambda: self.deployments)}
        servicers |= {
            FILES: FileServicer(engine.transfers.files, tokens),
            OPERATIONS: OperationsServicer(engine.transfers.operations, tokens),
            GRAPH: GraphServicer(graph),
        }
        handlers = build_handlers(contract, engine, servicers, load_methods(custom, engine))
        frame = self._frame
        graph.serve(
            Dispatcher(
                contract,
                handlers,
                telemetry=frame.telemetry,
                clients=frame.clients,
                allowances=self._allowances,
                audit=frame.audit,
            )
        )
        return Served(
            fingerprint=_fingerprint(contract, custom),
            contract=contract,
            engine=engine,
            handlers=handlers,
            tasks=(
                engine.forget,
                engine.purge,
                engine.transfers.run,
            ),
        )

    def _custom(self) -> Custom:
        """Find the Python beside the contracts, anew each time: it may have changed with them."""
        return find_custom(self._settings.methods)

    def begin(self, served: Served) -> None:
        """Take the version that is served at start."""
        self.loops = Loops(served.tasks)
        self.deployments = Deployments(self, served)

    async def build(self, files: bytes) -> Served:
        """Make what serves a compiled contract, beside the calls that are served; raises ContractRefused."""
        try:
            return await asyncio.to_thread(self._build, files)
        except ContractError as error:
            raise ContractRefused([str(problem) for problem in error.problems]) from error
        except (StartRefused, DecodeError) as error:
            raise ContractRefused([str(error)]) from error

    def _build(self, files: bytes) -> Served:
        descriptors, custom = FileDescriptorSet.FromString(files), self._custom().names()
        return self.serve_contract(load_contract(descriptors, services=service_folders(), custom=custom))

    async def migrate(self, version: Served, *, allow_breaking: bool) -> Sequence[str]:
        """Bring the tables in step and return the statements that ran; raises ContractRefused."""
        before = await version.engine.migrated()
        try:
            after = await version.engine.migrate(judge=None if allow_breaking else self._frame.judge)
        except MigrationRefused as error:
            raise ContractRefused(error.problems) from error
        return [text for old, new in zip(before, after, strict=True) if old != new for text in new.statements]

    def publish(self, version: Served, retired: Mapping[str, Handler]) -> None:
        """Serve a version from now on."""
        self._frame.publish(version.contract, {**retired, **version.handlers})
        self.loops.replace(version.tasks)


def _fingerprint(contract: Contract, custom: Custom) -> str:
    """Return what a contract is known by, with the Python beside it: either may change by itself."""
    digest = hashlib.sha256(serialize_contract(contract))
    for path in sorted({found.path for found in custom.classes}):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def build_handlers(
    contract: Contract, engine: Engine, servicers: Mapping[str, object], methods: Mapping[str, Handler] | None = None
) -> dict[str, Handler]:
    """Return what serves each RPC of the contracts that are hosted here.

    `servicers` are those of data's own services, by service; `methods` are those in Python beside the engine, by path:
    they go before what the engine serves. Raises ContractError where nothing serves a method.
    """
    methods = methods or {}
    messages, functions = messages_of(contract.pool), engine.handlers()
    handlers: dict[str, Handler] = {}
    problems: list[Problem] = []
    for service in contract.hosted_by("data"):
        if service.full_name in servicers:
            handlers |= handlers_of(servicers[service.full_name], service)
            continue
        for method in service.methods:
            if method.path in methods:
                handlers[method.path] = methods[method.path]
            elif (function := functions.get(method.path)) is None:
                problems.append(_unserved(service, method))
            else:
                handlers[method.path] = Handler(method=method, request_type=messages(method.input), function=function)
    if problems:
        raise ContractError(problems)
    return handlers


def _unserved(service: Service, method: Method) -> Problem:
    return Problem(
        file=service.file,
        element=f"{service.full_name}.{method.name}",
        message="nothing serves it: it is no standard method of a record that is kept here",
        mend="give it the shape of a standard method (AIP-131 to 135), or write it in Python (proto/README.md)",
    )


if __name__ == "__main__":
    sys.exit(serve(name="data", wire=wire, environ=os.environ))
