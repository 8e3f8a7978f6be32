"""`tenon auth keys`: the keys that sign the tokens of all organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenon.auth.v1 import signing_key_service_pb2 as pb
from tenon.auth.v1.signing_key_service_pb2_grpc import SigningKeyServiceStub

from services.cli.commands.auth.command import Command, named, short
from services.cli.commands.auth.shown import Shown, show_table, write_time

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from services.cli.commands.auth.caller import Auth

COST = (
    "What these keys have signed is refused by every service within five seconds; sessions go on and get new tokens.\n"
    "Keys that were published just now are unknown to the edge for up to five minutes: until then it refuses what they "
    "sign."
)
"""What an emergency costs."""


async def list_all(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """List the keys."""
    del arguments
    request = pb.DescribeSigningKeysRequest()
    answer = await auth.call_as_workload(SigningKeyServiceStub, "DescribeSigningKeys", request)
    return _table(answer.signing_keys)


async def rotate(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Begin a rotation at once, or withdraw keys in an emergency."""
    if not arguments.emergency:
        request = pb.RotateSigningKeysRequest()
        answer = await auth.call_as_workload(SigningKeyServiceStub, "RotateSigningKeys", request)
        return _table(answer.signing_keys, "Staged keys are published, and sign from their time on. Nobody notices.")
    names = [named("signingKeys", key) for key in arguments.key] or await _published(auth)
    revoke = pb.RevokeSigningKeysRequest(names=names)
    answer = await auth.call_as_workload(SigningKeyServiceStub, "RevokeSigningKeys", revoke)
    return _table(answer.signing_keys, f"Withdrew {' '.join(map(short, names))}.\n{COST}")


async def _published(auth: Auth) -> list[str]:
    """Return the keys that sign or have signed: those that are staged are what signs next."""
    request = pb.DescribeSigningKeysRequest()
    answer = await auth.call_as_workload(SigningKeyServiceStub, "DescribeSigningKeys", request)
    return [key.name for key in answer.signing_keys if key.state != pb.SIGNING_KEY_STATE_STAGED]


def _table(keys: Sequence[pb.SigningKey], said: str = "") -> Shown:
    rows = [
        (
            short(key.name),
            key.algorithm,
            pb.SigningKeyState.Name(key.state).removeprefix("SIGNING_KEY_STATE_").lower(),
            write_time(key, "activate_time"),
        )
        for key in keys
    ]
    shown = show_table(("KEY", "ALGORITHM", "STATE", "SIGNS FROM"), rows, list(keys), nothing="There are no keys.")
    return Shown(text=f"{shown.text}\n{said}".rstrip(), value=shown.value)


def _add_rotate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--emergency", action="store_true", help="somebody else may have a key: withdraw it at once")
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        help="with --emergency: which one; repeatable; all but staged ones when left out",
    )


def _asks(arguments: argparse.Namespace) -> str:
    """Return what is asked before an emergency."""
    return f"{COST}\nWithdraw {' '.join(arguments.key) or 'every key that signs'}?" if arguments.emergency else ""


COMMANDS = (
    Command(words="keys list", help="list the keys that sign tokens", run=list_all),
    Command(
        words="keys rotate",
        help="exchange the keys that sign tokens before their time",
        run=rotate,
        arguments=_add_rotate,
        asks=_asks,
        more=f"Auth exchanges its keys by itself, too. With --emergency:\n{COST}",
    ),
)
