"""Reads services and their methods."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf import descriptor_pb2
from tenon.options.v1 import options_pb2

from services.chassis.contract.access import Internal
from services.chassis.contract.bindings import Doors
from services.chassis.contract.model import Idempotency, Method, Service, StandardKind
from services.chassis.contract.packages import ADOPTED_PACKAGES, folder_of, host_of, segments_of
from services.chassis.contract.rules import read_rule
from services.chassis.contract.standard import Standards
from services.chassis.contract.transitions import moved_record, read_transitions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from google.protobuf.descriptor import MethodDescriptor
    from google.protobuf.descriptor_pool import DescriptorPool

    from services.chassis.contract.model import Binding, Record, Standard, Transition
    from services.chassis.contract.problem import Problems
    from services.chassis.contract.source import Element, Sources, SourceService

_BY_DATA = frozenset({StandardKind.IMPORT, StandardKind.EXPORT})
_IDEMPOTENCY = {
    descriptor_pb2.MethodOptions.IDEMPOTENCY_UNKNOWN: Idempotency.UNKNOWN,
    descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS: Idempotency.NO_SIDE_EFFECTS,
    descriptor_pb2.MethodOptions.IDEMPOTENT: Idempotency.IDEMPOTENT,
}


class ServiceReader:
    """Reads the services of one contract."""

    def __init__(
        self,
        pool: DescriptorPool,
        problems: Problems,
        *,
        records: Iterable[Record],
        services: Collection[str],
        custom: Collection[str] | None,
    ) -> None:
        """Take the pool that has all files, the records that were read, and the names of the service folders.

        `custom` are the full names of the methods that Python serves; None says that all that is not derived is.
        """
        self._records = {record.message: record for record in records}
        self._custom = custom
        self._pool = pool
        self._problems = problems
        self._services = services
        self._doors = Doors(problems)
        self._standards = Standards(self._records.values())

    def read(self, sources: Sources) -> tuple[Service, ...]:
        """Return all services by full name."""
        found = sorted(sources.services, key=lambda service: service.element.name)
        services = tuple(self._read_service(service) for service in found)
        self._doors.judge_overlaps()
        return services

    def _read_service(self, service: SourceService) -> Service:
        element = service.element
        segment, version = segments_of(element.file.package)
        host = host_of(element.file.package, self._services)
        return Service(
            full_name=element.name,
            package=element.file.package,
            segment=segment,
            version=version,
            host=host,
            file=element.file.name,
            methods=tuple(self._read_method(service, proto, method, host) for method, proto in service.methods()),
            comment=element.comment,
        )

    def _read_method(
        self, service: SourceService, proto: descriptor_pb2.MethodDescriptorProto, element: Element, host: str
    ) -> Method:
        descriptor = self._pool.FindServiceByName(service.element.name).methods_by_name[proto.name]
        rule = read_rule(proto.options, element, self._problems, services=self._services)
        prefix = segments_of(element.file.package)
        bindings = self._doors.read(proto.options, descriptor, element, prefix)
        if bindings and isinstance(rule.access, Internal) and rule.access.callers:
            self._problems.add(
                element,
                "The method is internal and has a REST binding",
                "Remove `google.api.http`, or the internal rule",
            )
        standard, transitions = self._read_standard(descriptor, proto, bindings, element)
        watches = standard is not None and standard.kind is StandardKind.WATCH
        if watches and not proto.options.Extensions[options_pb2.rule].HasField("timeout"):
            # It lives as long as its token, unless the contract says less.
            rule = replace(rule, timeout=math.inf)
        return Method(
            path=f"/{service.element.name}/{proto.name}",
            name=proto.name,
            service=service.element.name,
            host=host,
            input=descriptor.input_type.full_name,
            output=descriptor.output_type.full_name,
            client_streaming=proto.client_streaming,
            server_streaming=proto.server_streaming,
            rule=rule,
            bindings=bindings,
            idempotency=_IDEMPOTENCY[proto.options.idempotency_level],
            standard=standard,
            comment=element.comment,
            transitions=transitions,
        )

    def _read_standard(
        self,
        method: MethodDescriptor,
        proto: descriptor_pb2.MethodDescriptorProto,
        bindings: tuple[Binding, ...],
        element: Element,
    ) -> tuple[Standard | None, tuple[Transition, ...]]:
        """Return what records make of the method, and the moves that it makes."""
        package = element.file.package
        by_records = folder_of(package, self._services) is None and package not in ADOPTED_PACKAGES
        strict = by_records and self._custom is not None and element.name not in self._custom
        if not proto.options.Extensions[options_pb2.transition]:
            found = self._standards.find(method, bindings, element, self._problems, strict=strict)
            if found is not None and found.kind in _BY_DATA and not by_records:
                self._problems.add(
                    element,
                    "Imports and exports are served by data alone, where files are; this package has a service",
                    "Remove the method",
                )
            return found, ()
        record = moved_record(method, self._records)
        message = method.output_type.file.pool.FindMessageTypeByName(record.message) if record else None
        moves = read_transitions(proto.options, record, message, element, self._problems)
        if record is None or not record.patterns:
            return None, moves
        judged = self._standards.judge_transition(
            method, bindings, element, self._problems, record=record, strict=strict
        )
        return judged, moves
