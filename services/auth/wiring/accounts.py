"""Wires users, roles, passwords, and the first-party sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.sign_in import SignIn
from services.auth.domain.signing_out import SigningOut
from services.auth.domain.tokens import Minting
from services.auth.domain.workloads import WorkloadExchange
from services.auth.servicer import RoleServicer, SessionServicer, TokenServicer, UserServicer
from services.auth.storage.audit_queue import QueuedAudit
from services.auth.storage.organizations import SqlOrganizations
from services.auth.storage.workloads import SqlWorkloads
from services.auth.wiring.factors import address_changes_of, flow_of, passwords_of, session_lists_of
from services.auth.wiring.organizations import address_rules_of, switching_of
from services.auth.wiring.part import Part

if TYPE_CHECKING:
    from services.auth.wiring.kit import Kit


def wire(kit: Kit) -> Part:
    """Serve users, roles, sessions and minted tokens."""
    storage = kit.storage
    minting = Minting(
        directory=storage.directory,
        tokens=storage.tokens,
        default_email=kit.settings.admin_email,
        organizations=SqlOrganizations(storage.database),
    )
    workloads = WorkloadExchange(
        workloads=SqlWorkloads(storage.database), directory=storage.directory, tokens=storage.tokens
    )
    return Part(
        servicers={
            "tenon.auth.v1.RoleService": RoleServicer(records=kit.records, grants=kit.grants),
            "tenon.auth.v1.SessionService": _sessions(kit),
            "tenon.auth.v1.TokenService": TokenServicer(minting=minting, workloads=workloads),
            "tenon.auth.v1.UserService": _users(kit),
        }
    )


def _sessions(kit: Kit) -> SessionServicer:
    entrance = SignIn(flow=flow_of(kit), families=kit.families, renewals=QueuedAudit(kit.frame.audit))
    exits = SigningOut(sessions=kit.sessions, families=kit.families)
    return SessionServicer(
        entrance=entrance,
        exits=exits,
        lists=session_lists_of(kit),
        switching=switching_of(kit),
        trust_headers=kit.trust_headers,
    )


def _users(kit: Kit) -> UserServicer:
    passwords = passwords_of(kit)
    return UserServicer(
        records=kit.records,
        grants=kit.grants,
        passwords=passwords,
        addresses=address_rules_of(kit),
        moves=address_changes_of(kit),
        personal=kit.personal,
        trust_headers=kit.trust_headers,
    )
