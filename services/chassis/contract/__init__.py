"""The contract: compiled from `.proto` files, read once, and judged as it is read."""

from services.chassis.contract.compile import (
    compile_protos,
)
from services.chassis.contract.folders import (
    PROTO_ROOT,
    REPOSITORY,
    own_files,
    service_folders,
)
from services.chassis.contract.load import (
    load_contract,
    read_contract,
    serialize_contract,
    write_contract,
)
from services.chassis.contract.model import (
    DEFAULT_TIMEOUT,
    SYSTEM_ORGANIZATION,
    Access,
    Audit,
    Authenticated,
    Behavior,
    Binding,
    Contract,
    Field,
    Idempotency,
    Internal,
    Kind,
    Limit,
    Method,
    Per,
    Permission,
    Public,
    Record,
    Rule,
    Scope,
    Service,
    Standard,
    StandardKind,
)
from services.chassis.contract.naming import (
    camel,
    pascal,
    snake,
)
from services.chassis.contract.packages import (
    RECORD_HOST,
)
from services.chassis.contract.problem import (
    ContractError,
    Problem,
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
