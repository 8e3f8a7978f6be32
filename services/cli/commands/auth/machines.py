"""`tenon auth service-account` and `tenon auth key`: machines, and the keys by which they act."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenon.auth.v1 import api_key_pb2, api_key_service_pb2, role_service_pb2, service_account_pb2
from tenon.auth.v1 import service_account_service_pb2 as pb
from tenon.auth.v1.api_key_service_pb2_grpc import ApiKeyServiceStub
from tenon.auth.v1.role_service_pb2_grpc import RoleServiceStub
from tenon.auth.v1.service_account_service_pb2_grpc import ServiceAccountServiceStub

from services.cli.commands.auth.clients import in_days
from services.cli.commands.auth.command import Command, add_filter, add_roles, find_user, named, short
from services.cli.commands.auth.shown import Shown, show_fields, show_table, write_time
from services.cli.errors import CommandError

if TYPE_CHECKING:
    import argparse

    from services.cli.commands.auth.caller import Auth


async def create_account(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Make a service account."""
    account = service_account_pb2.ServiceAccount(
        display_name=arguments.name,
        description=arguments.description,
        roles=[named("roles", role) for role in arguments.role],
        workload=arguments.workload,
    )
    request = pb.CreateServiceAccountRequest(service_account=account)
    made = await auth.call(ServiceAccountServiceStub, "CreateServiceAccount", request)
    return Shown(text=f"Made {made.name}. `tenon auth key create {made.name}` gives it a key.", value=made)


async def list_accounts(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """List service accounts."""
    request = pb.ListServiceAccountsRequest(filter=arguments.filter)
    found = await auth.list(ServiceAccountServiceStub, "ListServiceAccounts", request, "service_accounts")
    rows = [
        (
            each.name,
            each.display_name,
            " ".join(map(short, each.roles)),
            each.workload,
            "disabled" if each.disabled else "active",
        )
        for each in found
    ]
    columns = ("NAME", "SHOWN AS", "ROLES", "WORKLOAD", "STATE")
    return show_table(columns, rows, found, nothing="There are no such service accounts.")


async def delete_account(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Delete a service account."""
    name = named("serviceAccounts", arguments.account)
    request = pb.DeleteServiceAccountRequest(name=name)
    await auth.call(ServiceAccountServiceStub, "DeleteServiceAccount", request)
    return Shown(text=f"Deleted {name} with its keys and tokens.", value={"name": name})


async def create_key(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Make a key and print it once."""
    owner = named("serviceAccounts", arguments.owner)
    scopes = arguments.scope or await _held_by(auth, owner)
    key = api_key_pb2.ApiKey(owner=owner, display_name=arguments.name, scopes=scopes)
    if arguments.days:
        key.expire_time.CopyFrom(in_days(arguments.days))
    request = api_key_service_pb2.CreateApiKeyRequest(api_key=key)
    made = await auth.call(ApiKeyServiceStub, "CreateApiKey", request)
    value = {"name": made.name, "owner": made.owner, "scopes": list(made.scopes), "key": made.text}
    fields = (("name", made.name), ("owner", made.owner), ("opens", " ".join(made.scopes)), ("key", made.text))
    said = ("", "(the key is shown this once, and kept nowhere; send it as x-api-key)")
    return show_fields((*fields, said), value)


async def list_keys(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """List keys."""
    owner = arguments.owner
    if "@" in owner:
        owner = (await find_user(auth, owner)).name
    elif owner and "/" not in owner:
        owner = named("serviceAccounts", owner)
    request = api_key_service_pb2.ListApiKeysRequest(owner=owner)
    keys = await auth.list(ApiKeyServiceStub, "ListApiKeys", request, "api_keys")
    rows = [
        (
            key.name,
            key.owner,
            key.display_name,
            " ".join(key.scopes),
            _state(key),
            write_time(key, "last_use_time") or "never",
        )
        for key in keys
    ]
    columns = ("NAME", "OWNER", "SHOWN AS", "OPENS", "STATE", "LAST USED")
    return show_table(columns, rows, keys, nothing="There are no such keys.")


async def revoke_key(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """End a key."""
    name = named("apiKeys", arguments.key)
    request = api_key_service_pb2.RevokeApiKeyRequest(name=name)
    ended = await auth.call(ApiKeyServiceStub, "RevokeApiKey", request)
    return Shown(text=f"Revoked {name}, which opens nothing in five seconds.", value=ended.api_key)


async def _held_by(auth: Auth, account: str) -> list[str]:
    """Return what the roles of a service account grant."""
    request = pb.GetServiceAccountRequest(name=account)
    found = await auth.call(ServiceAccountServiceStub, "GetServiceAccount", request)
    held: dict[str, None] = {}
    for role in found.roles:
        granted = await auth.call(RoleServiceStub, "GetRole", role_service_pb2.GetRoleRequest(name=role))
        held |= dict.fromkeys(granted.permissions)
    if not held:
        raise CommandError(
            f"{account} has no role.", mend=f"`tenon auth role grant {account} ROLE`, or name a --scope."
        )
    return list(held)


def _state(key: api_key_pb2.ApiKey) -> str:
    if key.HasField("revoke_time"):
        return "revoked"
    until = write_time(key, "expire_time")
    return f"until {until}" if until else "active"


def _add_account_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the name that is shown to people, such as 'nightly import'")
    parser.add_argument("--description", default="", help="what it is for, and whom to ask about it")
    parser.add_argument("--workload", default="", help="the service of the mesh that may act as it, such as commerce")
    add_roles(parser)


def _add_account(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("account", metavar="ACCOUNT", help="the name serviceAccounts/…")


def _add_key_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("owner", metavar="ACCOUNT", help="as whom the key acts: serviceAccounts/…")
    parser.add_argument("--name", default="", help="the name that is shown to people")
    parser.add_argument(
        "--scope",
        action="append",
        default=[],
        metavar="PATTERN",
        help="what it opens, such as commerce.products.*; repeatable; what its roles grant when left out",
    )
    parser.add_argument("--days", type=int, default=0, help="for how many days it is good; for ever when left out")


def _add_key_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--owner", default="", help="whose: a service account, or a user's address or name")


def _add_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="the name apiKeys/…, never the key's own text")


COMMANDS = (
    Command(
        words="service-account create",
        help="make somebody who acts and is no person",
        run=create_account,
        arguments=_add_account_create,
    ),
    Command(words="service-account list", help="list service accounts", run=list_accounts, arguments=add_filter),
    Command(
        words="service-account delete",
        help="delete a service account with its keys and tokens",
        run=delete_account,
        arguments=_add_account,
        asks="Delete {account} with all its keys and tokens?",
    ),
    Command(
        words="key create",
        help="make an API key for a service account, and print it once",
        run=create_key,
        arguments=_add_key_create,
    ),
    Command(words="key list", help="list API keys", run=list_keys, arguments=_add_key_list),
    Command(
        words="key revoke",
        help="end an API key",
        run=revoke_key,
        arguments=_add_key,
        asks="Revoke the API key {key}?",
    ),
)
