"""Organizations, members, groups and invitations in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from services.auth.domain.assignments import Assignment
from services.auth.domain.invitations import Answer, Invitation
from services.auth.domain.organizations import Organization
from tests.fakes.auth import FakePeople

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from services.auth.domain.accounts import Account


@dataclass
class FakeTenants(FakePeople):
    """People of several organizations (ports `Directory`, `Assignments` and others)."""

    memberships: dict[tuple[str, str], tuple[str, str, frozenset[str]]] = field(default_factory=dict)
    groups: dict[tuple[str, str], Assignment] = field(default_factory=dict)

    def add_membership(self, name: str, user: str, home: str, *roles: str, organization: str) -> None:
        self.memberships[organization, name] = (user, home, frozenset(roles))

    async def find_by_email(self, organization: str, email: str) -> Account | None:
        found = await super().find_by_email(organization, email)
        if found is not None:
            return found
        members = [await self.find_acting(organization, user) for user, _, _ in self._members(organization)]
        return next((account for account in members if account and account.email == email), None)

    async def find_acting(self, organization: str, name: str) -> Account | None:
        if (living := await self.find_by_name(organization, name)) is not None:
            return living
        for user, home, roles in self._members(organization):
            account = await self.find_by_name(home, user)
            if user == name and account is not None:
                found = await self.find_roles(organization, list(roles))
                held = frozenset().union(*found.values())
                return replace(account, acting_in=organization, roles=tuple(sorted(roles)), permissions=held)
        return None

    async def find(self, organization: str, name: str) -> Assignment | None:
        if name.startswith("groups/"):
            return self.groups.get((organization, name))
        kept = self.memberships.get((organization, name))
        return Assignment(roles=kept[2], accounts=frozenset({kept[0]})) if kept else None

    def _members(self, organization: str) -> list[tuple[str, str, frozenset[str]]]:
        return [kept for (where, _), kept in self.memberships.items() if where == organization]


@dataclass
class FakeJoining:
    """Makes people act in an organization (port `Joining`)."""

    people: FakeTenants

    async def add_user(
        self, organization: str, actor: str, *, email: str, display_name: str, roles: Collection[str]
    ) -> str:
        del actor, display_name
        name = f"users/{len(self.people.users) + 1}"
        self.people.add_user(name, *roles, email=email, organization=organization)
        return name

    async def add_roles(self, organization: str, actor: str, *, user: str, roles: Collection[str]) -> None:
        del actor
        kept = self.people.users[organization, user]
        self.people.users[organization, user] = replace(kept, roles=tuple(dict.fromkeys((*kept.roles, *roles))))

    async def add_member(self, organization: str, actor: str, *, user: str, home: str, roles: Collection[str]) -> None:
        del actor
        name = f"memberships/{len(self.people.memberships)}"
        self.people.add_membership(name, user, home, *roles, organization=organization)


@dataclass
class FakeOrganizations:
    """Organizations in memory (port `OrganizationStore`)."""

    organizations: dict[str, Organization] = field(default_factory=dict)
    retired: set[str] = field(default_factory=set)
    closed: list[str] = field(default_factory=list)
    of: dict[str, list[str]] = field(default_factory=dict)

    async def find(self, organization: str) -> Organization | None:
        return self.organizations.get(organization)

    async def is_retired(self, organization: str) -> bool:
        return organization in self.retired

    async def retire(self, organization: str, *, now: datetime) -> None:
        del now
        self.retired.add(organization)

    async def end_access(self, organization: str, *, now: datetime) -> None:
        del now
        self.closed.append(organization)

    async def list_of(self, user: str, home: str) -> Sequence[Organization]:
        return [Organization(id=name) for name in (home, *self.of.get(user, []))]


@dataclass
class FakeInvitations:
    """Invitations in memory (port `Invitations`)."""

    kept: dict[str, Invitation] = field(default_factory=dict)
    secrets: dict[bytes, str] = field(default_factory=dict)

    async def add(
        self, organization: str, actor: str, *, email: str, roles: Collection[str], inviter: str, expires: datetime
    ) -> Invitation:
        del actor
        made = Invitation(
            organization=organization,
            name=f"invitations/{len(self.kept)}",
            email=email,
            roles=tuple(roles),
            answer=Answer.PENDING,
            inviter=inviter,
            expires=expires,
        )
        self.kept[made.name] = made
        return made

    async def find(self, organization: str, name: str) -> Invitation | None:
        found = self.kept.get(name)
        return found if found and found.organization == organization else None

    async def find_by_secret(self, digest: bytes) -> Invitation | None:
        return self.kept.get(self.secrets.get(digest, ""))

    async def set_secret(self, invitation: Invitation, digest: bytes) -> None:
        await self.remove_secret(invitation.organization, invitation.name)
        self.secrets[digest] = invitation.name

    async def remove_secret(self, organization: str, name: str) -> None:
        del organization
        self.secrets = {digest: kept for digest, kept in self.secrets.items() if kept != name}

    async def prolong(self, invitation: Invitation, actor: str, expires: datetime) -> None:
        del actor
        self.kept[invitation.name] = replace(invitation, expires=expires)

    async def answer(self, invitation: Invitation, actor: str, answer: Answer) -> None:
        del actor
        self.kept[invitation.name] = replace(invitation, answer=answer)
        await self.remove_secret(invitation.organization, invitation.name)
