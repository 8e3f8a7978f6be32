"""Wires data and serves it."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from services.chassis.contract import ContractError, Problem
from services.chassis.frame import Frame, Wiring
from services.chassis.postgres import open_pool
from services.chassis.server import serve
from services.chassis.transport import Handler, handlers_of, messages_of
from services.data.servicer import ContractServicer
from services.data.storage import CompiledContracts
from services.records.engine import Engine
from services.records.pages import PageTokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.chassis.contract import Contract, Method, Service

OWN_SERVICE = "tenon.data.v1.ContractService"


@asynccontextmanager
async def wire(frame: Frame) -> AsyncIterator[Wiring]:
    """Build data on a frame, with its tables in step with the contract."""
    async with open_pool(frame.settings.database_url) as pool:
        engine = Engine(frame.contract, host=frame.name, pool=pool, keyring=frame.keyring)
        servicer = ContractServicer(CompiledContracts(frame.contract, engine.tables, pool), PageTokens(frame.keyring))
        handlers = build_handlers(frame.contract, engine, servicer)
        await engine.migrate()
        yield Wiring(handlers=handlers, tasks=(engine.forget,))


def build_handlers(contract: Contract, engine: Engine, servicer: ContractServicer) -> dict[str, Handler]:
    """Return what serves each RPC of the contracts that are hosted here.

    Raises ContractError where nothing can: a method that no rule derives needs Python, and so a service of its own.
    """
    messages, functions = messages_of(contract.pool), engine.handlers()
    handlers: dict[str, Handler] = {}
    problems: list[Problem] = []
    for service in contract.hosted_by("data"):
        if service.full_name == OWN_SERVICE:
            handlers |= handlers_of(servicer, service)
            continue
        for method in service.methods:
            if (function := functions.get(method.path)) is None:
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
        mend="give it the shape of a standard method (AIP-131 to 135), or its package a service folder",
    )


if __name__ == "__main__":
    sys.exit(serve(name="data", wire=wire, environ=os.environ))
