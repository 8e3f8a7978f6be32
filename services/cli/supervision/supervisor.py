"""Starts what is planned in its order, keeps it running, and stops it in the reverse order."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from services.cli.supervision.child import Child, Phase
from services.cli.supervision.spec import layers_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.cli.supervision.spec import ProcessSpec


class Supervisor:
    """The processes of one run."""

    def __init__(
        self,
        specs: tuple[ProcessSpec, ...],
        *,
        report: Callable[[str], None],
        changed: Callable[[Supervisor], None] = lambda _: None,
    ) -> None:
        """Take what is planned, where to say what happens, and whom to tell that something changed."""
        self._layers = layers_of(specs)
        self.children = {
            spec.name: Child(spec, report=report, changed=lambda: changed(self))
            for layer in self._layers
            for spec in layer
        }
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = False
        self.started_at = time.time()

    async def start(self) -> None:
        """Start everything, each as soon as what it needs is ready; raises StartFailed with the first that is not."""
        for child in self.children.values():
            self._tasks[child.spec.name] = asyncio.create_task(self._run(child), name=child.spec.name)
        settled = [child.settled for child in self.children.values()]
        done, _ = await asyncio.wait(settled, return_when=asyncio.FIRST_EXCEPTION)
        for future in done:
            future.result()

    async def stop(self) -> None:
        """Stop everything, dependents first."""
        self._stopping = True
        for name, task in self._tasks.items():
            if self.children[name].phase is Phase.WAITING:
                task.cancel()
        for layer in reversed(self._layers):
            await asyncio.gather(*(self.children[spec.name].stop() for spec in layer))
            tasks = [self._tasks[spec.name] for spec in layer if spec.name in self._tasks]
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, child: Child) -> None:
        await asyncio.gather(*(asyncio.shield(self.children[name].settled) for name in child.spec.after))
        if not self._stopping:
            await child.run()
