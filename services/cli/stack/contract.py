"""The step that compiles and judges the contracts and writes the edge's configuration (`python -m`)."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from services.chassis.contract import (
    PROTO_ROOT,
    Contract,
    ContractError,
    compile_protos,
    load_contract,
    own_files,
    service_folders,
    write_contract,
)
from services.chassis.contract.custom import find_custom
from services.cli.settings import read_settings
from services.cli.stack.fingerprint import write_compiled
from services.meshgen.envoy import generate, live_routes, write
from services.meshgen.pages.vendor import graphiql_folder
from services.meshgen.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.cli.settings import Settings


def compile_contract(settings: Settings) -> None:
    """Write the compiled contract and the edge's configuration; raises ContractError with all that is wrong."""
    contract = read_sources(settings)
    write_contract(contract, settings.contract)
    folder = settings.home / "envoy"
    folder.mkdir(mode=0o700, exist_ok=True)
    write(folder, edge_files(settings, contract))


def read_sources(settings: Settings) -> Contract:
    """Compile and judge the contracts of a run; raises ContractError with all that is wrong."""
    descriptors, custom = compile_protos([PROTO_ROOT, *settings.contracts]), find_custom(settings.contracts)
    contract = load_contract(descriptors, services=service_folders(), own=own_files(), custom=custom.names())
    custom.check(contract)
    return contract


def edge_files(settings: Settings, contract: Contract) -> dict[str, str]:
    """Return the files of this run's edge for a contract, by their paths in its folder."""
    return generate(contract, topology_of(settings))


def live_edge_files(settings: Settings, contract: Contract, before: Mapping[str, str]) -> dict[str, str]:
    """Return the same files as they are, but for the routes: what a running edge needs to show a contract at once.

    The documents on it follow with `edge_files`.
    """
    texts = {name.removeprefix("pages/"): text for name, text in before.items() if name.startswith("pages/")}
    return {**before, **live_routes(contract, topology_of(settings), texts)}


def topology_of(settings: Settings) -> Topology:
    """Return where the processes of this run are, as the edge's configuration needs it."""
    laptop = Topology.laptop(
        home=settings.home,
        run=settings.run,
        workers=settings.workers,
        port=settings.edge_port,
        issuer=settings.issuer,
        audience=settings.audience,
        trust_domain=settings.trust_domain,
        certs=settings.certificates("edge"),
        ops_port=settings.metrics_port,
        otlp=settings.handed_on.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
        graphiql=graphiql_folder(),
    )
    return replace(laptop, address=settings.edge_host)


def main() -> int:
    """Compile once; what is wrong goes to the log, one problem a line, and the exit code is 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--key", required=True)
    parser.add_argument("--contracts", type=Path, action="append", default=[])
    arguments = parser.parse_args()
    settings = read_settings(os.environ, directory=Path.cwd(), contracts=tuple(arguments.contracts), empty=True)
    try:
        compile_contract(settings)
    except ContractError as error:
        sys.stderr.writelines(f"{problem}\n" for problem in error.problems)
        return 1
    write_compiled(settings, arguments.key)
    return 0


if __name__ == "__main__":
    sys.exit(main())
