"""REST paths as OpenAPI writes them: one parameter for each segment that varies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.chassis.contract.template import ONE, REST, Template, parse_template

if TYPE_CHECKING:
    from services.meshgen.openapi.resources import Resources


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """One parameter of a path."""

    name: str
    """Its name in the path."""
    field: str
    """Path of the field of the request that it is a part of, such as `book.name`."""
    whole: str
    """What the field then holds, such as `shelves/{shelf}/books/{book}`."""
    many: bool
    """Whether it takes any number of segments."""
    is_last: bool
    """Whether it is the last of its field."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """One path of the document."""

    text: str
    """As OpenAPI writes it, such as `/library/v1/shelves/{shelf}`."""
    shape: str
    """The same without names: two paths of one shape are one path."""
    slots: tuple[Slot, ...]
    """Its parameters, in order."""
    fields: frozenset[str]
    """The fields of the request that the path fills."""


class Paths:
    """Expands templates, and gives parameters of one place one name throughout a document."""

    def __init__(self, resources: Resources) -> None:
        """Take the resources, whose patterns name the segments."""
        self._resources = resources
        self._names: dict[str, tuple[str, ...]] = {}

    def expand(self, text: str) -> Path:
        """Return the path of a template such as `/library/v1/{name=shelves/*}:close`."""
        template = parse_template(text)
        verb = f":{template.verb}" if template.verb else ""
        shape = "/" + "/".join("{}" if part in {ONE, REST} else part for part in template.segments) + verb
        names = self._names.setdefault(shape, tuple(_unique(self._named(template))))
        slots = tuple(_slots(template, names))
        waiting = iter(names)
        parts = [f"{{{next(waiting)}}}" if part in {ONE, REST} else part for part in template.segments]
        fields = frozenset(variable.field for variable in template.variables)
        return Path(text="/" + "/".join(parts) + verb, shape=shape, slots=slots, fields=fields)

    def _named(self, template: Template) -> list[str]:
        """Return a name for each segment that varies: that in the resource's pattern, else one of our own."""
        if _has_free_segments(template):
            return _names_by_collections(template.segments, "segment")
        names: list[str] = []
        for variable in template.variables:
            known = self._resources.variables.get(variable.segments, ())
            if len(known) == _varying(variable.segments):
                names += known
            else:
                names += _names_by_collections(variable.segments, variable.field.rpartition(".")[2])
        return names


def _slots(template: Template, names: tuple[str, ...]) -> list[Slot]:
    if _has_free_segments(template):
        return [Slot(name=name, field="", whole="", many=False, is_last=True) for name in names]
    slots: list[Slot] = []
    for variable in template.variables:
        stars = [part for part in variable.segments if part in {ONE, REST}]
        mine = names[len(slots) : len(slots) + len(stars)]
        waiting = iter(mine)
        whole = "/".join(f"{{{next(waiting)}}}" if part in {ONE, REST} else part for part in variable.segments)
        slots += [
            Slot(name=name, field=variable.field, whole=whole, many=star == REST, is_last=name == mine[-1])
            for name, star in zip(mine, stars, strict=True)
        ]
    return slots


def _has_free_segments(template: Template) -> bool:
    """Whether a segment varies that no field takes, as in `/shop/v1/products/*/variants:batchGet`."""
    return _varying(template.segments) > sum(_varying(variable.segments) for variable in template.variables)


def _varying(segments: tuple[str, ...]) -> int:
    return sum(part in {ONE, REST} for part in segments)


def _names_by_collections(segments: tuple[str, ...], otherwise: str) -> list[str]:
    """Return a name for each segment that varies: what its collection holds, where one stands before it."""
    before = ("", *segments)
    return [
        _singular(collection) if collection not in {"", ONE, REST} else otherwise
        for collection, part in zip(before, segments, strict=False)
        if part in {ONE, REST}
    ]


def _unique(names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        found.append(name if name not in found else f"{name}_{found.count(name) + 1}")
    return found


def _singular(plural: str) -> str:
    if plural.endswith("ies"):
        return plural[:-3] + "y"
    if plural.endswith(("ses", "xes", "ches", "shes")):
        return plural[:-2]
    return plural.removesuffix("s")
