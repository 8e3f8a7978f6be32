"""Imports point inward, and names are those of the field."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from typing import TYPE_CHECKING

import pytest

from services.chassis.contract import REPOSITORY, service_folders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = REPOSITORY / "services"
SERVICES = (*service_folders(), "auth", "data", "notification", "analytics", "bus")
MODULES = tuple(sorted(path for path in ROOT.rglob("*.py") if "__pycache__" not in path.parts))
FORBIDDEN = {"utils", "util", "common", "helpers", "helper", "misc", "shared", "base", "core", "manager"}
GRPC = ("grpc", "grpc_interceptor", "grpc_health", "grpc_reflection", "grpc_status")
GRPC_MAY = (
    "chassis/transport",
    "chassis/server.py",
    "chassis/clients.py",
    "chassis/tls.py",
    "chassis/health.py",
    "chassis/reflection.py",
    "cli",
)
"""Where grpc is spoken: the transport and what starts it, and the command's own client."""
ENVIRON_MAY = ("__main__.py",)


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Return the modules that a file imports, wherever in it, those for types alone too."""
    return tuple(_imports(path, ast.parse(path.read_text())))


def _imports(path: Path, tree: ast.Module) -> Iterator[str]:
    package = path.relative_to(REPOSITORY).with_suffix("").parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer(path: Path) -> tuple[str, str]:
    """Return the service folder and the layer of a module, such as `auth` and `domain`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0], parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_a_domain_imports_the_standard_library_and_the_errors_of_the_chassis(path: Path) -> None:
    service, own = layer(path)
    if service in SERVICES and own == "domain":
        allowed = (f"services.{service}.domain", "services.chassis.errors")
        strangers = [
            name
            for name in imports(path)
            if name.split(".")[0] not in sys.stdlib_module_names
            and not within(name, "__future__", *allowed)
            and name not in {"services", "services.chassis", f"services.{service}"}
        ]
        assert strangers == []


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_a_service_never_imports_another(path: Path) -> None:
    service, _ = layer(path)
    others = [f"services.{name}" for name in SERVICES if name != service]
    assert [name for name in imports(path) if within(name, *others)] == []


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_the_frame_knows_nothing_that_is_built_on_it(path: Path) -> None:
    built_on = {
        "chassis": ("services.records", "services.meshgen", "services.cli"),
        "records": ("services.meshgen", "services.cli"),
        "meshgen": ("services.records", "services.cli"),
    }
    assert [name for name in imports(path) if within(name, *built_on.get(layer(path)[0], ()))] == []


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_grpc_is_spoken_in_the_transport_alone(path: Path) -> None:
    if not place(path).startswith(GRPC_MAY):
        assert [name for name in imports(path) if within(name, *GRPC)] == []


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_a_servicer_speaks_no_sql(path: Path) -> None:
    service, own = layer(path)
    if service in SERVICES and own == "servicer":
        assert [name for name in imports(path) if within(name, "sqlalchemy", "asyncpg", "redis")] == []


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_the_environment_is_read_where_a_process_starts_and_nowhere_else(path: Path) -> None:
    if path.name in ENVIRON_MAY:
        return
    reads = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and _is_os(node.value))
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and {"environ", "getenv"} & _names(node))
    ]
    assert reads == []


def _is_os(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "os"


def _names(node: ast.ImportFrom) -> set[str]:
    return {alias.name for alias in node.names}


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_no_module_has_a_name_that_says_nothing(path: Path) -> None:
    assert FORBIDDEN.isdisjoint(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_no_class_has_a_name_that_says_nothing(path: Path) -> None:
    names = [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
    assert [name for name in names if re.search(r"(Manager|Helper|Impl)$|^Abstract", name)] == []


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_every_module_says_what_it_answers_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_files_and_functions_stay_readable(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 450
    long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno > 60
    ]
    assert long == []


def test_services_have_the_anatomy_of_a_service() -> None:
    allowed = {"__init__", "__main__", "settings", "servicer", "domain", "storage", "http", "worker", "clients"}
    for name in service_folders():
        found = {path.stem for path in (ROOT / name).iterdir() if path.suffix == ".py" or path.is_dir()}
        assert found - allowed - {"migrations", "__pycache__"} == set(), name
