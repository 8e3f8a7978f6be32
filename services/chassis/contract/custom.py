"""Finds the methods that are written in Python beside the record engine, without running any of it.

One rule: the class `<Service>Methods` in the Python file of a package serves the gRPC service `<Service>` of that
package, and each of its functions with an RPC's name serves that RPC. The file of a package from outside is
`methods.py` beside its `.proto` files, such as `library/v1/methods.py`; that of a package of this repository is
`services/data/methods/<segment>.py`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.chassis.contract.problem import ContractError, Problem
from services.chassis.repository import RECORD_HOST, REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from services.chassis.contract.model import Contract, Service

SUFFIX = "Methods"
"""What the name of a class that serves methods ends with, and the name of the class that it comes from."""

FILE = "methods.py"
"""The file of a package from outside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomClass:
    """One class that serves methods of one service."""

    path: Path
    """The file."""
    place: str
    """The file as its author knows it: its path below the root."""
    package: str
    """The package that the file belongs to; empty where it is the repository's and no package is known yet."""
    segment: str
    """For a file of this repository, the last but one segment of the package; else empty."""
    name: str
    """The class, such as `LibraryServiceMethods`."""
    line: int
    """The line that it begins at."""
    methods: tuple[tuple[str, int], ...]
    """The RPCs that it serves, each with its line."""

    @property
    def service(self) -> str:
        """The simple name of the service that it serves."""
        return self.name.removesuffix(SUFFIX)

    def serves(self, service: Service) -> bool:
        """Whether it serves that service."""
        if service.full_name.rpartition(".")[2] != self.service or service.host != RECORD_HOST:
            return False
        if self.segment:
            return service.package == f"tenon.{self.segment}.{service.version}"
        return service.package == self.package


@dataclass(frozen=True, kw_only=True, slots=True)
class Custom:
    """All methods that are written in Python beside the engine."""

    classes: tuple[CustomClass, ...] = ()
    """The classes, by file."""

    def names(self) -> frozenset[str]:
        """Return the full names of the methods, such as `library.v1.LibraryService.LendBook`, for `load_contract`."""
        return frozenset(
            f"{package}.{found.service}.{method}"
            for found in self.classes
            for package in ([f"tenon.{found.segment}.v1"] if found.segment else [found.package])
            for method, _ in found.methods
        )

    def check(self, contract: Contract) -> None:
        """Refuse what serves nothing; raises ContractError with all of it."""
        problems = [problem for found in self.classes for problem in _judge(found, contract)]
        if problems:
            raise ContractError(problems)


def find_custom(roots: Iterable[Path] = (), *, repository: Path = REPOSITORY) -> Custom:
    """Return the methods beside contracts: the repository's own and those below import roots from outside.

    Raises ContractError where a file cannot be read as Python.
    """
    own = sorted((repository / "services" / RECORD_HOST / "methods").glob("[!_]*.py"))
    found = [each for path in own for each in _read(path, path.relative_to(repository).as_posix(), segment=path.stem)]
    for root in roots:
        for path in sorted(root.rglob(FILE)):
            place = path.relative_to(root)
            if not any(part.startswith(".") for part in place.parts):
                found.extend(_read(path, place.as_posix(), package=".".join(place.parts[:-1])))
    return Custom(classes=tuple(found))


def _read(path: Path, place: str, *, package: str = "", segment: str = "") -> Iterator[CustomClass]:
    try:
        tree = ast.parse(path.read_bytes(), filename=place)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        said = getattr(error, "msg", str(error))
        problem = Problem(
            file=f"{place}:{line}", element=path.stem, message=f"The file is not Python: {said}", mend="Correct it"
        )
        raise ContractError([problem]) from error
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and (node.name.endswith(SUFFIX) or SUFFIX in map(_last_name, node.bases)):
            yield CustomClass(
                path=path,
                place=place,
                package=package,
                segment=segment,
                name=node.name,
                line=node.lineno,
                methods=tuple(_functions(node)),
            )


def _functions(node: ast.ClassDef) -> Iterator[tuple[str, int]]:
    """Give the functions of a class that are named as RPCs are; others are the class's own affair."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name[:1].isupper():
            yield each.name, each.lineno


def _last_name(base: ast.expr) -> str:
    return base.attr if isinstance(base, ast.Attribute) else base.id if isinstance(base, ast.Name) else ""


def _judge(found: CustomClass, contract: Contract) -> Iterator[Problem]:
    services = [service for service in contract.services if found.serves(service)]
    if not services:
        package = f"tenon.{found.segment}.v1" if found.segment else found.package
        hosted = [each for each in contract.services if each.package == package and each.host == RECORD_HOST]
        wanted = " or ".join(f"{each.full_name.rpartition('.')[2]}{SUFFIX}" for each in hosted)
        yield Problem(
            file=f"{found.place}:{found.line}",
            element=found.name,
            message=f"The class serves no service of the package {package}",
            mend=f"Name it {wanted}" if wanted else "Remove it, or move it beside the contract that it serves",
        )
    for service in services:
        known = {method.name for method in service.methods}
        for name, line in found.methods:
            if name not in known:
                yield Problem(
                    file=f"{found.place}:{line}",
                    element=f"{found.name}.{name}",
                    message=f"{service.full_name} has no such method",
                    mend="Add the RPC to the contract, or name the function as one of its RPCs, or in lower case",
                )
