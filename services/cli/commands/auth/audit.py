"""`tenon auth audit`: who did what, and whether what is written of it is whole."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tenon.auth.v1 import audit_service_pb2 as pb
from tenon.auth.v1.audit_service_pb2_grpc import AuditServiceStub

from services.cli.commands.auth.command import Command
from services.cli.commands.auth.shown import Shown, show_table, write_time
from services.cli.errors import CommandError

if TYPE_CHECKING:
    import argparse

    from services.cli.commands.auth.caller import Auth

VERIFYING = 600.0
"""Seconds that the whole chain may take."""


async def list_some(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """List the latest events."""
    request = pb.ListAuditEventsRequest(
        page_size=arguments.limit,
        kind=arguments.kind,
        actor=arguments.actor,
        subject=arguments.subject,
        outcome=arguments.outcome,
    )
    events = list((await auth.call(AuditServiceStub, "ListAuditEvents", request)).audit_events)
    rows = [
        (write_time(each, "time"), each.kind, each.outcome, each.actor, each.subject or each.method, each.address)
        for each in events
    ]
    columns = ("TIME", "KIND", "OUTCOME", "ACTOR", "SUBJECT", "ADDRESS")
    return show_table(columns, rows, events, nothing="There are no such events.")


async def verify(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Compute the chain anew."""
    del arguments
    request = pb.VerifyAuditTrailRequest()
    verdict = await auth.call(AuditServiceStub, "VerifyAuditTrail", request, patience=VERIFYING)
    if verdict.intact:
        text = f"All {verdict.events} events are as they were written down. The last digest is {verdict.head}."
        return Shown(text=text, value=verdict)
    text = f"The trail was changed: {verdict.broken_at} is not as it was written down."
    return Shown(text=text, value=verdict, code=1)


async def export(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Write all events as JSON lines to a file, or to the terminal."""
    pieces = auth.stream(AuditServiceStub, "ExportAuditEvents", pb.ExportAuditEventsRequest())
    if not arguments.into:
        async for piece in pieces:
            sys.stdout.write(piece.data.decode())
        return Shown(text="", value=None)
    path, count = Path(arguments.into), 0
    draft = path.with_name(f"{path.name}.part")
    try:
        with open_private(draft) as file:
            async for piece in pieces:
                file.write(piece.data)
                count += piece.data.count(b"\n")
        draft.replace(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.", mend="choose another file.") from error
    return Shown(text=f"Wrote {count} events to {path}.", value={"events": count, "file": str(path)})


def open_private(path: Path) -> BinaryIO:
    """Return a new file that nobody else may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _add_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kind", default="", help="what happened, such as sign_in, or sign_in.failed")
    parser.add_argument("--actor", default="", metavar="NAME", help="who did it, such as users/…")
    parser.add_argument("--subject", default="", metavar="NAME", help="to whom or what")
    parser.add_argument("--outcome", default="", choices=("success", "failure", "denied"), help="how it ended")
    parser.add_argument("--limit", type=int, default=50, help="how many at most (50)")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--into", default="", metavar="FILE", help="the file; to the terminal when left out")


COMMANDS = (
    Command(words="audit list", help="list the latest events", run=list_some, arguments=_add_list),
    Command(words="audit verify", help="say whether every event is as it was written down", run=verify),
    Command(words="audit export", help="write all events as JSON lines", run=export, arguments=_add_export),
)
