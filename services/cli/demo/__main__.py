"""The demo as a process: `seed` loads the airlines and airports of a first start, `flights` loads everything."""

from __future__ import annotations

import sys

from services.cli.demo.flights import main, seed

COMMANDS = {"flights": main, "seed": seed}

if __name__ == "__main__":
    if (name := sys.argv[1] if len(sys.argv) > 1 else "") not in COMMANDS:
        sys.exit(f"usage: python -m services.cli.demo {'|'.join(COMMANDS)}")
    sys.exit(COMMANDS[name](sys.argv[2:]))
