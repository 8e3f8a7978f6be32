"""`tenon new resource`: writes a contract to start from, complete and well-formed, so that it can be served at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from services.chassis.contract.naming import camel, pascal, snake
from services.chassis.repository import PROTO_ROOT, service_folders
from services.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPLATE = Path(__file__).with_name("resource.proto.in")
"""The contract of a resource, with names to be filled in."""

FOLDER = Path("contracts")
"""Where a contract goes, seen from where the command is called."""

_FORM = re.compile(
    r"(?P<before>([a-z][a-z0-9_]*\.)*)(?P<service>(?!v[0-9]+\.)[a-z][a-z0-9_]*)(\.(?P<version>v[1-9][0-9]*))?"
    r"\.(?P<type>[A-Z][A-Za-z0-9]*)"
)
_SIBILANT = ("s", "x", "z", "ch", "sh")


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceNames:
    """What a resource is called, wherever it is named."""

    package: str
    """Its package, such as `shop.v1`."""
    type: str
    """Its message, such as `StockLevel`."""
    plural: str
    """Many of them, such as `stock_levels`."""

    @property
    def singular(self) -> str:
        """One of them, such as `stock_level`."""
        return snake(self.type)

    @property
    def service(self) -> str:
        """The last segment of the package but one."""
        return self.package.split(".")[-2]

    @property
    def file(self) -> Path:
        """The file, seen from the import root."""
        return Path(*self.package.split("."), f"{self.singular}.proto")

    def words(self) -> dict[str, str]:
        """Return what stands for each name in the template."""
        version = self.package.rpartition(".")[2]
        spoken = self.singular.replace("_", " ")
        return {
            "package": self.package,
            "Type": self.type,
            "Types": pascal(self.plural),
            "singular": self.singular,
            "plural": self.plural,
            "collection": camel(self.plural),
            "domain": f"{self.service.replace('_', '-')}.example.com",
            "path": f"/{self.service}/{version}",
            "permission": f"{self.service}.{self.plural}",
            "words": spoken,
            "words_plural": self.plural.replace("_", " "),
            "one": f"{'an' if spoken[0] in 'aeiou' else 'a'} {spoken}",
        }


def run_new(name: str, *, into: Path | None, plural: str, directory: Path, write: Callable[[str], None] = print) -> int:
    """Write the contract of a resource such as `shop.Product`; raises CommandError where it cannot be."""
    names = name_resource(name, plural=plural)
    root = (directory / (into or FOLDER)).absolute()
    if root.resolve() == PROTO_ROOT.resolve():
        raise CommandError(
            f"{root} holds Tenon's own contracts.", mend="give --into another folder; `contracts` is the usual one."
        )
    path = root / names.file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x") as file:
            file.write(contract_text(names))
    except FileExistsError as error:
        raise CommandError(f"{path} is there already.", mend="give the resource another name, or edit that.") from error
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written: {error.strerror}.", mend="give --into another folder."
        ) from error
    if names.service != _FORM.fullmatch(name)["service"]:  # type: ignore[index]  # `name_resource` has matched it
        write(f"The name of Tenon's own service is taken, so the package is {names.package}.")
    shown = path.relative_to(directory.absolute()) if path.is_relative_to(directory.absolute()) else path
    write(f"{shown} is written. Edit the fields of {names.type}, at its top, and serve it:")
    write(f"  tenon up --watch --contracts {into or FOLDER}")
    return 0


def name_resource(name: str, *, plural: str = "") -> ResourceNames:
    """Return the names of `shop.Product`, `shop.v2.Product` or `acme.shop.v1.Product`; raises CommandError."""
    found = _FORM.fullmatch(name)
    if found is None:
        raise CommandError(
            f"{name!r} is no name of a resource.",
            mend="write its service, a dot and its message: shop.Product, shop.v1.StockLevel or acme.shop.v1.Product.",
        )
    if found["before"].startswith("tenon.") or found["service"] == "tenon":
        raise CommandError("Packages under `tenon.` are Tenon's own.", mend="begin it otherwise, such as shop.Product.")
    if plural and not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", plural):
        raise CommandError(f"{plural!r} is no plural.", mend="write it as a field is written, such as stock_levels.")
    taken = {*service_folders(), *(folder.name for folder in (PROTO_ROOT / "tenon").iterdir())}
    service = f"my_{found['service']}" if found["service"] in taken else found["service"]
    package = f"{found['before']}{service}.{found['version'] or 'v1'}"
    return ResourceNames(package=package, type=found["type"], plural=plural or plural_of(snake(found["type"])))


def plural_of(singular: str) -> str:
    """Return the plural as most English nouns have it; `--plural` says it for the others."""
    if singular.endswith("y") and singular[-2:-1] not in "aeiou":
        return f"{singular[:-1]}ies"
    return f"{singular}es" if singular.endswith(_SIBILANT) else f"{singular}s"


def contract_text(names: ResourceNames) -> str:
    """Return the text of the contract."""
    return Template(TEMPLATE.read_text()).substitute(names.words())
