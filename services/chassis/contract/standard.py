"""Finds the standard methods of the AIPs among the methods of a contract, and holds them to their shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from services.chassis.contract.model import Binding, Record, Standard, StandardKind
from services.chassis.contract.naming import pascal
from services.chassis.contract.shape import Shape, shape_of
from services.chassis.contract.template import Template, TemplateError, parse_template, segments_meet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from google.protobuf.descriptor import Descriptor

    from services.chassis.contract.problem import Problems
    from services.chassis.contract.source import Element
