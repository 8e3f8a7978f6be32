"""Turns messages into calls of the domain and back, one servicer for each service of the contract."""

from __future__ import annotations

from services.auth.servicer.access import AccessServicer
from services.auth.servicer.access_models import AccessModelServicer
from services.auth.servicer.adoption import AdoptionServicer
from services.auth.servicer.api_keys import ApiKeyServicer
from services.auth.servicer.audit import AuditServicer
from services.auth.servicer.authenticators import AuthenticatorServicer
from services.auth.servicer.clients import ClientServicer
from services.auth.servicer.consents import ConsentServicer
from services.auth.servicer.groups import GroupServicer
from services.auth.servicer.identity_providers import IdentityProviderServicer
from services.auth.servicer.invitations import InvitationServicer
from services.auth.servicer.linked_identities import LinkedIdentityServicer
from services.auth.servicer.memberships import MembershipServicer
from services.auth.servicer.organizations import OrganizationServicer
from services.auth.servicer.permissions import PermissionServicer
from services.auth.servicer.profiles import ProfileServicer
from services.auth.servicer.records import EngineRecords
from services.auth.servicer.recovery import RecoveryServicer
from services.auth.servicer.relations import RelationServicer
from services.auth.servicer.roles import RoleServicer
from services.auth.servicer.sessions import SessionServicer
from services.auth.servicer.signing_keys import SigningKeyServicer
from services.auth.servicer.tokens import TokenServicer
from services.auth.servicer.users import UserServicer

__all__ = [
    "AccessModelServicer",
    "AccessServicer",
    "AdoptionServicer",
    "ApiKeyServicer",
    "AuditServicer",
    "AuthenticatorServicer",
    "ClientServicer",
    "ConsentServicer",
    "EngineRecords",
    "GroupServicer",
    "IdentityProviderServicer",
    "InvitationServicer",
    "LinkedIdentityServicer",
    "MembershipServicer",
    "OrganizationServicer",
    "PermissionServicer",
    "ProfileServicer",
    "RecoveryServicer",
    "RelationServicer",
    "RoleServicer",
    "SessionServicer",
    "SigningKeyServicer",
    "TokenServicer",
    "UserServicer",
]
