"""Every permission that the running contract asks for, and which roles hold which by which pattern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.permissions import covering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodRule:
    """What the contract says of one RPC."""

    path: str
    """`/package.Service/Method`."""
    service: str
    """Full name of its service."""
    host: str
    """The process that serves it."""
    access: str
    """`public`, `authenticated`, `permission` or `internal`."""
    detail: str
    """The reason, the permission, or the callers, separated by commas."""
    doors: tuple[str, ...] = ()
    """Its REST doors, such as `GET /auth/v1/users`."""
    acr: str = ""
    """The level of assurance that a caller needs, or nothing."""
    max_age: float = 0.0
    """Seconds since the caller last signed in, at most; zero for no limit."""

    @property
    def permission(self) -> str:
        """The permission that it asks for, or nothing."""
        return self.detail if self.access == "permission" else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which part of the catalogue is meant; what is empty counts for nothing."""

    service: str = ""
    """The first part of permissions, or the process that serves a method."""
    permission: str = ""
    """A permission or a pattern that covers those that are meant."""
    method: str = ""
    """A part of the paths of methods."""


class RoleBook(Protocol):
    """Reads roles."""

    async def list_roles(self, organization: str) -> Sequence[tuple[str, str, frozenset[str]]]:
        """Return name, shown name and patterns of all roles, by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleRow:
    """What one role may call."""

    role: str
    """Its name."""
    display_name: str
    """The name that is shown."""
    grants: Mapping[str, str]
    """For each permission that it holds, the pattern that decides it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalogue:
    """The permissions of the running contract."""

    rules: Callable[[], Sequence[MethodRule]]
    """What the contract says just now."""
    roles: RoleBook
    """Reads roles."""

    def list_methods(self, selection: Selection) -> list[MethodRule]:
        """Return the methods that are meant, by path."""
        return sorted((one for one in self.rules() if _matches(one, selection)), key=lambda one: one.path)

    def list_permissions(self, selection: Selection) -> dict[str, list[MethodRule]]:
        """Return the permissions that are meant, in order, each with the methods that ask for it."""
        found: dict[str, list[MethodRule]] = {}
        for one in self.list_methods(selection):
            if one.permission:
                found.setdefault(one.permission, []).append(one)
        return dict(sorted(found.items()))

    async def list_roles(
        self, organization: str, selection: Selection, only: Iterable[str]
    ) -> tuple[list[MethodRule], list[RoleRow]]:
        """Return the methods that are meant and, for each role or those named in `only`, what it holds of them."""
        methods, wanted = self.list_methods(selection), set(only)
        permissions = sorted({one.permission for one in methods if one.permission})
        rows = [
            RoleRow(role=name, display_name=shown, grants=_grants(permissions, patterns))
            for name, shown, patterns in await self.roles.list_roles(organization)
            if not wanted or name in wanted
        ]
        return methods, rows


def deciding_pattern(permission: str, patterns: Iterable[str]) -> str:
    """Return the narrowest of the patterns that covers a permission, or nothing."""
    held = set(patterns)
    return next((pattern for pattern in covering(permission) if pattern in held), "")


def _grants(permissions: Iterable[str], patterns: frozenset[str]) -> dict[str, str]:
    return {permission: deciding for permission in permissions if (deciding := deciding_pattern(permission, patterns))}


def _matches(one: MethodRule, selection: Selection) -> bool:
    if selection.method and selection.method not in one.path:
        return False
    if selection.service and selection.service not in {one.host, one.permission.split(".")[0]}:
        return False
    return not selection.permission or (bool(one.permission) and selection.permission in covering(one.permission))
