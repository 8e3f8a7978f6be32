"""Keeps what people say of themselves in the records of their users."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from tenon.auth.v1 import user_pb2

from services.auth.domain.profiles import OwnProfile

if TYPE_CHECKING:
    from services.auth.domain.accounts import Changes
    from services.auth.storage.keeping import RecordKeeper

_FIELDS = tuple(field.name for field in fields(OwnProfile))


class RecordProfiles:
    """Profiles (port `OwnProfiles`)."""

    def __init__(self, keeper: RecordKeeper, changes: Changes) -> None:
        """Take what makes records, and what opens transactions."""
        self._keeper = keeper
        self._changes = changes

    async def read(self, organization: str, user: str) -> OwnProfile:
        """Return somebody's profile."""
        async with self._changes.open(organization):
            found = await self._keeper.session(organization, user).get(user_pb2.User, user)
        return OwnProfile(**{name: getattr(found, name) for name in _FIELDS})

    async def write(self, organization: str, user: str, profile: OwnProfile) -> None:
        """Keep it in place of the one before."""
        async with self._changes.open(organization):
            session = self._keeper.session(organization, user)
            await session.update(user_pb2.User(name=user, **asdict(profile)), paths=_FIELDS)
