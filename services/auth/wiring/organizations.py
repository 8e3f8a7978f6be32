"""Wires organizations, memberships, groups, invitations and people's own profiles."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.auth.domain.accounts import normalize_email
from services.auth.domain.invitations import Accepting, Inviting
from services.auth.domain.memberships import Groups, Memberships
from services.auth.domain.organizations import AddressRules, Organizations
from services.auth.domain.password_policy import PasswordPolicy
from services.auth.domain.personal_data import Leaving
from services.auth.domain.switching import Switching
from services.auth.servicer.groups import GroupServicer
from services.auth.servicer.invitations import InvitationServicer
from services.auth.servicer.memberships import MembershipServicer
from services.auth.servicer.organizations import OrganizationServicer
from services.auth.servicer.profiles import ProfileServicer
from services.auth.storage.addresses import SqlVerifiedAddresses
from services.auth.storage.assignments import SqlAssignments
from services.auth.storage.blocklist import read_common_passwords
from services.auth.storage.founding import RecordFounding
from services.auth.storage.invitations import RecordInvitations, RecordJoining
from services.auth.storage.organizations import SqlOrganizations
from services.auth.wiring.factors import factors_of
from services.auth.wiring.mail import mail_of
from services.auth.wiring.part import Part
from services.chassis.errors import TenonError
from services.chassis.transport import messages_of

if TYPE_CHECKING:
    from services.auth.wiring.kit import Kit

_PRUNE_EVERY = 600.0
_log = logging.getLogger(__name__)


def wire(kit: Kit) -> Part:
    """Serve them, forget the secrets of invitations that have expired, and erase organizations that were deleted."""
    invitations, organizations = _invitations(kit), SqlOrganizations(kit.storage.database)

    async def prune() -> None:
        while True:
            try:
                await invitations.prune(datetime.now(UTC))
                await organizations.purge(now=datetime.now(UTC))
            except TenonError as error:
                _log.warning("expired invitations and deleted organizations have to wait: %s", error.message)
            await asyncio.sleep(_PRUNE_EVERY)

    return Part(
        servicers={
            "tenon.auth.v1.OrganizationService": OrganizationServicer(
                records=kit.records, organizations=organizations_of(kit)
            ),
            "tenon.auth.v1.MembershipService": MembershipServicer(records=kit.records, memberships=_memberships(kit)),
            "tenon.auth.v1.GroupService": GroupServicer(records=kit.records, groups=_groups(kit)),
            "tenon.auth.v1.InvitationService": _invitation_servicer(kit),
            "tenon.auth.v1.ProfileService": _profiles(kit),
        },
        tasks=(prune,),
    )


def address_rules_of(kit: Kit) -> AddressRules:
    """Return what says which addresses an organization takes."""
    return AddressRules(kept=SqlOrganizations(kit.storage.database), directory=kit.storage.directory)


def switching_of(kit: Kit) -> Switching:
    """Return what lets people act in another of their organizations."""
    return Switching(
        directory=kit.storage.directory,
        kept=SqlOrganizations(kit.storage.database),
        sessions=kit.sessions,
        families=kit.families,
    )


def organizations_of(kit: Kit) -> Organizations:
    """Return what guards organizations."""
    storage, frame = kit.storage, kit.frame
    return Organizations(
        kept=SqlOrganizations(storage.database),
        directory=storage.directory,
        founding=RecordFounding(kit.records, frame.contract, messages_of(frame.contract.pool)),
        joining=RecordJoining(kit.keeper, storage.database),
        inviting=_inviting(kit),
        changes=storage.database,
        default_email=normalize_email(kit.settings.admin_email),
    )


def accepting_of(kit: Kit) -> Accepting:
    """Return what answers invitations, for pages too."""
    storage = kit.storage
    return Accepting(
        kept=_invitations(kit),
        organizations=SqlOrganizations(storage.database),
        directory=storage.directory,
        joining=RecordJoining(kit.keeper, storage.database),
        addresses=SqlVerifiedAddresses(storage.database, kit.keeper),
        changes=storage.database,
        credentials=storage.credentials,
    )


def leaving_of(kit: Kit) -> Leaving:
    """Return what deletes people who ask for it, for pages too."""
    storage = kit.storage
    return Leaving(
        directory=storage.directory,
        people=RecordJoining(kit.keeper, storage.database),
        personal=kit.personal,
        credentials=storage.credentials,
        sessions=storage.sessions,
        revocations=storage.revocations,
        changes=storage.database,
    )


def _invitations(kit: Kit) -> RecordInvitations:
    return RecordInvitations(kit.keeper, kit.storage.database)


def _inviting(kit: Kit) -> Inviting:
    return Inviting(
        kept=_invitations(kit),
        organizations=SqlOrganizations(kit.storage.database),
        mail=mail_of(kit),
        link=factors_of(kit).links.invitation,
    )


def _memberships(kit: Kit) -> Memberships:
    storage = kit.storage
    return Memberships(
        directory=storage.directory,
        assignments=SqlAssignments(storage.database),
        grants=kit.grants,
        organizations=organizations_of(kit),
        kept=SqlOrganizations(storage.database),
        sessions=storage.sessions,
    )


def _groups(kit: Kit) -> Groups:
    storage = kit.storage
    return Groups(directory=storage.directory, assignments=SqlAssignments(storage.database), grants=kit.grants)


def _invitation_servicer(kit: Kit) -> InvitationServicer:
    storage = kit.storage
    return InvitationServicer(
        records=kit.records,
        grants=kit.grants,
        assignments=SqlAssignments(storage.database),
        inviting=_inviting(kit),
        accepting=accepting_of(kit),
        directory=storage.directory,
        policy=PasswordPolicy(common=read_common_passwords()),
        hasher=storage.hasher,
    )


def _profiles(kit: Kit) -> ProfileServicer:
    storage, parts = kit.storage, factors_of(kit)
    return ProfileServicer(
        records=kit.records,
        directory=storage.directory,
        addresses=parts.addresses,
        personal=kit.personal,
        leaving=leaving_of(kit),
        changes=storage.database,
        notices=parts.notices,
        trust_headers=kit.trust_headers,
    )
