"""How long a saved contract takes to be live beside calls, and whether any of them fails: `python -m tests.load.live`.

The promise is 2 s, and no failed request among 10,000 at 200 a second.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from tests.e2e.conftest import CONTRACTS
from tests.e2e.live import Calls, Contracts, await_live, new_contract
from tests.e2e.stack import Stack, free_port

PROMISED_SECONDS = 2.0


def main() -> int:
    """Measure on a stack of its own; return 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--saves", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tenon-live-") as place:
        folder = Path(place) / "contracts"
        shutil.copytree(CONTRACTS, folder)
        stack = Stack(
            home=Path(place) / "home",
            port=free_port(),
            options=("--watch", "--no-demo", "--contracts", str(folder)),
        )
        stack.start()
        try:
            return _measure(stack, Contracts(folder=folder, log=stack.home / "logs" / "up.log"), options)
        finally:
            stack.stop()


def _measure(stack: Stack, contracts: Contracts, options: argparse.Namespace) -> int:
    contracts.await_said("watching the contracts", since=0)
    seconds = []
    calls = Calls(stack=stack, token=stack.token(), total=options.calls, rate=options.rate)
    with stack.client(stack.token()) as client:
        client.post("/library/v1/shelves?shelfId=kept", json={"theme": "Kept"})
        with calls:
            for number in range(options.saves):
                calls.await_more(options.calls // (options.saves + 1))
                contracts.save(*new_contract(f"pets{number}"))
                seconds.append(await_live(client, "POST", f"/pets{number}/v1/pets", json={"displayName": "Rex"}))
    failed = sum(number for outcome, number in calls.answers.items() if outcome != "200")
    took = sorted(calls.seconds)
    median = statistics.median(seconds)
    sys.stdout.write(
        f"{len(took)} calls at {options.rate}/s, {failed} failed, "
        f"p50 {took[len(took) // 2] * 1000:.1f} ms, p99 {took[len(took) * 99 // 100] * 1000:.1f} ms\n"
        f"{len(seconds)} contracts live after {min(seconds):.2f} s at best, {median:.2f} s in the middle, "
        f"{max(seconds):.2f} s at worst; promised {PROMISED_SECONDS:.0f} s and no failed call\n"
    )
    for outcome, number in calls.answers.items():
        if outcome != "200":
            sys.stdout.write(f"  {number} times {outcome}\n")
    return 1 if failed or median > PROMISED_SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
