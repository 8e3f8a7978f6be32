"""`tenon auth matrix` and `tenon auth permissions`: what there is to grant, and which roles grant it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenon.auth.v1 import permission_pb2
from tenon.auth.v1 import permission_service_pb2 as pb
from tenon.auth.v1.permission_service_pb2_grpc import PermissionServiceStub

from services.cli.commands.auth.command import Command, named, short
from services.cli.commands.auth.shown import Shown, show_table

if TYPE_CHECKING:
    import argparse

    from services.cli.commands.auth.caller import Auth


async def permissions(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """List permissions with the methods that ask for them."""
    request = pb.ListPermissionsRequest(service=arguments.service, permission=arguments.permission)
    found = list((await auth.call(PermissionServiceStub, "ListPermissions", request)).permissions)
    rows = [(each.name, " ".join(method.path.rpartition(".")[2] for method in each.methods)) for each in found]
    return show_table(("PERMISSION", "OPENS"), rows, found, nothing="There are no such permissions.")


async def matrix(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Show which role grants which permission, and by which pattern."""
    request = pb.GetRoleMatrixRequest(
        service=arguments.service,
        permission=arguments.permission,
        roles=[named("roles", role) for role in arguments.role],
    )
    found = await auth.call(PermissionServiceStub, "GetRoleMatrix", request)
    asked = permission_pb2.METHOD_ACCESS_KIND_PERMISSION
    names = sorted({method.detail for method in found.methods if method.kind == asked})
    rows = [(name, *(role.grants.get(name, "-") for role in found.roles)) for name in names]
    columns = ("PERMISSION", *(short(role.role) for role in found.roles))
    return show_table(columns, rows, found, nothing="There are no such permissions.")


def _add_which(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--service", default="", help="of which service, such as commerce")
    parser.add_argument("--permission", default="", metavar="PATTERN", help="which ones, such as commerce.products.*")


def _add_matrix(parser: argparse.ArgumentParser) -> None:
    _add_which(parser)
    parser.add_argument("--role", action="append", default=[], help="which roles; repeatable; all when left out")


COMMANDS = (
    Command(
        words="permissions",
        help="list the permissions that the running contracts ask for",
        run=permissions,
        arguments=_add_which,
    ),
    Command(
        words="matrix",
        help="show which role grants which permission, and by which pattern",
        run=matrix,
        arguments=_add_matrix,
    ),
)
