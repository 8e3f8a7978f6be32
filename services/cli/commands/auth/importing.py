"""`tenon auth import`: users of another system, taken over with the passwords that they have there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import grpc
from tenon.auth.v1 import adoption_service_pb2 as pb
from tenon.auth.v1.adoption_service_pb2_grpc import AdoptionServiceStub

from services.cli.commands.auth.audit import open_private
from services.cli.commands.auth.caller import Refused
from services.cli.commands.auth.command import Command, add_roles, named
from services.cli.commands.auth.shown import Shown
from services.cli.commands.auth.sources.files import FORMS, read_file
from services.cli.errors import CommandError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from services.cli.commands.auth.caller import Auth
    from services.cli.commands.auth.sources.rows import Row

BATCH = 200
"""Users that are sent together: some seconds' work."""

WAIT = 150.0
"""Seconds in which they must have been made."""

ROW_UNREADABLE = "ROW_UNREADABLE"
"""The reason of a row that is not sent at all."""


@dataclass(kw_only=True, slots=True)
class Report:
    """What has become of the rows so far; rejected ones go to a file, which is made when there is one."""

    path: Path
    """The file of rejected rows."""
    taken: int = 0
    """How many users were made."""
    reasons: dict[str, int] = field(default_factory=dict)
    """How many rows were rejected, by reason."""
    _file: BinaryIO | None = None

    @property
    def rejected(self) -> int:
        """How many rows were rejected."""
        return sum(self.reasons.values())

    def reject(self, row: Row, reason: str, message: str) -> None:
        """Write a row down that was rejected, so that it can be mended and read again."""
        if self._file is None:
            try:
                self._file = open_private(self.path)
            except OSError as error:
                said = f"{self.path} cannot be written, where rejected rows go: {error.strerror}."
                raise CommandError(said, mend="name a file by --rejected that you may write.") from error
        told = {**row.fields, "row": row.number, "reason": reason, "message": message}
        self._file.write(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def close(self) -> None:
        """Have all of it on the disk."""
        if self._file is not None:
            self._file.close()

    def show(self) -> Shown:
        """Return the report."""
        lines = [f"Took over {self.taken} of {self.taken + self.rejected} users."]
        if self.rejected:
            lines += [f"  {count:>6}  {reason}" for reason, count in sorted(self.reasons.items())]
            lines.append(
                f"The rejected rows, each with its reason, are in {self.path}: mend them and import that file."
            )
        rejected = str(self.path) if self.rejected else ""
        value = {"taken": self.taken, "rejected": dict(self.reasons), "file": rejected}
        return Shown(text="\n".join(lines), value=value, code=1 if self.rejected else 0)


async def take_over(auth: Auth, arguments: argparse.Namespace) -> Shown:
    """Take over the users of a file, batch by batch."""
    path = Path(arguments.file)
    # A file of rejected rows is read again while another one is written.
    rejected = Path(arguments.rejected or f"{path}.rejected.jsonl")
    if rejected == path:
        raise CommandError("The rejected rows would overwrite the file.", mend="name another one by --rejected.")
    rows = read_file(path, form=arguments.format, roles=_mapped(arguments.map_role))
    report = Report(path=rejected)
    everybody = [named("roles", role) for role in arguments.role]
    try:
        for batch in _batches(rows, report):
            for row in batch:
                _give(row, everybody)
            await _send(auth, batch, report)
    except CommandError as error:
        raise CommandError(
            f"{error.message} Until then {report.taken} users were taken over and {report.rejected} rejected.",
            mend="repeat the command: those that are there are not made twice.",
        ) from error
    finally:
        report.close()
    return report.show()


def _batches(rows: Iterator[Row], report: Report) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        for row in batch:
            if row.user is None:
                report.reject(row, ROW_UNREADABLE, row.problem)
        if readable := [row for row in batch if row.user is not None]:
            yield readable


async def _send(auth: Auth, batch: Sequence[Row], report: Report) -> None:
    request = pb.AdoptUsersRequest(users=[row.user for row in batch if row.user is not None])
    try:
        answer = await auth.call(AdoptionServiceStub, "AdoptUsers", request, patience=WAIT)
    except Refused as error:
        if error.code is not grpc.StatusCode.INVALID_ARGUMENT:
            raise
        # Something about one of them has the whole batch refused: each by itself says which one it is.
        if len(batch) == 1:
            report.reject(batch[0], "INVALID_ARGUMENT", error.message)
            return
        for row in batch:
            await _send(auth, [row], report)
        return
    for row, result in zip(batch, answer.results, strict=True):
        if result.user:
            report.taken += 1
        else:
            report.reject(row, result.reason, result.message)


def _give(row: Row, roles: Sequence[str]) -> None:
    if row.user is not None:
        row.user.roles.extend(role for role in roles if role not in row.user.roles)


def _mapped(words: Sequence[str]) -> dict[str, str]:
    mapped = {}
    for word in words:
        theirs, equals, ours = word.partition("=")
        if not theirs or not equals or not ours:
            raise CommandError(f"--map-role {word} is no pair.", mend="write --map-role theirs=ours.")
        mapped[theirs] = ours
    return mapped


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the file: .csv, .jsonl, or .json of Keycloak")
    parser.add_argument("--format", default="", choices=FORMS, help="its form, where its name does not say it")
    parser.add_argument(
        "--map-role",
        action="append",
        default=[],
        metavar="THEIRS=OURS",
        help="a role of Keycloak's realm that is carried over, and its name here; repeatable, others are left out",
    )
    parser.add_argument(
        "--rejected", default="", metavar="FILE", help="where rejected rows go; FILE.rejected.jsonl when left out"
    )
    add_roles(parser)


COMMANDS = (
    Command(
        words="import",
        help="take over users of another system with their passwords",
        run=take_over,
        arguments=_add_import,
        more="""A .csv has the columns email, display_name, given_name, family_name, roles, password_hash,
email_verified and disabled, of which only email is needed; a .jsonl has an object with the same
fields on each line; a .json is what `kc.sh export` of Keycloak writes, with the users.

Hashes may be bcrypt ($2b$…), scrypt ($scrypt$ln=…), PBKDF2 ($pbkdf2-sha256$…, or Django's) and
argon2 ($argon2id$…). Everybody signs in as before, and gets a hash of ours by that. Whoever has
no hash asks for a password by mail. Second factors are not carried over.

Whoever cannot be taken over stops no other: the row goes to a file beside, with its reason.""",
    ),
)
