"""One more worker of data, which also serves the bench's no-op, and profiles itself between two signals.

The no-op stands behind the same chain as real RPCs, in a process of the same kind and size as theirs.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.chassis.contract import compile_protos, load_contract, read_contract, service_folders
from services.chassis.server import serve
from services.chassis.transport import handlers_of, messages_of
from services.data.__main__ import wire as wire_data
from tests.load.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.chassis.call import Call
    from services.chassis.contract import Contract
    from services.chassis.frame import Frame, Wiring

CONTRACTS = Path(__file__).parent / "contracts"
"""The import root of the no-op's contract."""

SERVICE = "tenon.data.v1.BenchService"
"""The service of the no-op."""

PLAIN_CONTRACT = "BENCH_PLAIN_CONTRACT"
"""Names the contract without the no-op, which is what data can host."""

PROFILE = "BENCH_PROFILE"
"""Names the file that a profile is written to."""


def bench_contract(proto: Path) -> Contract:
    """Return the contract of a repository with the no-op beside it."""
    return load_contract(compile_protos([proto, CONTRACTS]), services=service_folders(), custom=None)


class BenchServicer:
    """Serves the no-op."""

    def __init__(self, response: Any) -> None:
        """Take the empty answer."""
        self._response = response

    async def Pass(self, request: Any, call: Call) -> Any:
        """Return the empty answer."""
        return self._response


@asynccontextmanager
async def wire(frame: Frame) -> AsyncIterator[Wiring]:
    """Build data, and the no-op beside it."""
    messages = messages_of(frame.contract.pool)
    service = next(service for service in frame.contract.services if service.full_name == SERVICE)
    servicer = BenchServicer(messages("tenon.data.v1.PassResponse")())
    plain = read_contract(Path(frame.environ[PLAIN_CONTRACT]))
    async with wire_data(replace(frame, contract=plain)) as wiring:
        yield replace(wiring, handlers={**wiring.handlers, **handlers_of(servicer, service, messages)})


if __name__ == "__main__":
    recorder = Recorder(Path(os.environ[PROFILE]))
    signal.signal(signal.SIGUSR1, recorder.start)
    signal.signal(signal.SIGUSR2, recorder.stop)
    sys.exit(serve(name="data", wire=wire, environ=os.environ))
