"""Wires what operators do: users of other systems are taken over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.adoption import Adoption
from services.auth.servicer.adoption import AdoptionServicer
from services.auth.storage.addresses import SqlVerifiedAddresses
from services.auth.storage.foreign_hashes import problem_of
from services.auth.storage.newcomers import RecordNewcomers
from services.auth.wiring.audit import audit_of
from services.auth.wiring.organizations import address_rules_of
from services.auth.wiring.part import Part

if TYPE_CHECKING:
    from services.auth.wiring.kit import Kit


def wire(kit: Kit) -> Part:
    """Take users over."""
    storage = kit.storage
    adoption = Adoption(
        directory=storage.directory,
        newcomers=RecordNewcomers(kit.keeper, SqlVerifiedAddresses(storage.database, kit.keeper)),
        credentials=storage.credentials,
        grants=kit.grants,
        addresses=address_rules_of(kit),
        changes=storage.database,
        audit=audit_of(kit),
        problem_of=problem_of,
    )
    return Part(servicers={"tenon.auth.v1.AdoptionService": AdoptionServicer(adoption=adoption)})
