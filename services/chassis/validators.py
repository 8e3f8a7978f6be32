"""One protovalidate validator for each version of a contract, since a validator knows messages by their names alone."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from protovalidate import Validator

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

KEPT = 2
"""Versions whose validator is shared: the one that is served, and the one that is about to be."""


def validator_of(descriptor: Descriptor) -> Validator:
    """Return the validator of the contract that a message belongs to.

    One that outlived its contract would judge the next by the rules of the old. One for each method would be right as
    well, and cost more than a MiB each.
    """
    return _validator(descriptor.file.pool)


@lru_cache(maxsize=KEPT)
def _validator(_pool: object) -> Validator:
    return Validator()
