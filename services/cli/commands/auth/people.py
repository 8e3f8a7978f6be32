"""`tenon auth user`: people who sign in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.field_mask_pb2 import FieldMask
from tenon.auth.v1 import session_service_pb2, session_service_pb2_grpc, user_pb2
from tenon.auth.v1 import user_service_pb2 as pb
from tenon.auth.v1.user_service_pb2_grpc import UserServiceStub

from services.cli.commands.auth.command import Command, add_filter, add_roles, add_user, find_user, named, short
from services.cli.commands.auth.shown import Shown, show_fields, show_table, write_time

if TYPE_CHECKING:
    import argparse

    from services.cli.commands.auth.caller import Auth

SessionStub = session_service_pb2_grpc.SessionServiceStub

_ONCE = "shown this once, and kept nowhere"


async def create(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Make a user, and a password where one is wanted."""
    user = user_pb2.User(
        email=arguments.email,
        display_name=arguments.name,
        given_name=arguments.given_name,
        family_name=arguments.family_name,
        roles=[named("roles", role) for role in arguments.role],
    )
    made = await auth.call(UserServiceStub, "CreateUser", pb.CreateUserRequest(user=user))
    if not arguments.password:
        text = f"{made.name} has no password yet: they ask for one at /account/reset, or get one by reset-password."
        return Shown(text=text, value=made)
    reset = await auth.call(UserServiceStub, "ResetPassword", pb.ResetPasswordRequest(name=made.name))
    return _with_password(made, reset.password)


async def list_all(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """List users."""
    request = pb.ListUsersRequest(filter=arguments.filter)
    users = await auth.list(UserServiceStub, "ListUsers", request, "users")
    users.sort(key=lambda user: user.email)
    rows = [
        (user.name, user.email, user.display_name, " ".join(map(short, user.roles)), _state(user)) for user in users
    ]
    return show_table(("NAME", "EMAIL", "SHOWN AS", "ROLES", "STATE"), rows, users, nothing="There are no such users.")


async def show(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Show one user."""
    user = await find_user(auth, arguments.user)
    fields = (
        ("name", user.name),
        ("email", f"{user.email} ({'verified' if user.email_verified else 'not verified'})"),
        ("shown as", user.display_name),
        ("given name", user.given_name),
        ("family name", user.family_name),
        ("roles", " ".join(map(short, user.roles))),
        ("state", _state(user)),
        ("made", write_time(user, "create_time")),
        ("changed", write_time(user, "update_time")),
    )
    return show_fields(fields, user)


async def disable(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Let a user no longer sign in."""
    return await _set_disabled(auth, arguments.user, disabled=True)


async def enable(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Let a user sign in again."""
    return await _set_disabled(auth, arguments.user, disabled=False)


async def delete(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Delete a user."""
    user = await find_user(auth, arguments.user)
    await auth.call(UserServiceStub, "DeleteUser", pb.DeleteUserRequest(name=user.name, etag=user.etag))
    return Shown(text=f"Deleted {user.name} ({user.email}).", value={"name": user.name})


async def reset_password(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Give a user a new password."""
    user = await find_user(auth, arguments.user)
    reset = await auth.call(UserServiceStub, "ResetPassword", pb.ResetPasswordRequest(name=user.name))
    return _with_password(user, reset.password)


async def sessions(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """List where a user is signed in."""
    user = await find_user(auth, arguments.user)
    request = session_service_pb2.ListUserSessionsRequest(user=user.name)
    found = list((await auth.call(SessionStub, "ListUserSessions", request)).sessions)
    rows = [
        (each.name, each.address, each.acr, " ".join(each.amr), write_time(each, "use_time"), each.agent)
        for each in found
    ]
    columns = ("NAME", "ADDRESS", "LEVEL", "BY", "LAST USED", "AGENT")
    return show_table(columns, rows, found, nothing=f"{user.email} is signed in nowhere.")


async def end_sessions(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Sign a user out everywhere."""
    user = await find_user(auth, arguments.user)
    request = session_service_pb2.EndUserSessionsRequest(user=user.name)
    ended = await auth.call(SessionStub, "EndUserSessions", request)
    return Shown(text=f"Ended {ended.ended} sessions of {user.email}.", value=ended)


async def _set_disabled(auth: Auth, text: str, *, disabled: bool) -> Shown:
    found = await find_user(auth, text)
    change = user_pb2.User(name=found.name, disabled=disabled)
    request = pb.UpdateUserRequest(user=change, update_mask=FieldMask(paths=["disabled"]))
    user = await auth.call(UserServiceStub, "UpdateUser", request)
    said = "may not sign in any more, and is signed out everywhere" if disabled else "may sign in again"
    return Shown(text=f"{user.email} {said}.", value=user)


def _with_password(user: user_pb2.User, password: str) -> Shown:
    value = {"name": user.name, "email": user.email, "password": password}
    return show_fields((*value.items(), ("", f"(the password is {_ONCE})")), value)


def _state(user: user_pb2.User) -> str:
    return "disabled" if user.disabled else "active"


def _add_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("email", metavar="EMAIL", help="the address that they sign in with")
    parser.add_argument("--name", default="", help="the name that is shown to people")
    parser.add_argument("--given-name", default="", help="the given names")
    parser.add_argument("--family-name", default="", help="the family name")
    parser.add_argument("--password", action="store_true", help="make a random password and print it once")
    add_roles(parser)


COMMANDS = (
    Command(words="user create", help="make a user", run=create, arguments=_add_create),
    Command(words="user list", help="list users", run=list_all, arguments=add_filter),
    Command(words="user show", help="show a user", run=show, arguments=add_user),
    Command(words="user disable", help="let a user no longer sign in", run=disable, arguments=add_user),
    Command(words="user enable", help="let a user sign in again", run=enable, arguments=add_user),
    Command(
        words="user delete",
        help="delete a user for good",
        run=delete,
        arguments=add_user,
        asks="Delete {user} with the password, all sessions and all that auth keeps of them?",
    ),
    Command(
        words="user reset-password",
        help="give a user a new random password, and end their sessions",
        run=reset_password,
        arguments=add_user,
        asks="Replace the password of {user}, and sign them out everywhere?",
    ),
    Command(words="user sessions", help="list where a user is signed in", run=sessions, arguments=add_user),
    Command(
        words="user end-sessions",
        help="sign a user out everywhere",
        run=end_sessions,
        arguments=add_user,
        asks="Sign {user} out everywhere?",
    ),
)
