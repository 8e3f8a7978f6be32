"""The process that follows the contracts of a running stack (`python -m`): it says what happens on its output."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from services.cli.live.following import Following
from services.cli.settings import read_settings


def main() -> int:
    """Follow the contracts until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contracts", type=Path, action="append", default=[])
    parser.add_argument("--allow-breaking", action="store_true")
    arguments = parser.parse_args()
    settings = read_settings(os.environ, directory=Path.cwd(), contracts=tuple(arguments.contracts), empty=True)
    asyncio.run(Following(settings, _say, allow_breaking=arguments.allow_breaking).run())
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
