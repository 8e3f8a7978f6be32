"""A service process for the tests: `python -m tests.integration.chassis.toy_service`."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.responses import PlainTextResponse
from starlette.routing import Route

from services.chassis.frame import Frame, Wiring
from services.chassis.server import serve
from tests.fakes.chassis_conformance import echo, table, text
from tests.fakes.chassis_frame import FakeVerifier, fake_handler, fake_method

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.chassis.call import Call


async def _slow(request: Any, call: Call) -> Any:
    print("slow call began", flush=True)
    await asyncio.sleep(float(request.value))
    return text("done")


async def _crash() -> None:
    await asyncio.sleep(0.05)
    raise RuntimeError("the loop fell over")


async def _end() -> None:
    """End at once, which is no crash."""


@asynccontextmanager
async def wire(frame: Frame) -> AsyncIterator[Wiring]:
    """Wire two methods, a page, and a background loop as the environment asks."""
    match frame.environ.get("TOY_TASK"):
        case "wait":
            print("waiting", flush=True)
            await asyncio.Event().wait()
        case "fail":
            raise ConnectionError("no database")
    handlers = {**table(fake_handler(echo)), **table(fake_handler(_slow, fake_method("Slow")))}

    async def publish() -> None:
        await asyncio.sleep(0.3)
        frame.publish(frame.contract, {**handlers, **table(fake_handler(echo, fake_method("DoNew")))})

    tasks = {"crash": (_crash,), "end": (_end,), "publish": (publish,)}.get(frame.environ.get("TOY_TASK", ""), ())
    page = Route("/page", lambda _: PlainTextResponse("a page"))
    yield Wiring(handlers=handlers, http=(page,), tasks=tasks, verifier=FakeVerifier())
    print("taken down", flush=True)


if __name__ == "__main__":
    sys.exit(serve(name="toy", wire=wire, environ=os.environ))
