"""Imports point inward, and names are those of the field."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from typing import TYPE_CHECKING

from services.chassis.contract import RECORD_HOST, REPOSITORY, service_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
ENVIRONMENT = {"environ", "environb", "getenv"}
FILE_LINES, FUNCTION_LINES = 420, 52
"""The house's bounds of about 400 and 50 lines."""


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


def broken(judge: Callable[[Path], list[str]]) -> dict[str, list[str]]:
    """Return what a rule has against each module, for those against which it has something."""
    return {place(path): found for path in MODULES if (found := judge(path))}


def test_a_domain_imports_the_standard_library_and_the_errors_of_the_chassis() -> None:
    def judge(path: Path) -> list[str]:
        service, own = layer(path)
        if service not in SERVICES or own != "domain":
            return []
        allowed = ("__future__", f"services.{service}.domain", "services.chassis.errors")
        packages = {"services", "services.chassis", f"services.{service}"}
        return [
            name
            for name in imports(path)
            if name.split(".")[0] not in sys.stdlib_module_names and not within(name, *allowed) and name not in packages
        ]

    assert broken(judge) == {}


def test_a_service_never_imports_another() -> None:
    def judge(path: Path) -> list[str]:
        others = [f"services.{name}" for name in SERVICES if name != layer(path)[0]]
        return [name for name in imports(path) if within(name, *others)]

    assert broken(judge) == {}


def test_the_frame_knows_nothing_that_is_built_on_it() -> None:
    built_on = {
        "chassis": ("services.records", "services.meshgen", "services.cli"),
        "records": ("services.meshgen", "services.cli"),
        "meshgen": ("services.records", "services.cli"),
    }
    assert broken(lambda path: [n for n in imports(path) if within(n, *built_on.get(layer(path)[0], ()))]) == {}


def test_grpc_is_spoken_in_the_transport_alone() -> None:
    def judge(path: Path) -> list[str]:
        return [] if place(path).startswith(GRPC_MAY) else [name for name in imports(path) if within(name, *GRPC)]

    assert broken(judge) == {}


def test_a_servicer_speaks_no_sql() -> None:
    def judge(path: Path) -> list[str]:
        service, own = layer(path)
        if service not in SERVICES or own != "servicer":
            return []
        return [name for name in imports(path) if within(name, "sqlalchemy", "asyncpg", "redis")]

    assert broken(judge) == {}


def test_the_environment_is_read_where_a_process_starts_and_nowhere_else() -> None:
    def judge(path: Path) -> list[str]:
        tree = ast.parse(path.read_text())
        entry = {
            inner
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name == "main"
            for inner in ast.walk(node)
        }
        if path.name == "__main__.py":
            return []
        return [f"line {node.lineno}" for node in _environment_reads(tree) if node not in entry]

    assert broken(judge) == {}


def test_the_environment_is_noticed_however_it_is_read() -> None:
    text = "import os\nfrom os import environ\nos.environ['A']\nos.getenv('A')\nsettings.environ\n"
    assert [node.lineno for node in _environment_reads(ast.parse(text))] == [2, 3, 4]


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert broken(lambda path: sorted(FORBIDDEN.intersection(path.relative_to(ROOT).with_suffix("").parts))) == {}


def test_no_class_has_a_name_that_says_nothing() -> None:
    def judge(path: Path) -> list[str]:
        names = [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
        return [name for name in names if re.search(r"(Manager|Helper|Impl)$|^Abstract", name)]

    assert broken(judge) == {}


def test_every_module_says_what_it_answers_for() -> None:
    assert broken(lambda path: [] if ast.get_docstring(ast.parse(path.read_text())) else ["no docstring"]) == {}


def test_files_and_functions_stay_readable() -> None:
    def judge(path: Path) -> list[str]:
        text = path.read_text()
        long = [
            node.name
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (node.end_lineno or 0) - node.lineno > FUNCTION_LINES
        ]
        return [*long, *(["the file"] if len(text.splitlines()) > FILE_LINES else [])]

    assert broken(judge) == {}


def test_services_have_the_anatomy_of_a_service() -> None:
    allowed = {"__init__", "__main__", "settings", "servicer", "domain", "storage", "http", "worker", "clients"}
    for name in service_folders():
        found = {path.stem for path in (ROOT / name).iterdir() if path.suffix == ".py" or path.is_dir()}
        # Data hosts the packages without a folder of their own, and so the Python beside their contracts.
        hosted = {"methods"} if name == RECORD_HOST else set()
        # Where the wiring has outgrown `__main__`, it is a folder with a module for each topic.
        hosted |= {"wiring"} if (ROOT / name / "wiring").is_dir() else set()
        assert found - allowed - hosted - {"migrations", "__pycache__"} == set(), name


def _environment_reads(tree: ast.Module) -> list[ast.Attribute | ast.ImportFrom]:
    return sorted(
        (
            node
            for node in ast.walk(tree)
            if (isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT and _is_os(node.value))
            or (isinstance(node, ast.ImportFrom) and node.module == "os" and ENVIRONMENT & _names(node))
        ),
        key=lambda node: node.lineno,
    )


def _is_os(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "os"


def _names(node: ast.ImportFrom) -> set[str]:
    return {alias.name for alias in node.names}
