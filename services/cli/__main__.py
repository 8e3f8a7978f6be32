"""The `tenon` command: reads the command line and hands on; each command loads only what it needs."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from services.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.cli.settings import Settings

# Each command is imported when it is called: `token` and `status` answer at once, whatever the others need.
# ruff: noqa: PLC0415

INTERRUPTED = 130

_BREAKING = "apply what breaks callers of the contract before; what would lose data is refused all the same"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 0 well, 1 an error that is said, 2 a wrong command line."""
    arguments, rest = _parser().parse_known_args(argv)
    if rest and not getattr(arguments, "passes_on", False):
        arguments.parser.error(f"unrecognized arguments: {' '.join(rest)}")
    arguments.rest = rest
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except CommandError as error:
        sys.stderr.write(describe_error(str(error)))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough of it; the interpreter must not flush to it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("TENON_LOG_LEVEL", "").lower() == "debug":
            raise
        sys.stderr.write(
            f"tenon: {type(error).__name__}: {error}. Mend: this was not foreseen; TENON_LOG_LEVEL=debug shows where.\n"
        )
        return 1


def describe_error(words: str) -> str:
    """Return what the terminal shows of an error: lines of a log first, then the sentence under the command's name."""
    *details, sentence = words.splitlines()
    return "\n".join((*details, f"tenon: {sentence}\n"))


class _Version(argparse.Action):
    """Prints the version that is installed, which is looked up for nobody else."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        sys.stdout.write(f"tenon {version('tenon')}\n")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tenon", description="A backend that you get by writing contracts.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_up(commands.add_parser("up", help="start everything and stay in the foreground"))
    down = commands.add_parser("down", help="stop everything")
    down.set_defaults(command=_down, parser=down)
    status = commands.add_parser("status", help="show each process: endpoint, health, memory")
    status.add_argument("--json", action="store_true", help="as JSON")
    status.set_defaults(command=_status, parser=status)
    logs = commands.add_parser("logs", help="show the log of a process")
    logs.add_argument("name", metavar="NAME", help="a process of `tenon status`, a service, or `up`")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as the log grows")
    logs.add_argument("-n", "--lines", type=int, default=200, help="how many lines from its end (200)")
    logs.set_defaults(command=_logs, parser=logs)
    token = commands.add_parser("token", help="print an access token and nothing else")
    token.add_argument("--email", default="", help="whose; the bootstrap administrator's when left out")
    token.add_argument("--organization", default="", help="the organization that it acts in; `default` when left out")
    token.set_defaults(command=_token, parser=token)
    auth = commands.add_parser("auth", help="administer people, roles, clients, keys, organizations", add_help=False)
    auth.set_defaults(command=_auth, passes_on=True)
    _add_migrate(commands.add_parser("migrate", help="show or make the changes that the tables need"))
    new = commands.add_parser("new", help="write a contract to start from").add_subparsers(
        required=True, metavar="KIND"
    )
    _add_new(new.add_parser("resource", help="a resource with all standard methods"))
    demo = commands.add_parser("demo", help="load demo data").add_subparsers(required=True, metavar="DATA")
    flights = demo.add_parser("flights", help="a year of real flights, through the public API", add_help=False)
    flights.set_defaults(command=_flights, passes_on=True)
    gen = commands.add_parser("gen", help="generate gen/, envoy/ and k8s/ from the contracts", add_help=False)
    gen.set_defaults(command=_gen, passes_on=True)
    return parser


def _add_up(up: argparse.ArgumentParser) -> None:
    up.add_argument("--detach", action="store_true", help="return once all is ready, and go on in the background")
    up.add_argument("--watch", action="store_true", help="serve contracts as they are saved, without a restart")
    up.add_argument("--no-demo", action="store_true", help="leave out the demo's airports and airlines")
    _add_contracts(up)
    up.add_argument("--allow-breaking", action="store_true", help=_BREAKING)
    up.add_argument("--caller", type=int, help=argparse.SUPPRESS)
    up.set_defaults(command=_up, parser=up)


def _add_migrate(migrate: argparse.ArgumentParser) -> None:
    actions = migrate.add_subparsers(required=True, metavar="ACTION")
    for name, words in (("plan", "show the SQL and change nothing"), ("apply", "show the SQL and run it")):
        action = actions.add_parser(name, help=words)
        _add_contracts(action)
        action.add_argument("--database", default="", metavar="URL", help="Postgres elsewhere than in the state folder")
        action.add_argument("--allow-breaking", action="store_true", help=_BREAKING)
        action.set_defaults(command=_migrate, parser=action, action=name)


def _add_new(resource: argparse.ArgumentParser) -> None:
    resource.add_argument("name", metavar="SERVICE.NAME", help="such as shop.Product, or acme.shop.v2.StockLevel")
    resource.add_argument(
        "--into", type=Path, metavar="DIR", help="the import root that it goes to; `contracts` when left out"
    )
    resource.add_argument("--plural", default="", help="the plural, such as stock_levels, where `s` does not make it")
    resource.set_defaults(command=_new, parser=resource)


def _add_contracts(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--contracts",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="an import root of contracts outside the repository; may be repeated",
    )


def _settings(contracts: Sequence[Path] = (), *, empty: bool = False) -> Settings:
    from services.cli.settings import read_settings

    return read_settings(os.environ, directory=Path.cwd(), contracts=tuple(contracts), empty=empty)


def _running() -> Settings:
    from services.cli.state import read_running

    return read_running(_settings())


def _up(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments.contracts, empty=arguments.watch)
    settings = replace(settings, allow_breaking=arguments.allow_breaking)
    if arguments.detach:
        from services.cli.commands.detach import run_detached

        roots = [part for root in settings.contracts for part in ("--contracts", str(root))]
        return run_detached(settings, [*roots, *_flags(arguments)])
    from services.cli.commands.up import run_up
    from services.cli.console import Console

    console = Console(caller=arguments.caller)
    try:
        return run_up(settings, demo=not arguments.no_demo, watch=arguments.watch, console=console)
    except CommandError as error:
        console.failed(str(error))
        if arguments.caller is None:
            raise
        return 1
    except Exception as error:
        console.failed(f"{type(error).__name__}: {error}")
        raise


def _new(arguments: argparse.Namespace) -> int:
    from services.cli.commands.new import run_new

    return run_new(arguments.name, into=arguments.into, plural=arguments.plural, directory=Path.cwd())


def _migrate(arguments: argparse.Namespace) -> int:
    from services.cli.commands.migrate import Asked, run_migrate
    from services.cli.state import read_running

    asked = Asked(
        apply=arguments.action == "apply", allow_breaking=arguments.allow_breaking, database=arguments.database
    )
    return run_migrate(read_running(_settings(arguments.contracts)), asked)


def _flags(arguments: argparse.Namespace) -> list[str]:
    """Return the switches that a detached start hands on."""
    return [
        flag for flag in ("--no-demo", "--watch", "--allow-breaking") if getattr(arguments, flag[2:].replace("-", "_"))
    ]


def _down(_: argparse.Namespace) -> int:
    from services.cli.commands.down import run_down

    return run_down(_settings())


def _status(arguments: argparse.Namespace) -> int:
    from services.cli.commands.status import run_status

    return run_status(_running(), as_json=arguments.json)


def _logs(arguments: argparse.Namespace) -> int:
    from services.cli.commands.logs import run_logs

    return run_logs(_settings(), arguments.name, follow=arguments.follow, lines=arguments.lines)


def _token(arguments: argparse.Namespace) -> int:
    from services.cli.commands.token import run_token

    return run_token(_running(), email=arguments.email, organization=arguments.organization)


def _auth(arguments: argparse.Namespace) -> int:
    from services.cli.commands.auth.entry import run_auth

    return run_auth(_running, arguments.rest)


def _flights(arguments: argparse.Namespace) -> int:
    from services.cli.demo.flights import main as load_flights

    return load_flights(arguments.rest)


def _gen(arguments: argparse.Namespace) -> int:
    from services.meshgen.__main__ import main as generate

    return generate(arguments.rest)


if __name__ == "__main__":
    sys.exit(main())
