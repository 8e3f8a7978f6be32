"""`tenon auth role`: named sets of permissions, and who has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.field_mask_pb2 import FieldMask
from tenon.auth.v1 import role_pb2, service_account_pb2, user_pb2
from tenon.auth.v1 import role_service_pb2 as pb
from tenon.auth.v1.role_service_pb2_grpc import RoleServiceStub
from tenon.auth.v1.service_account_service_pb2 import GetServiceAccountRequest, UpdateServiceAccountRequest
from tenon.auth.v1.service_account_service_pb2_grpc import ServiceAccountServiceStub
from tenon.auth.v1.user_service_pb2 import UpdateUserRequest
from tenon.auth.v1.user_service_pb2_grpc import UserServiceStub

from services.cli.commands.auth.command import Command, add_filter, find_user, named, short
from services.cli.commands.auth.shown import Shown, show_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from services.cli.commands.auth.caller import Auth


async def create(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Make a role."""
    role = role_pb2.Role(
        display_name=arguments.name, description=arguments.description, permissions=arguments.permission
    )
    request = pb.CreateRoleRequest(role=role, role_id=short(arguments.role))
    made = await auth.call(RoleServiceStub, "CreateRole", request)
    return Shown(text=f"Made {made.name}, which grants {' '.join(made.permissions) or 'nothing'}.", value=made)


async def list_all(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """List roles."""
    request = pb.ListRolesRequest(filter=arguments.filter)
    roles = await auth.list(RoleServiceStub, "ListRoles", request, "roles")
    rows = [(short(role.name), role.display_name, " ".join(role.permissions)) for role in roles]
    return show_table(("ROLE", "SHOWN AS", "GRANTS"), rows, roles, nothing="There are no such roles.")


async def delete(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Delete a role that nobody has."""
    name = named("roles", arguments.role)
    await auth.call(RoleServiceStub, "DeleteRole", pb.DeleteRoleRequest(name=name))
    return Shown(text=f"Deleted {name}.", value={"name": name})


async def grant(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Give roles to somebody."""
    who = await _find(auth, arguments.who)
    wanted = [named("roles", role) for role in arguments.role]
    return await _set_roles(auth, who, [*who.roles, *(role for role in wanted if role not in who.roles)])


async def revoke(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Take roles from somebody."""
    who = await _find(auth, arguments.who)
    taken = {named("roles", role) for role in arguments.role}
    return await _set_roles(auth, who, [role for role in who.roles if role not in taken])


async def _find(auth: Auth, text: str) -> Any:
    if text.startswith("serviceAccounts/"):
        return await auth.call(ServiceAccountServiceStub, "GetServiceAccount", GetServiceAccountRequest(name=text))
    return await find_user(auth, text)


async def _set_roles(auth: Auth, who: Any, roles: Sequence[str]) -> Shown:
    mask = FieldMask(paths=["roles"])
    # The etag refuses the change where somebody else has changed the roles meanwhile.
    if isinstance(who, user_pb2.User):
        user = user_pb2.User(name=who.name, etag=who.etag, roles=roles)
        found = await auth.call(UserServiceStub, "UpdateUser", UpdateUserRequest(user=user, update_mask=mask))
    else:
        account = service_account_pb2.ServiceAccount(name=who.name, etag=who.etag, roles=roles)
        request = UpdateServiceAccountRequest(service_account=account, update_mask=mask)
        found = await auth.call(ServiceAccountServiceStub, "UpdateServiceAccount", request)
    said = " ".join(map(short, found.roles)) or "no roles"
    return Shown(text=f"{found.name} has {said}. Tokens that say otherwise are good for five seconds yet.", value=found)


def _add_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("role", metavar="ROLE", help="its id, such as clerk")
    parser.add_argument(
        "--permission",
        action="append",
        default=[],
        metavar="PATTERN",
        help="what it grants, such as commerce.products.get, commerce.products.* or commerce.*; repeatable",
    )
    parser.add_argument("--name", default="", help="the name that is shown to people")
    parser.add_argument("--description", default="", help="what it is for")


def _add_role(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("role", metavar="ROLE", help="its id, such as clerk")


def _add_who(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("who", metavar="WHO", help="a user's address or name, or serviceAccounts/…")
    parser.add_argument("role", metavar="ROLE", nargs="+", help="roles, such as clerk")


COMMANDS = (
    Command(
        words="role create",
        help="make a role",
        run=create,
        arguments=_add_create,
        more="`tenon auth permissions` lists what there is to grant.",
    ),
    Command(words="role list", help="list roles and what they grant", run=list_all, arguments=add_filter),
    Command(words="role grant", help="give roles to a user or a service account", run=grant, arguments=_add_who),
    Command(words="role revoke", help="take roles from a user or a service account", run=revoke, arguments=_add_who),
    Command(
        words="role delete",
        help="delete a role that nobody has",
        run=delete,
        arguments=_add_role,
        asks="Delete the role {role}?",
    ),
)
