"""Python beside the engine: the classes that serve what no rule can derive, loaded and bound to their services."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from itertools import count
from typing import TYPE_CHECKING, Any

from services.chassis.contract import RECORD_HOST, ContractError, Problem
from services.chassis.contract.custom import SUFFIX
from services.chassis.transport import Handler, messages_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import CodeType, ModuleType

    from google.protobuf.message import Message

    from services.chassis.contract import Contract, Method, Service
    from services.chassis.contract.custom import Custom, CustomClass
    from services.chassis.transport import Messages
    from services.records.engine import Engine

_LOADED = count(1)


class Methods:
    """Serves methods of one service; each function is named as its RPC and takes the request and the `Call`.

    What a class does not have, the engine serves. What it has goes before the engine, and may call what it goes before:
    `await self.records.function(call.method.path)(request, call)`.
    """

    def __init__(self, records: Engine, messages: Messages) -> None:
        """Take the engine, and what finds the class of a message by its full name."""
        self.records = records
        """The engine: `self.records.transact(request, call, work)` is one transaction."""
        self._messages = messages

    def messages(self, full_name: str) -> type[Any]:
        """Return the class of a message of the contract, such as `library.v1.Book`."""
        found: type[Message] = self._messages(full_name)
        return found


def load_methods(custom: Custom, engine: Engine) -> dict[str, Handler]:
    """Return what serves each method that is written in Python, by path.

    Files from outside are read anew each time, so that a changed one is served once this is called again.

    Raises:
        ContractError: with all that cannot be loaded, or serves nothing.
    """
    contract = engine.contract
    custom.check(contract)
    handlers: dict[str, Handler] = {}
    problems: list[Problem] = []
    modules: dict[str, ModuleType] = {}
    for found in custom.classes:
        try:
            if str(found.path) not in modules:
                modules[str(found.path)] = _load(found)
            handlers |= _bind(found, modules[str(found.path)], engine, contract)
        except ContractError as error:
            problems.extend(error.problems)
    if problems:
        raise ContractError(dict.fromkeys(problems))
    return handlers


def handlers_beside(engine: Engine, host: str, servicers: Mapping[str, object]) -> dict[str, Handler]:
    """Return what serves each RPC of a service of this repository: its servicers', and the engine's for all others.

    `servicers` are by the full name of their service; one that is served by records alone has none.

    Raises:
        LookupError: Where nothing serves a method, or a servicer or one of its methods serves nothing; all are named.
    """
    messages, derived = messages_of(engine.contract.pool), engine.handlers()
    services = engine.contract.hosted_by(host)
    wrong = sorted(servicers.keys() - {service.full_name for service in services})
    handlers: dict[str, Handler] = {}
    for service in services:
        servicer = servicers.get(service.full_name)
        wrong += _strangers(servicer, service)
        for method in service.methods:
            function = getattr(servicer, method.name, None) or derived.get(method.path)
            if function is None:
                wrong.append(f"{service.full_name}.{method.name}")
            else:
                handlers[method.path] = Handler(method=method, request_type=messages(method.input), function=function)
    if wrong:
        said = "Mend: write what the contract has in a servicer, and name each as the contract does."
        raise LookupError(f"{', '.join(wrong)}: in the contract or in a servicer of {host}, but not in both. {said}")
    return handlers


def _strangers(servicer: object, service: Service) -> list[str]:
    """Return the functions of a servicer that are named as RPCs are, and are none: a misspelt one serves nothing."""
    known = {method.name for method in service.methods}
    named = (name for name in dir(servicer) if name[:1].isupper() and callable(getattr(servicer, name)))
    return [f"{service.full_name}.{name}" for name in named if name not in known]


def _load(found: CustomClass) -> ModuleType:
    """Run a file of methods: one from outside under a name of its own, so that two versions of it never meet."""
    if found.segment:
        return _import_own(found)
    name = f"tenon_methods_{next(_LOADED)}_{found.path.stem}"
    # A loader that keeps no bytecode: what is kept is told apart by the second and the size, and a save within the same
    # second may have the same size.
    loader = _Fresh(name, str(found.path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader) or ModuleSpec(name, loader))
    # Dataclasses and others look their module up there.
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _failed(found, error) from error
    return module


class _Fresh(SourceFileLoader):
    """Loads a file as it is now."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _import_own(found: CustomClass) -> ModuleType:
    try:
        return importlib.import_module(f"services.{RECORD_HOST}.methods.{found.segment}")
    except (Exception, SystemExit) as error:
        raise _failed(found, error) from error


def _bind(found: CustomClass, module: ModuleType, engine: Engine, contract: Contract) -> dict[str, Handler]:
    kind: Any = getattr(module, found.name)
    if not issubclass(kind, Methods):
        mend = f"Let it come from `services.records.methods.{SUFFIX}`"
        raise _refused(found, f"The class is no {SUFFIX}", mend)
    _refuse_inherited(found, kind, contract)
    messages = messages_of(contract.pool)
    try:
        served = kind(engine, messages)
    except Exception as error:
        raise _failed(found, error) from error
    return {
        method.path: Handler(
            method=method, request_type=messages(method.input), function=_checked(found, method, served)
        )
        for method in _methods(found, contract)
    }


def _refuse_inherited(found: CustomClass, kind: type[Methods], contract: Contract) -> None:
    """Refuse an RPC's function that is not in the class itself: it is looked for without running the file."""
    written = {name for name, _ in found.methods}
    for service in contract.services:
        for method in service.methods:
            if found.serves(service) and method.name not in written and hasattr(kind, method.name):
                mend = f"Write `{method.name}` in {found.name} and call the other"
                raise _refused(found, f"{method.name} is not a function of the class itself", mend)


def _methods(found: CustomClass, contract: Contract) -> Iterator[Method]:
    names = {name for name, _ in found.methods}
    for service in contract.services:
        if found.serves(service):
            yield from (method for method in service.methods if method.name in names)


def _checked(found: CustomClass, method: Method, served: Methods) -> Any:
    """Return the function of a method, which is of the kind that its RPC is."""
    function = getattr(served, method.name)
    streams = inspect.isasyncgenfunction(function)
    if streams != method.server_streaming or not (streams or inspect.iscoroutinefunction(function)):
        wanted = "yields its responses" if method.server_streaming else "returns one response"
        raise _refused(
            found, f"{method.name} is not the kind of function that its RPC is", f"Write `async def` that {wanted}"
        )
    return function


def _failed(found: CustomClass, error: BaseException) -> ContractError:
    said = f"The file fails as it is loaded: {type(error).__name__}: {error}"
    return _refused(found, said.rstrip("."), "Correct it, or install what it needs")


def _refused(found: CustomClass, message: str, mend: str) -> ContractError:
    return ContractError([Problem(file=f"{found.place}:{found.line}", element=found.name, message=message, mend=mend)])
