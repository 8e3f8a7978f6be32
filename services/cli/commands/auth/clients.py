"""`tenon auth client`: programs that people and organizations let act for them, by OAuth 2.1 and OpenID Connect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp
from tenon.auth.v1 import client_pb2
from tenon.auth.v1 import client_service_pb2 as pb
from tenon.auth.v1.client_service_pb2_grpc import ClientServiceStub

from services.cli.commands.auth.command import Command, add_filter, named, short
from services.cli.commands.auth.shown import Shown, show_fields, show_table, write_time

if TYPE_CHECKING:
    import argparse

    from services.cli.commands.auth.caller import Auth

GRANTS = {
    "code": "authorization_code",
    "refresh": "refresh_token",
    "client-credentials": "client_credentials",
    "device": "urn:ietf:params:oauth:grant-type:device_code",
    "token-exchange": "urn:ietf:params:oauth:grant-type:token-exchange",
}
"""How clients ask for tokens, by the words that are short to type."""

PEOPLE = ("openid", "profile", "email", "offline_access")
"""What a client that signs people in may ask for, where nothing else is said."""


async def create(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Register a client, and make its first secret."""
    machine = bool(arguments.service_account)
    words = arguments.grant or (["client-credentials"] if machine else ["code", "refresh"])
    client = client_pb2.Client(
        display_name=arguments.name,
        redirect_uris=arguments.redirect_uri,
        post_logout_redirect_uris=arguments.post_logout_redirect_uri,
        grant_types=[GRANTS[word] for word in words],
        token_endpoint_auth_method="none" if arguments.public else "",
        scopes=arguments.scope or (() if machine else PEOPLE),
        first_party=arguments.first_party,
        service_account=named("serviceAccounts", arguments.service_account) if machine else "",
    )
    made = await auth.call(ClientServiceStub, "CreateClient", pb.CreateClientRequest(client=client))
    value = {"name": made.name, "client_id": short(made.name)}
    if arguments.public:
        return show_fields((*value.items(), ("", "(it is public: it proves itself by PKCE and has no secret)")), value)
    added = await auth.call(ClientServiceStub, "AddClientSecret", pb.AddClientSecretRequest(name=made.name))
    return _with_secret(value, added)


async def list_all(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """List clients."""
    clients = await auth.list(
        ClientServiceStub, "ListClients", pb.ListClientsRequest(filter=arguments.filter), "clients"
    )
    words = {grant: word for word, grant in GRANTS.items()}
    rows = [
        (
            short(client.name),
            client.display_name,
            " ".join(words.get(grant, grant) for grant in client.grant_types),
            " ".join(client.scopes),
            "disabled" if client.disabled else "active",
        )
        for client in clients
    ]
    columns = ("CLIENT ID", "SHOWN AS", "GRANTS", "SCOPES", "STATE")
    return show_table(columns, rows, clients, nothing="There are no such clients.")


async def delete(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Delete a client."""
    name = named("clients", arguments.client)
    await auth.call(ClientServiceStub, "DeleteClient", pb.DeleteClientRequest(name=name))
    return Shown(text=f"Deleted {name} with its secrets and tokens.", value={"name": name})


async def add_secret(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Make another secret."""
    request = pb.AddClientSecretRequest(name=named("clients", arguments.client))
    if arguments.days:
        request.expire_time.CopyFrom(in_days(arguments.days))
    added = await auth.call(ClientServiceStub, "AddClientSecret", request)
    return _with_secret({"client_id": short(request.name)}, added)


async def list_secrets(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """List what may be known of a client's secrets."""
    request = pb.DescribeClientSecretsRequest(name=named("clients", arguments.client))
    secrets = list((await auth.call(ClientServiceStub, "DescribeClientSecrets", request)).secrets)
    rows = [(each.id, write_time(each, "create_time"), write_time(each, "expire_time") or "never") for each in secrets]
    return show_table(("SECRET", "MADE", "EXPIRES"), rows, secrets, nothing="The client has no secrets.")


async def remove_secret(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Remove a secret."""
    request = pb.RemoveClientSecretRequest(name=named("clients", arguments.client), secret=arguments.secret)
    await auth.call(ClientServiceStub, "RemoveClientSecret", request)
    text = f"Removed the secret {arguments.secret}, which opens nothing in two seconds."
    return Shown(text=text, value={"name": request.name, "secret": arguments.secret})


def in_days(days: int) -> Timestamp:
    """Return the time in so many days."""
    made = Timestamp()
    made.FromDatetime(datetime.now(UTC) + timedelta(days=days))
    return made


def _with_secret(value: dict[str, str], added: pb.AddClientSecretResponse) -> Shown:
    told = {**value, "secret_id": added.secret.id, "client_secret": added.client_secret}
    return show_fields((*told.items(), ("", "(the secret is shown this once, and kept nowhere)")), told)


def _add_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the name that people see when they are asked for their consent")
    parser.add_argument(
        "--redirect-uri",
        action="append",
        default=[],
        metavar="URI",
        help="where people are sent back to; repeatable, compared to the letter",
    )
    parser.add_argument(
        "--post-logout-redirect-uri", action="append", default=[], metavar="URI", help="where after signing out"
    )
    parser.add_argument(
        "--grant", action="append", default=[], choices=tuple(GRANTS), help="how it asks for tokens; repeatable"
    )
    parser.add_argument(
        "--scope", action="append", default=[], help=f"what it may ask for; repeatable ({' '.join(PEOPLE)})"
    )
    parser.add_argument("--public", action="store_true", help="it can keep no secret: an app, or a page in the browser")
    parser.add_argument("--first-party", action="store_true", help="it is yours: nobody is asked for consent")
    parser.add_argument(
        "--service-account", default="", metavar="ACCOUNT", help="it acts by itself, as this service account"
    )


def _add_client(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("client", metavar="CLIENT", help="the client_id, or the name clients/…")


def _add_secret_add(parser: argparse.ArgumentParser) -> None:
    _add_client(parser)
    parser.add_argument("--days", type=int, default=0, help="for how many days it is good; for ever when left out")


def _add_secret_remove(parser: argparse.ArgumentParser) -> None:
    _add_client(parser)
    parser.add_argument("secret", metavar="SECRET", help="its id, as `client secret list` shows it")


COMMANDS = (
    Command(
        words="client create",
        help="register a client, and print its id and its secret once",
        run=create,
        arguments=_add_create,
        more="Without --grant it signs people in (code and refresh), or with --service-account acts by itself.",
    ),
    Command(words="client list", help="list clients", run=list_all, arguments=add_filter),
    Command(
        words="client delete",
        help="delete a client with its secrets and tokens",
        run=delete,
        arguments=_add_client,
        asks="Delete the client {client}, and take back all its tokens?",
    ),
    Command(
        words="client secret add",
        help="make another secret; earlier ones stay good",
        run=add_secret,
        arguments=_add_secret_add,
    ),
    Command(words="client secret list", help="list a client's secrets", run=list_secrets, arguments=_add_client),
    Command(
        words="client secret remove",
        help="remove a secret",
        run=remove_secret,
        arguments=_add_secret_remove,
        asks="Remove the secret {secret} of the client {client}?",
    ),
)
