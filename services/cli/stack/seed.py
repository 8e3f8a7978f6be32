"""The step that gives a new state folder its first rows, through the public API (`python -m`)."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from pathlib import Path

from services.cli.demo.flights import load_reference_rows
from services.cli.errors import CommandError
from services.cli.minting import mint_grant
from services.cli.settings import read_settings


def main() -> int:
    """Load the airlines and the airports; the exit code is 1 where that fails."""
    try:
        settings = read_settings(os.environ, directory=Path.cwd())
        target = f"{settings.edge_host}:{settings.edge_port}"
        tallies = asyncio.run(load_reference_rows(target, partial(mint_grant, settings)))
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    words = ", ".join(f"{tally.total} {plural} ({tally.created} new)" for plural, tally in tallies.items())
    sys.stdout.write(f"loaded {words}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
