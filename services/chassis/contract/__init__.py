"""The contract: compiled from `.proto` files, read once, and judged as it is read."""

from services.chassis.contract.compile import compile_protos
from services.chassis.contract.folders import PROTO_ROOT, REPOSITORY, own_files, service_folders
from services.chassis.contract.load import load_contract, read_contract, serialize_contract, write_contract
from services.chassis.contract.model import *  # noqa: F403
from services.chassis.contract.problem import ContractError, Problem
