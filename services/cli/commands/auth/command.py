"""What a sub-command is made of, and the arguments that several of them take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from tenon.auth.v1 import user_service_pb2, user_service_pb2_grpc

from services.cli.errors import CommandError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from tenon.auth.v1 import user_pb2

    from services.cli.commands.auth.caller import Auth
    from services.cli.commands.auth.shown import Shown

Run: TypeAlias = "Callable[[Auth, argparse.Namespace], Awaitable[Shown]]"
"""What a sub-command does."""


def _none(_: argparse.ArgumentParser) -> None:
    """Add no arguments."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One sub-command."""

    words: str
    """What one types for it, such as `user create`."""
    help: str
    """What it does, in a line."""
    run: Run
    """Does it."""
    arguments: Callable[[argparse.ArgumentParser], None] = _none
    """Adds its arguments."""
    asks: str | Callable[[argparse.Namespace], str] = ""
    """What is asked before it is done, where it cannot be undone: with arguments in braces, or made of them."""
    more: str = ""
    """What else its help says."""

    def question(self, arguments: argparse.Namespace) -> str:
        """Return what is asked before it is done, or nothing."""
        return self.asks(arguments) if callable(self.asks) else self.asks.format(**vars(arguments))


def named(kind: str, text: str) -> str:
    """Return the name of a record: `roles/clerk` for `clerk`, and for `roles/clerk` too."""
    return text if text.startswith(f"{kind}/") else f"{kind}/{text}"


def short(name: str) -> str:
    """Return the last segment of a name."""
    return name.rpartition("/")[2]


def add_user(parser: argparse.ArgumentParser) -> None:
    """Take a user."""
    parser.add_argument("user", metavar="USER", help="the address, or the name users/…")


def add_roles(parser: argparse.ArgumentParser) -> None:
    """Take roles that are given."""
    parser.add_argument(
        "--role", action="append", default=[], metavar="ROLE", help="a role that is given, such as clerk; repeatable"
    )


def add_filter(parser: argparse.ArgumentParser) -> None:
    """Take a filter."""
    parser.add_argument("--filter", default="", help="which ones (AIP-160), such as 'disabled = true'")


async def find_user(auth: Auth, text: str) -> user_pb2.User:
    """Return a user by the address or the name. Raises CommandError where there is none."""
    stub = user_service_pb2_grpc.UserServiceStub
    if "@" not in text:
        found: user_pb2.User = await auth.call(
            stub, "GetUser", user_service_pb2.GetUserRequest(name=named("users", text))
        )
        return found
    # Addresses are in no filter, since filters are in logs: so all are read, until it is found.
    address = text.strip().lower()
    request = user_service_pb2.ListUsersRequest()
    async for user in auth.each(stub, "ListUsers", request, "users"):
        if user.email == address:
            return cast("user_pb2.User", user)
    raise CommandError(f"No user has the address {text}.", mend="`tenon auth user list` shows who there is.")
