"""Reads the rows of a file: JSON lines, CSV, or what Keycloak has exported."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

from services.cli.commands.auth.sources import keycloak
from services.cli.commands.auth.sources.rows import Row, read_row
from services.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

FORMS = ("csv", "jsonl", "keycloak")
"""The forms of files."""

_ENDINGS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "keycloak"}


def read_file(path: Path, *, form: str, roles: Mapping[str, str]) -> Iterator[Row]:
    """Yield the rows of a file; `form` is told by its name where it is empty.

    Raises:
        CommandError: the file as a whole cannot be read.
    """
    read: dict[str, Callable[[], Iterator[Row]]] = {
        "csv": lambda: _read_csv(path),
        "jsonl": lambda: _read_lines(path),
        "keycloak": lambda: _read_keycloak(path, roles),
    }
    chosen = form or _ENDINGS.get(path.suffix.lower(), "")
    if not chosen:
        raise CommandError(f"The form of {path} is not known.", mend=f"say --format {', '.join(FORMS)}.")
    try:
        yield from read[chosen]()
    except OSError as error:
        raise CommandError(
            f"{path} cannot be read: {error.strerror}.", mend="name a file that you may read."
        ) from error
    except (UnicodeDecodeError, ValueError, csv.Error) as error:
        raise CommandError(
            f"{path} cannot be read as {chosen}: {error}", mend="see `tenon auth import --help`."
        ) from error


def _read_csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        if "email" not in (reader.fieldnames or ()):
            raise ValueError("its first line names no column `email`.")
        for fields in reader:
            number = reader.line_num
            if None in fields or None in fields.values():
                kept = {name: value for name, value in fields.items() if name is not None and value is not None}
                yield Row(number=number, fields=kept, problem="The line has not as many columns as the first one.")
            else:
                yield read_row(number, fields)


def _read_lines(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _read_line(number, line)


def _read_line(number: int, line: str) -> Row:
    try:
        fields: Any = json.loads(line)
    except ValueError as error:
        return Row(number=number, fields={"line": line.rstrip("\n")}, problem=f"The line is no JSON: {error}.")
    if not isinstance(fields, dict):
        return Row(number=number, fields={"line": line.rstrip("\n")}, problem="The line is no JSON object.")
    return read_row(number, fields)


def _read_keycloak(path: Path, roles: Mapping[str, str]) -> Iterator[Row]:
    users = keycloak.read_users(json.loads(path.read_text(encoding="utf-8")))
    for number, user in enumerate(users, start=1):
        # Accounts of clients are no people, and come again as service accounts of their own.
        if user.get("serviceAccountClientId"):
            continue
        try:
            fields = keycloak.fields_of(user, roles)
        except (ValueError, TypeError, AttributeError) as error:
            who = {"email": user.get("email"), "metadata": {"keycloak_username": user.get("username")}}
            yield Row(number=number, fields=who, problem=f"The user cannot be read: {error}")
        else:
            yield read_row(number, fields)
