"""Writes all that is generated from the contracts: `python -m services.meshgen`, which is `tenon gen`."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from tenon.options.v1 import options_pb2

from services.chassis.contract import (
    PROTO_ROOT,
    REPOSITORY,
    Contract,
    ContractError,
    compile_protos,
    load_contract,
    own_files,
    serialize_contract,
    service_folders,
)
from services.chassis.contract.custom import find_custom
from services.meshgen import envoy, k8s, matrix, openapi, stubs
from services.meshgen.topology import Topology
from services.meshgen.tree import Tree, differences, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor_pb2 import FileDescriptorSet

_AGAIN = "TENON_GENERATED_OPTIONS"
"""Set in the environment of the second run, so that there is never a third."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Generator:
    """One kind of output."""

    folder: str
    """The folder below the repository that it writes to; what it wrote there and writes no more is removed."""
    generate: Callable[[Contract], Tree]
    """A pure function from the contract to contents by their path below the repository."""


def _gen(contract: Contract) -> Tree:
    texts = {**openapi.generate(contract), **matrix.generate(contract)}
    documents = {f"{stubs.FOLDER}/{name}": text for name, text in texts.items()}
    # JSON has no comments, so that it cannot say where it comes from: it is written as bytes, like the contract.
    return {
        **stubs.generate(contract),
        **{name: text.encode() if name.endswith(".json") else text for name, text in documents.items()},
    }


def _envoy(contract: Contract) -> Tree:
    files = envoy.generate(contract, Topology.cluster(hosts=contract.hosts))
    files[k8s.ENVOY_KUSTOMIZATION] = k8s.kustomize_envoy(sorted(files))
    return {f"envoy/{name}": text for name, text in files.items()}


def _k8s(contract: Contract) -> Tree:
    files = k8s.generate(contract, Topology.cluster(hosts=contract.hosts))
    return {f"k8s/base/{name}": text for name, text in files.items()}


GENERATORS = (
    Generator(folder=stubs.FOLDER, generate=_gen),
    Generator(folder="envoy", generate=_envoy),
    Generator(folder="k8s/base", generate=_k8s),
)
"""All that is generated and committed. One more output is one more line."""


def main(arguments: list[str] | None = None) -> int:
    """Write what differs, or say what would be. Returns 0 where everything is in step."""
    parser = argparse.ArgumentParser(prog="tenon gen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where a file would change")
    parser.add_argument("--if-stale", action="store_true", help="do nothing where the contracts have not changed")
    options = parser.parse_args(arguments)
    try:
        descriptors = compile_protos([PROTO_ROOT])
        if not options.check and _AGAIN not in os.environ and _options_are_stale(descriptors):
            _write_stubs_and_run_again(descriptors, sys.argv[1:] if arguments is None else arguments)
        custom = find_custom()
        contract = load_contract(descriptors, services=service_folders(), own=own_files(), custom=custom.names())
        custom.check(contract)
    except ContractError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.if_stale and _is_written(contract):
        return 0
    if options.check:
        return _check(contract)
    for generator in GENERATORS:
        tree = generator.generate(contract)
        for name in write_tree(REPOSITORY, tree, folders=(generator.folder,), ignoring=stubs.not_generated()):
            sys.stdout.write(f"{name}\n")
    return 0


def _check(contract: Contract) -> int:
    wrong = [
        name
        for generator in GENERATORS
        for name in differences(
            REPOSITORY, generator.generate(contract), folders=(generator.folder,), ignoring=stubs.not_generated()
        )
    ]
    sys.stderr.writelines(f"{name} is not what the contracts say. Mend: `make gen`.\n" for name in wrong)
    return 1 if wrong else 0


def _is_written(contract: Contract) -> bool:
    """Whether the contract is the one that everything was last generated from."""
    written = REPOSITORY / stubs.CONTRACT
    return written.is_file() and written.read_bytes() == serialize_contract(contract)


def _options_are_stale(descriptors: FileDescriptorSet) -> bool:
    """Whether our options have changed since the stubs that read them were written."""
    name = options_pb2.DESCRIPTOR.name
    return any(stubs.differs(file, options_pb2.DESCRIPTOR) for file in descriptors.file if file.name == name)


def _write_stubs_and_run_again(descriptors: FileDescriptorSet, arguments: list[str]) -> NoReturn:
    """Write the stubs by which options are read, and start over: a process that has imported the old keeps them."""
    write_tree(REPOSITORY, stubs.generate_stubs(descriptors), folders=())
    environ = {**os.environ, _AGAIN: "1"}
    os.execve(sys.executable, [sys.executable, "-m", "services.meshgen", *arguments], environ)  # noqa: S606 - ourselves


if __name__ == "__main__":
    sys.exit(main())
