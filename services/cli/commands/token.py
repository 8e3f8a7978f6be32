"""`tenon token`: prints an access token that auth mints under the command's own identity."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from services.cli.minting import mint_token

if TYPE_CHECKING:
    from services.cli.settings import Settings


def run_token(settings: Settings, *, email: str, organization: str) -> int:
    """Print an access token and nothing else."""
    sys.stdout.write(f"{asyncio.run(mint_token(settings, email=email, organization=organization))}\n")
    return 0
