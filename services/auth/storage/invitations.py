"""Keeps invitations as records, and their secrets by their SHA-256 beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenon.auth.v1 import invitation_pb2 as pb
from tenon.auth.v1 import membership_pb2, user_pb2

from services.auth.domain.invitations import Answer, Invitation
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    import asyncpg

    from services.auth.storage.keeping import RecordKeeper
    from services.chassis.postgres import Executor

_STATES = {
    Answer.PENDING: pb.INVITATION_STATE_PENDING,
    Answer.ACCEPTED: pb.INVITATION_STATE_ACCEPTED,
    Answer.DECLINED: pb.INVITATION_STATE_DECLINED,
}
_ANSWERS = {int(state): answer for answer, state in _STATES.items()}
_COLUMNS = "i.organization, i.name, i.email, i.roles, i.state, i.inviter, i.expire_time"
_FIND = f"SELECT {_COLUMNS} FROM {SCHEMA}.invitations i WHERE i.organization = $1 AND i.name = $2"
_FIND_BY_SECRET = f"""
SELECT {_COLUMNS} FROM {SCHEMA}.invitations i JOIN {SCHEMA}.invitation_secrets s
    ON s.organization = i.organization AND s.invitation = i.name
WHERE s.digest = $1
"""
_SET_SECRET = f"""
INSERT INTO {SCHEMA}.invitation_secrets (organization, invitation, digest, expire_time)
SELECT organization, name, $3, expire_time FROM {SCHEMA}.invitations WHERE organization = $1 AND name = $2
ON CONFLICT (organization, invitation) DO UPDATE SET digest = excluded.digest, expire_time = excluded.expire_time
"""
_REMOVE_SECRET = f"DELETE FROM {SCHEMA}.invitation_secrets WHERE organization = $1 AND invitation = $2"
_FORGET = f"DELETE FROM {SCHEMA}.invitation_secrets WHERE expire_time < $1"
_MEMBERSHIP = f"""
SELECT name FROM {SCHEMA}.memberships WHERE organization = $1 AND home = $2 AND "user" = $3
"""


class RecordInvitations:
    """Invitations (port `Invitations`)."""

    def __init__(self, keeper: RecordKeeper, executor: Executor) -> None:
        """Take what makes records, and what runs statements."""
        self._keeper = keeper
        self._executor = executor

    async def add(
        self, organization: str, actor: str, *, email: str, roles: Collection[str], inviter: str, expires: datetime
    ) -> Invitation:
        """Keep an invitation."""
        made = pb.Invitation(email=email, roles=list(roles), inviter=inviter, state=pb.INVITATION_STATE_PENDING)
        made.expire_time.FromDatetime(expires)
        await self._keeper.session(organization, actor).create(made)
        found = await self.find(organization, made.name)
        if found is None:
            raise LookupError(made.name)
        return found

    async def find(self, organization: str, name: str) -> Invitation | None:
        """Return an invitation."""
        rows = await self._executor.fetch(_FIND, [organization, name.replace("\0", "�")], repeatable=True)
        return _invitation(rows[0]) if rows else None

    async def find_by_secret(self, digest: bytes) -> Invitation | None:
        """Return the invitation of a secret."""
        rows = await self._executor.fetch(_FIND_BY_SECRET, [digest], repeatable=True)
        return _invitation(rows[0]) if rows else None

    async def set_secret(self, invitation: Invitation, digest: bytes) -> None:
        """Keep a secret in place of the one before."""
        await self._executor.fetch(_SET_SECRET, [invitation.organization, invitation.name, digest])

    async def remove_secret(self, organization: str, name: str) -> None:
        """Forget the secret of an invitation."""
        await self._executor.fetch(_REMOVE_SECRET, [organization, name], repeatable=True)

    async def prolong(self, invitation: Invitation, actor: str, expires: datetime) -> None:
        """Let it last longer."""
        changed = pb.Invitation(name=invitation.name)
        changed.expire_time.FromDatetime(expires)
        await self._keeper.session(invitation.organization, actor).update(changed, paths=["expire_time"])

    async def answer(self, invitation: Invitation, actor: str, answer: Answer) -> None:
        """Keep what has become of it, and by whom."""
        changed = pb.Invitation(name=invitation.name, state=_STATES[answer], user=actor)
        session = self._keeper.session(invitation.organization, actor)
        await session.update(changed, paths=["state", "user"], event=answer.value)
        await self.remove_secret(invitation.organization, invitation.name)

    async def prune(self, now: datetime) -> None:
        """Forget secrets that have expired."""
        await self._executor.fetch(_FORGET, [now], repeatable=True)


class RecordJoining:
    """Users and members who have accepted (ports `Joining` and `People`)."""

    def __init__(self, keeper: RecordKeeper, executor: Executor) -> None:
        """Take what makes records, and what runs statements."""
        self._keeper = keeper
        self._executor = executor

    async def add_user(
        self, organization: str, actor: str, *, email: str, display_name: str, roles: Collection[str]
    ) -> str:
        """Make a user who lives there, and return the name."""
        made = user_pb2.User(email=email, display_name=display_name, roles=list(roles))
        await self._keeper.session(organization, actor).create(made)
        return made.name

    async def add_roles(self, organization: str, actor: str, *, user: str, roles: Collection[str]) -> None:
        """Give a user who lives there further roles."""
        session = self._keeper.session(organization, actor)
        found = await session.get(user_pb2.User, user, lock=True)
        if missing := [role for role in roles if role not in found.roles]:
            found.roles.extend(missing)
            await session.update(found, paths=["roles"])

    async def add_member(self, organization: str, actor: str, *, user: str, home: str, roles: Collection[str]) -> None:
        """Make a user who lives elsewhere a member, or give a member further roles."""
        session = self._keeper.session(organization, actor)
        rows = await self._executor.fetch(_MEMBERSHIP, [organization, home, user], repeatable=True)
        if not rows:
            await session.create(membership_pb2.Membership(user=user, home=home, roles=list(roles)))
            return
        found = await session.get(membership_pb2.Membership, rows[0]["name"], lock=True)
        if missing := [role for role in roles if role not in found.roles]:
            found.roles.extend(missing)
            await session.update(found, paths=["roles"])

    async def remove(self, organization: str, user: str, *, actor: str) -> None:
        """Delete a user."""
        await self._keeper.session(organization, actor).delete(user_pb2.User, user)


def _invitation(row: asyncpg.Record) -> Invitation:
    return Invitation(
        organization=row["organization"],
        name=row["name"],
        email=row["email"],
        roles=tuple(row["roles"]),
        answer=_ANSWERS[row["state"]],
        inviter=row["inviter"],
        expires=row["expire_time"],
    )
