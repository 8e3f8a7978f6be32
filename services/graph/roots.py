"""The fields of Query and Mutation: one for each RPC that a caller with a token may make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import GraphQLArgument, GraphQLField

from services.chassis.contract import Idempotency, Public, StandardKind, camel
from services.graph.messages import EMPTY, Plan
from services.graph.naming import choose_names, root_names
from services.graph.selection import paths_below
from services.graph.session import show_all
from services.graph.values import is_map, write_message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.descriptor import Descriptor

    from services.chassis.contract import Contract, Method, Record
    from services.graph.messages import Types
    from services.graph.pages import Connections
    from services.graph.session import Session

_READS = frozenset({StandardKind.GET, StandardKind.LIST, StandardKind.BATCH_GET, StandardKind.SEARCH})
_PAGED = frozenset({StandardKind.LIST, StandardKind.SEARCH})
_RAW = "google.api.HttpBody"
_UNMASKED = frozenset({"name", "etag"})
"""Fields of a resource that an update reads and does not write."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """One field of Query or Mutation."""

    name: str
    """Its name."""
    method: Method
    """The RPC that it makes."""
    record: Record | None
    """The record whose standard method that is."""


def root_fields(contract: Contract) -> tuple[list[Root], list[Root]]:
    """Return the fields of Query and those of Mutation, each by name.

    Left out are internal methods, streams, and what carries raw bodies. Public methods that change something are, too:
    they are for callers without a token, whose address the edge counts (sign-in is one).
    """
    served = [(service.package, method) for service in contract.services for method in service.methods]
    packages = {method.path: package for package, method in served if _is_offered(contract, method)}
    methods = [contract.methods[path] for path in packages]
    queries = [method for method in methods if _is_read(method)]
    mutations = [method for method in methods if not _is_read(method) and not isinstance(method.rule.access, Public)]
    return _name(contract, packages, queries), _name(contract, packages, mutations)


def _is_offered(contract: Contract, method: Method) -> bool:
    if method.is_internal or method.client_streaming or method.server_streaming:
        return False
    request = contract.pool.FindMessageTypeByName(method.input)
    kinds = {field.message_type.full_name for field in request.fields if field.message_type is not None}
    return _RAW not in {*kinds, method.input, method.output}


def _is_read(method: Method) -> bool:
    if method.standard is not None and method.standard.kind in _READS:
        return True
    return method.idempotency is Idempotency.NO_SIDE_EFFECTS


def _name(contract: Contract, packages: dict[str, str], methods: Iterable[Method]) -> list[Root]:
    records, chosen = contract.records_by_message, list(methods)
    wanted = {m.path: root_names(packages[m.path], _short_name(m, records), m.name) for m in chosen}
    names = choose_names(wanted)
    found = [
        Root(name=names[m.path], method=m, record=records.get(m.standard.record) if m.standard else None)
        for m in chosen
    ]
    return sorted(found, key=lambda root: root.name)


def _short_name(method: Method, records: Any) -> str:
    kind = method.standard.kind if method.standard is not None else None
    if kind is StandardKind.GET:
        return camel(records[method.standard.record].singular)  # type: ignore[union-attr]  # it is a standard method
    if kind is StandardKind.LIST:
        return camel(records[method.standard.record].plural)  # type: ignore[union-attr]  # the same
    return camel(method.name)


def make_field(types: Types, connections: Connections, root: Root) -> GraphQLField:
    """Return the field of Query or Mutation that makes an RPC."""
    method, standard = root.method, root.method.standard
    if standard is not None and root.record is not None and standard.kind in _PAGED:
        title = root.name[:1].upper() + root.name[1:]
        return connections.field(types, method, root.record, name=title)
    request = types.contract.pool.FindMessageTypeByName(method.input)
    hidden = {"read_mask", "view"} if standard is not None else set()
    names = types.names_of(request)
    return GraphQLField(
        types.result(types.contract.pool.FindMessageTypeByName(method.output)),
        args={
            names[one.name]: GraphQLArgument(
                types.argument(one), out_name=one.name, description=types.comments.get(one.full_name)
            )
            for one in request.fields
            if one.name not in hidden
        },
        resolve=_Caller(types, root, request),
        description=types.comments.get(f"{method.service}.{method.name}"),
        extensions={"plan": Plan(calls=True, batches=_list_of(names, request))},
    )


def _list_of(names: dict[str, str], request: Descriptor) -> str:
    """Return the argument with a list of things to read or to write, or an empty text."""
    return next((names[field.name] for field in request.fields if field.is_repeated and not is_map(field)), "")


class _Caller:
    """Resolves a field of Query or Mutation."""

    def __init__(self, types: Types, root: Root, request: Descriptor) -> None:
        standard = root.method.standard
        self._types, self._method = types, root.method
        self._empty = root.method.output == EMPTY
        self._mask: tuple[str, Descriptor] | None = None
        self._shown: tuple[Descriptor, tuple[str, ...]] | None = None
        if standard is not None and root.record is not None:
            record = types.contract.pool.FindMessageTypeByName(standard.record)
            if standard.kind in {StandardKind.UPDATE, StandardKind.BATCH_UPDATE}:
                self._mask = root.record.singular, record
            if "read_mask" in request.fields_by_name:
                way = () if standard.kind is StandardKind.GET else (camel(root.record.plural),)
                self._shown = record, way

    async def __call__(self, _source: Any, info: Any, **args: Any) -> Any:
        session: Session = info.context
        request = session.request(self._method)
        write_message(request, args)
        if self._mask is not None and args.get("update_mask") is None:
            # What a client writes is what it changes: a null clears a field, and so does a default value.
            _mask(request, args, self._mask)
            for one, values in zip(getattr(request, "requests", ()), args.get("requests") or (), strict=False):
                if values.get("update_mask") is None:
                    _mask(one, values, self._mask)
        if self._shown is not None:
            record, way = self._shown
            request.read_mask.paths.extend(paths_below(self._types, record, info, way))
        elif self._method.standard is not None:
            show_all(request)
        answer = await session.invoke(self._method, request)
        return True if self._empty else answer


def _mask(request: Any, values: dict[str, Any], record: tuple[str, Descriptor]) -> None:
    name, descriptor = record
    if isinstance(resource := values.get(name), dict):
        request.update_mask.paths.extend(written_paths(resource, descriptor))


def written_paths(values: dict[str, Any], descriptor: Any, prefix: str = "") -> list[str]:
    """Return the update mask for what was written: its fields, and those inside messages one by one."""
    paths: list[str] = []
    for name, value in values.items():
        field = descriptor.fields_by_name.get(name)
        if field is None or (not prefix and name in _UNMASKED):
            continue
        inside = field.message_type if not field.is_repeated else None
        if inside is not None and isinstance(value, dict) and value and _is_message(inside):
            paths.extend(written_paths(value, inside, f"{prefix}{name}."))
        else:
            paths.append(f"{prefix}{name}")
    return paths


def _is_message(descriptor: Descriptor) -> bool:
    return descriptor.file.package != "google.protobuf"
