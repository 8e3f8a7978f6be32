"""How types, fields and root fields are named in GraphQL: from the contract alone, and always the same."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from services.chassis.contract import camel, pascal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from google.protobuf.descriptor import Descriptor, EnumDescriptor

K = TypeVar("K")

_NAME = re.compile(r"(?!__)[_A-Za-z][_0-9A-Za-z]*").fullmatch
_NO_ENUM_VALUES = frozenset({"true", "false", "null"})


def choose_names(wanted: Mapping[K, Sequence[str]], taken: Iterable[str] = ()) -> dict[K, str]:
    """Return a name for each key: the first of its own that no other key has, and none of those that are taken.

    Whoever shares a name gives it up, so that no order decides who keeps it. Names that are used up get underscores.
    """
    reserved = set(taken)
    level = dict.fromkeys(wanted, 0)
    while True:
        chosen = {key: _at(names, level[key]) for key, names in wanted.items()}
        held = Counter(chosen.values())
        moved = [key for key, name in chosen.items() if held[name] > 1 or name in reserved]
        if not moved:
            return chosen
        exhausted = [key for key in moved if level[key] + 1 >= len(wanted[key])]
        if len(exhausted) == len(moved):
            # Nothing tells them apart: all but the first get one more underscore each time.
            first = {} if reserved.intersection(chosen[key] for key in moved) else {chosen[moved[0]]: moved[0]}
            moved = [key for key in moved if first.get(chosen[key]) is not key]
        for key in moved:
            level[key] += 1


def _at(names: Sequence[str], level: int) -> str:
    spare = level - len(names) + 1
    return names[level] if spare <= 0 else names[-1] + "_" * spare


def type_names(package: str, path: str) -> tuple[str, ...]:
    """Return the names that a message or an enum may have, the one to be preferred first.

    `path` is its full name without the package: `Book.Cover` of `library.v1` is `BookCover`, else `LibraryBookCover`,
    else `LibraryV1BookCover`, else with the whole package before it.
    """
    own = pascal(path.replace(".", "_")) if path[:1].islower() else "".join(map(_upper, path.split(".")))
    return tuple(dict.fromkeys(prefix + own for prefix in _prefixes(package)))


def root_names(package: str, short: str, method: str) -> tuple[str, ...]:
    """Return the names that a root field may have, the one to be preferred first.

    `short` is what a reader expects (`books`), `method` the RPC's name (`ListBooks`).
    """
    rpc = camel(method)
    names = [short, *(camel(prefix + pascal(short)) for prefix in _prefixes(package)[1:2])]
    names += [rpc, *(camel(prefix + pascal(rpc)) for prefix in _prefixes(package)[1:])]
    return tuple(dict.fromkeys(names))


def field_names(descriptor: Descriptor) -> dict[str, str]:
    """Return the GraphQL names of a message's fields: those of its JSON, wherever GraphQL can write them."""
    return choose_names({field.name: (_legal(str(field.json_name), field.name),) for field in descriptor.fields})


def value_names(descriptor: EnumDescriptor) -> dict[str, int]:
    """Return the numbers of an enum's values by their GraphQL names, which are the contract's own."""
    names = {value.name: value.number for value in descriptor.values}
    return {_enum_value(name): number for name, number in names.items()}


def local_path(descriptor: Descriptor | EnumDescriptor) -> str:
    """Return a full name without its package: `Book.Cover`."""
    package = descriptor.file.package
    return str(descriptor.full_name)[len(package) + 1 :] if package else str(descriptor.full_name)


def _prefixes(package: str) -> list[str]:
    parts = [_upper(part) for part in package.replace("_", ".").split(".") if part]
    segment = parts[-2:-1] or parts
    return ["", "".join(segment), "".join(parts[-2:]), "".join(parts)]


def _upper(part: str) -> str:
    return part[:1].upper() + part[1:]


def _legal(json_name: str, name: str) -> str:
    if _NAME(json_name):
        return json_name
    return camel(name) if _NAME(camel(name)) else f"x{name}"


def _enum_value(name: str) -> str:
    if name in _NO_ENUM_VALUES:
        return f"{name}_"
    return name if _NAME(name) else f"x{name}"
