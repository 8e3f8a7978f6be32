"""What the methods of a contract say of a record, beyond its own options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.chassis.call import CallerKind
from services.chassis.contract import Authenticated, Internal, Permission, Public, StandardKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from services.chassis.call import Caller
    from services.chassis.contract import Access, Contract, Method, Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """What the methods of one record say of it."""

    states: Mapping[str, int]
    """The number in which each state field begins: the first value of its enum that is not zero."""
    takes_ids: bool
    """Whether clients may choose the names of records."""
    readers: tuple[Access, ...]
    """Who may read records, by Get or by List."""

    def may_read(self, caller: Caller) -> bool:
        """Whether a caller may read records of this type, whichever they are."""
        return any(_admits(access, caller) for access in self.readers)


def read_declared(contract: Contract, record: Record) -> Declared:
    """Return what a contract's methods say of a record."""
    methods = list(_methods(contract, record))
    descriptor = contract.pool.FindMessageTypeByName(record.message)
    states: dict[str, int] = {}
    for _, method in methods:
        for transition in method.transitions:
            enum: Any = descriptor.fields_by_name[transition.field].enum_type
            states[transition.field] = next((value.number for value in enum.values if value.number), 0)
    creating = [method for kind, method in methods if kind is StandardKind.CREATE]
    inputs = [contract.pool.FindMessageTypeByName(method.input) for method in creating]
    reading = (StandardKind.GET, StandardKind.LIST)
    return Declared(
        states=states,
        takes_ids=not inputs or any(f"{record.singular}_id" in request.fields_by_name for request in inputs),
        readers=tuple(method.rule.access for kind, method in methods if kind in reading),
    )


def _methods(contract: Contract, record: Record) -> Iterator[tuple[StandardKind, Method]]:
    for method in contract.methods.values():
        if method.standard is not None and method.standard.record == record.message:
            yield method.standard.kind, method


def _admits(access: Access, caller: Caller) -> bool:
    match access:
        case Public():
            return True
        case Authenticated():
            return caller.kind in (CallerKind.USER, CallerKind.SERVICE_ACCOUNT)
        case Permission():
            return caller.holds(access)
        case Internal():
            return caller.workload in access.callers
