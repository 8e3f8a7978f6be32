"""Makes records of users who come from another system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenon.auth.v1 import user_pb2

from services.auth.domain.accounts import normalize_email

if TYPE_CHECKING:
    from services.auth.domain.adoption import Newcomer
    from services.auth.storage.addresses import SqlVerifiedAddresses
    from services.auth.storage.keeping import RecordKeeper


class RecordNewcomers:
    """Users through the record engine (port `Newcomers`), so that they are like any other, events included."""

    def __init__(self, keeper: RecordKeeper, addresses: SqlVerifiedAddresses) -> None:
        """Take what makes records, and what keeps verified addresses."""
        self._keeper = keeper
        self._addresses = addresses

    async def add(self, organization: str, actor: str, newcomer: Newcomer) -> str:
        """Make a user and return the name."""
        made = user_pb2.User(
            email=normalize_email(newcomer.email),
            roles=newcomer.roles,
            disabled=newcomer.disabled,
            metadata=newcomer.metadata,
        )
        for name, value in newcomer.profile.items():
            setattr(made, name, value)
        await self._keeper.session(organization, actor).create(made)
        return made.name

    async def verify(self, organization: str, user: str, email: str) -> bool:
        """Keep that the address is the user's."""
        return await self._addresses.verify(organization, user, email)
