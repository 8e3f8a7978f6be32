"""The supervisor over real processes: order, restarts, failures, and the end of all with it."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.cli.errors import StartFailed
from services.cli.supervision.child import Phase
from services.cli.supervision.proc import start_time_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.cli.settings import Settings
    from services.cli.supervision.spec import ProcessSpec
    from tests.integration.cli.conftest import Watched

    Watch = Callable[..., Watched]
    Python = Callable[..., ProcessSpec]

STAY = "import signal; signal.pause()"


async def never() -> bool:
    return False


async def test_what_is_needed_is_ready_before_what_needs_it_starts(
    watch: Watch, python: Python, tmp_path: Path
) -> None:
    note = f"open({str(tmp_path / 'order')!r}, 'a').write('%s ')"
    watched = watch(
        python("second", f"{note % 'second'}; {STAY}", after=("first",)),
        python("first", note % "first", once=True),
        python("third", note % "third", once=True, after=("second",)),
    )
    await watched.supervisor.start()
    assert (tmp_path / "order").read_text().split()[0] == "first"
    assert [child.phase for child in watched.supervisor.children.values()] == [Phase.DONE, Phase.READY, Phase.DONE]


async def test_a_killed_process_is_started_again_without_its_old_socket(
    watch: Watch, python: Python, tmp_path: Path
) -> None:
    path = tmp_path / "s.sock"
    code = f"import socket; s = socket.socket(socket.AF_UNIX); s.bind({str(path)!r}); s.listen(); {STAY}"

    async def answers() -> bool:
        _, writer = await asyncio.open_unix_connection(str(path))
        writer.close()
        return True

    watched = watch(python("server", code, sockets=(path,), probe=answers))
    await watched.supervisor.start()
    server = watched.supervisor.children["server"]
    first = server.pid
    os.kill(first, signal.SIGKILL)
    await watched.until(lambda: server.restarts == 1 and server.phase is Phase.READY)
    assert server.pid != first
    assert any("SIGKILL" in line for line in watched.reports)


async def test_restarts_come_ever_later(watch: Watch, python: Python, tmp_path: Path) -> None:
    flag = tmp_path / "crash"
    watched = watch(python("flaky", f"import os; os.path.exists({str(flag)!r}) and exit(3); {STAY}"))
    await watched.supervisor.start()
    flag.touch()
    child = watched.supervisor.children["flaky"]
    os.kill(child.pid, signal.SIGKILL)
    await watched.until(lambda: child.restarts == 4)
    delays = [float(line.split(" in ")[1].split()[0]) for line in watched.reports if "started again" in line]
    assert delays == sorted(delays)
    assert delays[-1] > 2 * delays[0]


async def test_a_process_that_never_starts_fails_the_start_with_the_end_of_its_log(
    watch: Watch, python: Python
) -> None:
    code = "import sys; sys.stderr.write('the reason\\n'); sys.exit(7)"
    watched = watch(python("broken", code, probe=never))
    with pytest.raises(StartFailed, match="broken ended with code 7") as failure:
        await watched.supervisor.start()
    assert "the reason" in failure.value.details


async def test_a_failed_step_is_not_tried_again_and_nothing_after_it_starts(watch: Watch, python: Python) -> None:
    watched = watch(
        python("step", "import sys; print('tried'); sys.exit(1)", once=True), python("after", STAY, after=("step",))
    )
    with pytest.raises(StartFailed) as failure:
        await watched.supervisor.start()
    assert failure.value.details == ("tried",)
    await watched.supervisor.stop()
    assert watched.supervisor.children["after"].started_at == 0


async def test_a_program_that_is_not_there_fails_the_start(watch: Watch, settings: Settings, python: Python) -> None:
    watched = watch(replace(python("ghost", ""), argv=("/nowhere/ghost",)))
    with pytest.raises(StartFailed, match="could not start"):
        await watched.supervisor.start()


async def test_a_process_that_never_becomes_ready_is_killed_and_fails_the_start(watch: Watch, python: Python) -> None:
    watched = watch(python("slow", STAY, probe=never, start_timeout=0.2))
    with pytest.raises(StartFailed, match="slow was not ready in 0 s"):
        await watched.supervisor.start()


async def test_a_stop_goes_in_the_reverse_order_and_kills_what_does_not_listen(
    watch: Watch, python: Python, tmp_path: Path
) -> None:
    order = tmp_path / "order"
    polite = textwrap.dedent(f"""
        import pathlib, signal, sys
        def end(*_):
            open({str(order)!r}, "a").write("%s "); sys.exit(0)
        signal.signal(signal.SIGTERM, end); pathlib.Path({str(tmp_path)!r}, "%s.up").touch()
        while True: signal.pause()
    """)
    deaf = textwrap.dedent(f"""
        import pathlib, signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN); pathlib.Path({str(tmp_path)!r}, "deaf.up").touch()
        while True: signal.pause()
    """)

    def is_up(name: str) -> Callable[[], object]:
        async def probe() -> bool:
            return (tmp_path / f"{name}.up").exists()

        return probe

    watched = watch(
        python("store", polite % ("store", "store"), probe=is_up("store")),
        python("service", polite % ("service", "service"), after=("store",), probe=is_up("service")),
        python("deaf", deaf, stop_timeout=0.2, probe=is_up("deaf")),
    )
    await watched.supervisor.start()
    await watched.supervisor.stop()
    assert order.read_text().split() == ["service", "store"]
    assert {child.phase for child in watched.supervisor.children.values()} == {Phase.STOPPED}
    assert any("deaf did not stop" in line for line in watched.reports)


async def test_a_stop_during_the_start_leaves_nothing_behind(watch: Watch, python: Python) -> None:
    watched = watch(python("one", STAY, probe=never), python("two", STAY, after=("one",)))
    starting = asyncio.create_task(watched.supervisor.start())
    one = watched.supervisor.children["one"]
    await watched.until(lambda: one.phase is Phase.STARTING)
    pid, started = one.pid, one.start_time
    await watched.supervisor.stop()
    starting.cancel()
    assert start_time_of(pid) != started


async def test_a_step_runs_with_the_environment_that_is_planned_and_no_other(
    watch: Watch, python: Python, settings: Settings
) -> None:
    watched = watch(python("env", "import os; print(sorted(os.environ))", once=True, environ={"ONLY": "this"}))
    await watched.supervisor.start()
    assert "'ONLY'" in settings.log("env").read_text()
    assert "'HOME'" not in settings.log("env").read_text()


def test_children_end_when_their_supervisor_is_killed(settings: Settings, tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import asyncio, pathlib, sys
        from services.cli.supervision.child import die_with_parent
        from services.cli.supervision.spec import ProcessSpec
        from services.cli.supervision.supervisor import Supervisor

        async def main():
            log = pathlib.Path({str(tmp_path)!r}, "log")
            argv = die_with_parent((sys.executable, "-c", {STAY!r}))
            specs = tuple(ProcessSpec(name=name, argv=argv, log=log) for name in "ab")
            supervisor = Supervisor(specs, report=lambda _: None)
            await supervisor.start()
            print(*(child.pid for child in supervisor.children.values()), flush=True)
            await asyncio.Event().wait()

        asyncio.run(main())
    """)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        handles = [os.pidfd_open(int(pid)) for pid in supervisor.stdout.readline().split()]
        supervisor.kill()
        poll = select.poll()
        for handle in handles:
            poll.register(handle, select.POLLIN)
            assert poll.poll(10_000), "a child outlived its supervisor"
            poll.unregister(handle)
            os.close(handle)
    assert len(handles) == 2


async def test_a_process_that_asks_a_person_to_mend_something_is_not_tried_again(
    watch: Watch, python: Python, settings: Settings
) -> None:
    watched = watch(python("misled", "import sys; print('tried'); sys.exit(78)", probe=never))
    with pytest.raises(StartFailed, match="misled cannot start"):
        await watched.supervisor.start()
    assert settings.log("misled").read_text() == "tried\n"


async def test_a_step_that_is_stopped_is_not_said_to_be_done(watch: Watch, python: Python) -> None:
    watched = watch(python("step", STAY, once=True))
    starting = asyncio.create_task(watched.supervisor.start())
    child = watched.supervisor.children["step"]
    await watched.until(lambda: child.pid > 0)
    await watched.supervisor.stop()
    starting.cancel()
    assert child.phase is Phase.STOPPED
    assert watched.reports == []


async def test_what_a_process_says_to_the_person_is_reported_and_logged(watch: Watch, python: Python) -> None:
    code = "import sys, time; print('one', flush=True); print('two', flush=True); print('aside', file=sys.stderr)"
    watched = watch(python("speaker", f"{code}; time.sleep(60)", speaks=True))
    await watched.supervisor.start()
    async with asyncio.timeout(20):
        while "two" not in watched.reports:
            await asyncio.sleep(0.01)
    assert [each for each in watched.reports if each in {"one", "two", "aside"}] == ["one", "two"]
    log = watched.supervisor.children["speaker"].spec.log.read_text()
    assert {"one", "two", "aside"} <= set(log.splitlines())
