"""The contract: compiled from `.proto` files, read once, and judged as it is read."""

from services.chassis.contract.access import (
    DEFAULT_TIMEOUT,
    Access,
    Audit,
    Authenticated,
    Internal,
    Limit,
    Per,
    Permission,
    Public,
    Rule,
)
from services.chassis.contract.compile import (
    compile_protos,
)
from services.chassis.contract.load import (
    load_contract,
    read_contract,
    serialize_contract,
    write_contract,
)
from services.chassis.contract.model import (
    SYSTEM_ORGANIZATION,
    Behavior,
    Binding,
    Contract,
    Field,
    Idempotency,
    Kind,
    Method,
    OnDelete,
    Record,
    Scope,
    Service,
    Standard,
    StandardKind,
    Transition,
)
from services.chassis.contract.naming import (
    camel,
    pascal,
    snake,
)
from services.chassis.contract.problem import (
    ContractError,
    Problem,
)
from services.chassis.repository import (
    PROTO_ROOT,
    RECORD_HOST,
    REPOSITORY,
    own_files,
    service_folders,
)

__all__ = [
    "DEFAULT_TIMEOUT",
    "PROTO_ROOT",
    "RECORD_HOST",
    "REPOSITORY",
    "SYSTEM_ORGANIZATION",
    "Access",
    "Audit",
    "Authenticated",
    "Behavior",
    "Binding",
    "Contract",
    "ContractError",
    "Field",
    "Idempotency",
    "Internal",
    "Kind",
    "Limit",
    "Method",
    "OnDelete",
    "Per",
    "Permission",
    "Problem",
    "Public",
    "Record",
    "Rule",
    "Scope",
    "Service",
    "Standard",
    "StandardKind",
    "Transition",
    "camel",
    "compile_protos",
    "load_contract",
    "own_files",
    "pascal",
    "read_contract",
    "serialize_contract",
    "service_folders",
    "snake",
    "write_contract",
]
