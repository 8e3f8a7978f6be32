"""`tenon auth organization` and `tenon auth invitation`: tenants, and who is asked to join them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenon.auth.v1 import invitation_pb2, invitation_service_pb2, organization_pb2
from tenon.auth.v1 import organization_service_pb2 as pb
from tenon.auth.v1.invitation_service_pb2_grpc import InvitationServiceStub
from tenon.auth.v1.organization_service_pb2_grpc import OrganizationServiceStub

from services.cli.commands.auth.command import Command, add_filter, add_roles, named, short
from services.cli.commands.auth.shown import Shown, show_table, write_time

if TYPE_CHECKING:
    import argparse

    from services.cli.commands.auth.caller import Auth


async def create(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Make an organization."""
    organization = organization_pb2.Organization(
        display_name=arguments.name,
        administrator_email=arguments.administrator,
        require_second_factor=arguments.require_second_factor,
        allowed_email_domains=arguments.email_domain,
    )
    identifier = short(arguments.id)
    request = pb.CreateOrganizationRequest(organization=organization, organization_id=identifier)
    made = await auth.call(OrganizationServiceStub, "CreateOrganization", request)
    then = f"{arguments.administrator} is invited" if arguments.administrator else "you administer it"
    text = f"Made {made.name}: {then}. `tenon auth … --organization {identifier}` acts in it."
    return Shown(text=text, value=made)


async def list_all(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """List organizations."""
    request = pb.ListOrganizationsRequest(filter=arguments.filter)
    found = await auth.list(OrganizationServiceStub, "ListOrganizations", request, "organizations")
    rows = [
        (
            short(each.name),
            each.display_name,
            "required" if each.require_second_factor else "",
            "disabled" if each.disabled else "active",
        )
        for each in found
    ]
    columns = ("ID", "SHOWN AS", "SECOND FACTOR", "STATE")
    return show_table(columns, rows, found, nothing="There are no such organizations.")


async def invite(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Invite somebody by mail."""
    invitation = invitation_pb2.Invitation(
        email=arguments.email, roles=[named("roles", role) for role in arguments.role]
    )
    request = invitation_service_pb2.CreateInvitationRequest(invitation=invitation)
    made = await auth.call(InvitationServiceStub, "CreateInvitation", request)
    text = f"Invited {made.email} until {write_time(made, 'expire_time')}. The mail holds a link that works once."
    return Shown(text=text, value=made)


async def list_invitations(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """List invitations."""
    request = invitation_service_pb2.ListInvitationsRequest(filter=arguments.filter)
    found = await auth.list(InvitationServiceStub, "ListInvitations", request, "invitations")
    rows = [
        (
            each.name,
            each.email,
            " ".join(map(short, each.roles)),
            invitation_pb2.InvitationState.Name(each.state).removeprefix("INVITATION_STATE_").lower(),
            write_time(each, "expire_time"),
        )
        for each in found
    ]
    columns = ("NAME", "EMAIL", "ROLES", "STATE", "UNTIL")
    return show_table(columns, rows, found, nothing="There are no such invitations.")


def _add_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="lower-case letters, digits and hyphens, such as acme")
    parser.add_argument("--name", default="", help="the name that is shown to people")
    parser.add_argument(
        "--administrator", default="", metavar="EMAIL", help="who is invited as the first administrator"
    )
    parser.add_argument("--require-second-factor", action="store_true", help="nobody acts in it by a password alone")
    parser.add_argument(
        "--email-domain", action="append", default=[], metavar="DOMAIN", help="its people's addresses; repeatable"
    )


def _add_invite(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("email", metavar="EMAIL", help="the address that is invited")
    add_roles(parser)


COMMANDS = (
    Command(words="organization create", help="make an organization", run=create, arguments=_add_create),
    Command(words="organization list", help="list organizations", run=list_all, arguments=add_filter),
    Command(
        words="invitation create",
        help="invite somebody by mail to the organization",
        run=invite,
        arguments=_add_invite,
        more="Without a mail server the mail lies in .tenon/mail.",
    ),
    Command(words="invitation list", help="list invitations", run=list_invitations, arguments=add_filter),
)
