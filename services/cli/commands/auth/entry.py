"""Reads what is typed after `tenon auth`, asks before what cannot be undone, and does it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.cli.commands.auth import (
    access,
    audit,
    clients,
    importing,
    machines,
    organizations,
    people,
    roles,
    signing_keys,
)
from services.cli.commands.auth.caller import open_auth
from services.cli.commands.auth.shown import render
from services.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Any, TypeAlias

    from services.cli.commands.auth.caller import Auth
    from services.cli.commands.auth.command import Command
    from services.cli.settings import Settings

    Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name
    Open: TypeAlias = "Callable[[str], AbstractAsyncContextManager[Auth]]"

COMMANDS: tuple[Command, ...] = (
    *people.COMMANDS,
    *roles.COMMANDS,
    *organizations.COMMANDS,
    *clients.COMMANDS,
    *machines.COMMANDS,
    *access.COMMANDS,
    *audit.COMMANDS,
    *signing_keys.COMMANDS,
    *importing.COMMANDS,
)
"""Everything that `tenon auth` does."""

GROUPS = {
    "user": "people who sign in",
    "role": "named sets of permissions, and who has them",
    "organization": "tenants: each has people, roles and data of its own",
    "invitation": "who is asked to join an organization",
    "client": "programs that people let act for them (OAuth 2.1, OpenID Connect)",
    "client secret": "the secrets by which a client proves who it is",
    "service-account": "machines that act",
    "key": "API keys, by which machines act",
    "audit": "who did what",
    "keys": "the keys that sign tokens",
}
"""What the first words are about."""

NO = 1
"""The exit code where somebody has said no."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terminal:
    """The person at the terminal."""

    write: Callable[[str], Any] = field(default_factory=lambda: sys.stdout.write)
    """Shows."""
    ask: Callable[[str], str] = input
    """Asks, and returns what was typed."""
    listens: Callable[[], bool] = field(default_factory=lambda: sys.stdin.isatty)
    """Whether there is a person."""


def run_auth(settings: Callable[[], Settings], argv: Sequence[str]) -> int:
    """Do what is typed after `tenon auth` on the stack that runs. Raises CommandError."""
    return run(argv, lambda organization: open_auth(settings(), organization), Terminal())


def run(argv: Sequence[str], open_: Open, terminal: Terminal) -> int:
    """Do what is typed; `open_` opens auth in an organization. Raises CommandError."""
    arguments = make_parser().parse_args(argv)
    command: Command = arguments.chosen
    question = command.question(arguments)
    if question and not arguments.yes and not _agrees(question, terminal):
        terminal.write("Nothing was done.\n")
        return NO
    return asyncio.run(_run(command, arguments, open_, terminal))


async def _run(command: Command, arguments: argparse.Namespace, open_: Open, terminal: Terminal) -> int:
    async with open_(arguments.organization) as auth:
        shown = await command.run(auth, arguments)
    terminal.write(render(shown, as_json=arguments.json))
    return shown.code


def make_parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = argparse.ArgumentParser(
        prog="tenon auth",
        description="Administers people, roles, clients, keys and organizations of the stack that runs here, as the "
        "bootstrap administrator.",
    )
    groups: dict[tuple[str, ...], Subparsers] = {(): parser.add_subparsers(required=True, metavar="WHAT")}
    for command in COMMANDS:
        *group, last = command.words.split()
        _add_command(_group_of(tuple(group), groups), last, command)
    return parser


def _group_of(words: tuple[str, ...], groups: dict[tuple[str, ...], Subparsers]) -> Subparsers:
    if words not in groups:
        said = GROUPS[" ".join(words)]
        parser = _group_of(words[:-1], groups).add_parser(words[-1], help=said, description=f"{said.capitalize()}.")
        groups[words] = parser.add_subparsers(required=True, metavar="ACTION")
    return groups[words]


def _add_command(into: Subparsers, word: str, command: Command) -> None:
    said = f"{command.help[0].upper()}{command.help[1:]}."
    parser = into.add_parser(
        word,
        help=command.help,
        description=f"{said}\n\n{command.more}".strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.arguments(parser)
    parser.add_argument(
        "--organization", default="", metavar="ID", help="the organization that it is done in; `default` when left out"
    )
    parser.add_argument("--json", action="store_true", help="answer as JSON, for programs")
    if command.asks:
        parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(chosen=command)


def _agrees(question: str, terminal: Terminal) -> bool:
    if not terminal.listens():
        raise CommandError(f"{question} Nobody is there to ask.", mend="say --yes.")
    return terminal.ask(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
