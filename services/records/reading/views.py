"""Which part of a record a request asks for: by `read_mask` (AIP-157 and 161), or else by `view`.

    read_mask   what is named, and nothing else: `title,author.name`; `*` is everything; ``labels.`a.b` `` is a key of
                a map; in lists and maps `*` stands for each element: `editors.*.name`, or in lists `editors.name`
    BASIC       all but messages, lists of messages, maps and bytes; times, durations and wrappers are single values
    FULL        everything

An unset view is BASIC in pages, and FULL where records are read by name. What a caller may not read is in none of them.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from services.chassis.contract import Kind
from services.chassis.errors import InvalidArgument, Violation
from services.records.filter.fields import WRAPPERS
from services.records.filter.invalid import excerpt
from services.records.masks import MAX_PATHS
from services.records.masks.paths import PathRefused, explain_unknown, read_key, split_path
from services.records.masks.schema import MaskFields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from services.chassis.call import Caller
    from services.chassis.contract import Field, Record
    from services.records.masks.schema import MaskField
    from services.records.reading.guards import Guards

    Step = Callable[[Message], None]
    Key = str | int
    Kept = dict[Key, Any]

EACH = "*"
"""What stands for every element of a list or a map, and alone for the whole record."""

MAX_STEPS = 32
"""The most parts of one path."""

CACHE_SIZE = 128
"""The most masks of one method that are remembered."""


class ReadMaskInvalid(InvalidArgument):
    """The read mask names what the record does not have."""

    reason = "FIELD_MASK_INVALID"


class Views:
    """Reads which part of a record the requests of one method ask for."""

    __slots__ = ("_basic", "_cache", "_descriptor", "_fields", "_guards", "_has_mask", "_views", "is_plain")

    def __init__(self, record: Record, descriptor: Descriptor, request: Descriptor, guards: Guards) -> None:
        """Take the record and its message, the message of the requests, and the fields that not everyone may read."""
        self._descriptor, self._guards = descriptor, guards
        self._fields = MaskFields()
        self._cache: OrderedDict[tuple[str, ...], tuple[Step | None, frozenset[str]]] = OrderedDict()
        self._has_mask = "read_mask" in request.fields_by_name
        heavy = [field.name for field in record.fields if _is_heavy(field)]
        self._basic = clear_fields(heavy) if heavy else None
        self._views = _views(request)
        self.is_plain = not self._has_mask and not self._views
        """Whether every request asks for the whole record."""

    def read(self, request: Any, caller: Caller, *, pages: bool) -> Step | None:
        """Return what takes out of a message all that was not asked for, or None where everything was.

        `pages` says whether an unset view is BASIC.

        Raises:
            ReadMaskInvalid: with every path that leads nowhere.
            FieldNotReadable: if the mask names a field that the caller may not read.
        """
        if self._has_mask and request.read_mask.paths:
            step, roots = self._masked(tuple(request.read_mask.paths))
            self._guards.refuse(roots, caller)
            return step
        if not self._views:
            return None
        view = self._views.get(request.view)
        if view is None:
            said = f"The view {request.view} is not one of {', '.join(name for name in self._views.values() if name)}."
            raise InvalidArgument(said, violations=[Violation(field="view", description=said)])
        return self._basic if view.endswith("_BASIC") or (pages and not view.endswith("_FULL")) else None

    def _masked(self, paths: tuple[str, ...]) -> tuple[Step | None, frozenset[str]]:
        found = self._cache.get(paths)
        if found is None:
            found = self._cache[paths] = self._compile(paths)
            if len(self._cache) > CACHE_SIZE:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(paths)
        return found

    def _compile(self, paths: Sequence[str]) -> tuple[Step | None, frozenset[str]]:
        kept: Kept = {}
        mistakes = list(self._mistakes(paths, kept))
        if mistakes:
            raise ReadMaskInvalid(
                f"The read mask is invalid: {mistakes[0]}",
                violations=[Violation(field="read_mask", description=mistake) for mistake in mistakes],
                metadata={"field": "read_mask"},
            )
        if EACH in kept:
            return None, frozenset()
        return lambda message: _keep(message, kept), frozenset(map(str, kept))

    def _mistakes(self, paths: Sequence[str], kept: Kept) -> Iterator[str]:
        """Add the paths to what is kept, and yield what is wrong with them."""
        if len(paths) > MAX_PATHS:
            yield f"A mask has at most {MAX_PATHS:,} paths, and this one {len(paths):,}."
        elif EACH in paths:
            kept[EACH] = None
            if len(paths) > 1:
                yield "'*' stands for everything and must stand alone."
        else:
            for path in paths:
                try:
                    self._add(kept, split_path(path))
                except PathRefused as refused:
                    yield f"The path {excerpt(path)} {refused}."

    def _add(self, kept: Kept, segments: Sequence[str]) -> None:
        if len(segments) > MAX_STEPS:
            raise PathRefused(f"has more than {MAX_STEPS} parts")
        keys = list(self._keys(segments))
        for key in keys[:-1]:
            below = kept.setdefault(key, {})
            if below is None:
                return  # a shorter path has all of it
            kept = below
        kept[keys[-1]] = None

    def _keys(self, segments: Sequence[str]) -> Iterator[Key]:
        """Yield the names and keys that a path leads through; every element of a list is one of its name."""
        descriptor: Descriptor | None = self._descriptor
        rest = list(segments)
        while rest:
            one = self._field(descriptor, rest.pop(0))
            yield one.name
            if rest and one.kind is Kind.MAP:
                text = rest.pop(0)
                yield text if text == EACH else read_key(one, text)
            elif rest and one.descriptor.is_repeated:
                if rest[0].isdecimal():
                    raise PathRefused(
                        f"picks an element of the list {excerpt(one.name)} by its index; name '*' for each"
                    )
                if rest[0] == EACH:
                    rest.pop(0)
            descriptor = one.inner
            if rest and descriptor is None:
                raise PathRefused(f"goes into {excerpt(one.name)}, which has no fields to name")

    def _field(self, descriptor: Descriptor | None, name: str) -> MaskField:
        known = self._fields.of(descriptor) if descriptor is not None else {}
        if name not in known:
            raise PathRefused(explain_unknown(name, known))
        return known[name]


def clear_fields(names: Sequence[str]) -> Step:
    """Return what clears these fields of a message."""
    cleared = tuple(names)

    def clear(message: Message) -> None:
        for name in cleared:
            message.ClearField(name)

    return clear


def _views(request: Descriptor) -> dict[int, str]:
    """Return the names of the views by their numbers; none where the request has no view."""
    field = request.fields_by_name.get("view")
    return (
        {} if field is None or field.enum_type is None else {each.number: each.name for each in field.enum_type.values}
    )


def _is_heavy(field: Field) -> bool:
    if field.kind is Kind.MESSAGE:
        return field.repeated or field.type_name not in WRAPPERS
    return field.kind in (Kind.MAP, Kind.BYTES)


def _keep(message: Any, kept: Kept) -> None:
    """Clear all fields of a message that are not kept."""
    for descriptor, value in message.ListFields():
        name = descriptor.name
        if name not in kept:
            message.ClearField(name)
        elif (below := kept[name]) is None:
            continue
        elif descriptor.message_type.GetOptions().map_entry:
            _keep_entries(value, below)
        elif descriptor.is_repeated:
            for each in value:
                _keep(each, below)
        else:
            _keep(value, below)


def _keep_entries(entries: Any, kept: Kept) -> None:
    for key in list(entries):
        below = [kept[each] for each in (EACH, key) if each in kept]
        if not below:
            del entries[key]
        elif None not in below:
            _keep(entries[key], below[0] if len(below) == 1 else _merged(*below))


def _merged(one: Kept, other: Kept) -> Kept:
    """Return what keeps whatever either of two keeps."""
    both = {**one, **other}
    for key in one.keys() & other.keys():
        both[key] = None if None in (one[key], other[key]) else _merged(one[key], other[key])
    return both
