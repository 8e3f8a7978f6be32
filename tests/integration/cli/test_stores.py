"""The embedded Postgres and Valkey, really started: made once, killed, left half written, and recovered."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
from typing import TYPE_CHECKING

import asyncpg
import pytest
import redis.asyncio

from services.cli.errors import BrokenState, CommandError
from services.cli.stack.postgres import DRAFT, binary, plan_postgres, prepare_cluster
from services.cli.stack.valkey import plan_valkey
from services.cli.supervision.child import Phase
from services.cli.supervision.proc import all_pids, folder_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from services.cli.settings import Settings
    from tests.integration.cli.conftest import Watched

    Watch = Callable[..., Watched]


async def connect(settings: Settings, user: str) -> asyncpg.Connection:
    return await asyncpg.connect(f"postgresql://{user}@/tenon?host={settings.run}")


async def test_postgres_has_a_role_and_a_schema_for_each_service(watch: Watch, settings: Settings) -> None:
    watched = watch(*plan_postgres(settings))
    await watched.supervisor.start()
    for user in ("auth", "data"):
        connection = await connect(settings, user)
        await connection.execute(f"CREATE TABLE {user}.kept (id int)")
        assert not await connection.fetchval("SELECT usesuper FROM pg_user WHERE usename = current_user")
        await connection.close()


async def test_a_service_cannot_read_anothers_schema_and_data_alone_makes_schemas(
    watch: Watch, settings: Settings
) -> None:
    await watch(*plan_postgres(settings)).supervisor.start()
    data, auth = await connect(settings, "data"), await connect(settings, "auth")
    await auth.execute("CREATE TABLE auth.secrets (id int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await data.fetch("SELECT * FROM auth.secrets")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await auth.execute("CREATE SCHEMA mine")
    await data.execute("CREATE SCHEMA tenon_flightops_v1")
    await data.close()
    await auth.close()


async def test_the_cluster_compares_text_by_bytes_and_checks_its_pages(watch: Watch, settings: Settings) -> None:
    await watch(*plan_postgres(settings)).supervisor.start()
    connection = await connect(settings, "data")
    assert await connection.fetchval("SHOW data_checksums") == "on"
    assert await connection.fetchval("SHOW fsync") == "on"
    assert await connection.fetchval("SELECT array_agg(x ORDER BY x) FROM unnest(ARRAY['b','B','a']) AS x") == [
        *("B", "a", "b"),
    ]
    await connection.close()


async def test_nothing_but_the_owner_reaches_the_socket_or_the_data(watch: Watch, settings: Settings) -> None:
    before = stat.S_IMODE(settings.home.parent.stat().st_mode)
    await watch(*plan_postgres(settings)).supervisor.start()
    assert stat.S_IMODE((settings.home / "postgres").stat().st_mode) == 0o700
    assert stat.S_IMODE((settings.run / ".s.PGSQL.5432").stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(settings.home.parent.stat().st_mode) == before


async def test_a_killed_postgres_comes_back_with_all_that_it_acknowledged(watch: Watch, settings: Settings) -> None:
    watched = watch(*plan_postgres(settings))
    await watched.supervisor.start()
    connection = await connect(settings, "data")
    await connection.execute("CREATE TABLE data.kept (id int)")
    await connection.execute("INSERT INTO data.kept SELECT generate_series(1, 1000)")
    postgres = watched.supervisor.children["postgres"]
    os.kill(postgres.pid, signal.SIGKILL)
    await watched.until(lambda: postgres.restarts >= 1 and postgres.phase is Phase.READY)
    connection.terminate()
    again = await connect(settings, "data")
    assert await again.fetchval("SELECT count(*) FROM data.kept") == 1000
    await again.close()


async def test_a_second_start_keeps_everything(watch: Watch, settings: Settings) -> None:
    first = watch(*plan_postgres(settings))
    await first.supervisor.start()
    connection = await connect(settings, "auth")
    await connection.execute("CREATE TABLE auth.kept AS SELECT 1 AS id")
    await connection.close()
    await first.supervisor.stop()
    await watch(*plan_postgres(settings)).supervisor.start()
    connection = await connect(settings, "auth")
    assert await connection.fetchval("SELECT id FROM auth.kept") == 1
    await connection.close()


async def test_a_lock_whose_process_id_now_belongs_to_a_stranger_is_recovered(watch: Watch, settings: Settings) -> None:
    first = watch(*plan_postgres(settings))
    await first.supervisor.start()
    await first.supervisor.stop()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        for lock in (settings.home / "postgres" / "postmaster.pid", settings.run / ".s.PGSQL.5432.lock"):
            lock.write_text(f"{stranger.pid}\n{settings.home / 'postgres'}\n1700000000\n5432\n{settings.run}\n\n")
            lock.chmod(0o600)
        try:
            await watch(*plan_postgres(settings)).supervisor.start()
        finally:
            stranger.kill()


async def test_a_server_whose_supervisor_is_gone_is_ended_before_the_next_start(
    watch: Watch, settings: Settings
) -> None:
    first = watch(*plan_postgres(settings))
    await first.supervisor.start()
    await first.supervisor.stop()
    server, _ = plan_postgres(settings)
    orphan = await asyncio.create_subprocess_exec(
        *server.argv, env=dict(server.environ), stderr=asyncio.subprocess.DEVNULL, start_new_session=True
    )
    assert server.probe is not None
    while not await answers(server.probe):
        await asyncio.sleep(0.02)
    await watch(*plan_postgres(settings)).supervisor.start()
    assert await orphan.wait() is not None


async def answers(probe: Callable[[], Awaitable[object]]) -> bool:
    try:
        return bool(await probe())
    except OSError:
        return False


async def test_a_start_that_broke_off_while_the_folder_was_made_is_done_again(watch: Watch, settings: Settings) -> None:
    draft = settings.home / DRAFT
    (draft / "base").mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    await watch(*plan_postgres(settings)).supervisor.start()
    assert not draft.exists()


async def test_a_stop_while_the_folder_is_made_leaves_no_process_and_nothing_that_looks_whole(
    settings: Settings,
) -> None:
    making = asyncio.create_task(prepare_cluster(settings))
    draft = settings.home / DRAFT
    while not (draft / "base").exists():
        await asyncio.sleep(0.005)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert [pid for pid in all_pids() if folder_of(pid) == draft] == []
    assert not (settings.home / "postgres").exists()


@pytest.mark.parametrize("version", ["", "16\n"])
async def test_a_folder_that_is_not_whole_or_of_another_version_is_refused(settings: Settings, version: str) -> None:
    folder = settings.home / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text(version)
    with pytest.raises(BrokenState, match="Postgres 18"):
        await prepare_cluster(settings)


async def test_an_orderly_stop_leaves_a_clean_shutdown_and_no_process(watch: Watch, settings: Settings) -> None:
    watched = watch(*plan_postgres(settings))
    await watched.supervisor.start()
    await watched.supervisor.stop()
    data = settings.home / "postgres"
    control = subprocess.run(
        [str(binary("pg_controldata")), "-D", str(data)], capture_output=True, text=True, check=True
    )
    assert "shut down" in control.stdout
    assert [pid for pid in all_pids() if folder_of(pid) == data] == []


async def test_a_killed_valkey_comes_back_with_what_it_had_written_out(watch: Watch, settings: Settings) -> None:
    watched = watch(plan_valkey(settings))
    await watched.supervisor.start()
    client = redis.asyncio.Redis(unix_socket_path=str(settings.socket("valkey")))
    await client.set("kept", "1")
    # Every command before this one is in the file once it has answered.
    await client.execute_command("WAITAOF", 1, 0, 0)
    valkey = watched.supervisor.children["valkey"]
    os.kill(valkey.pid, signal.SIGKILL)
    await watched.until(lambda: valkey.restarts >= 1 and valkey.phase is Phase.READY)
    assert await client.get("kept") == b"1"
    await client.aclose()


async def test_valkey_listens_on_its_socket_alone(watch: Watch, settings: Settings) -> None:
    await watch(plan_valkey(settings)).supervisor.start()
    client = redis.asyncio.Redis(unix_socket_path=str(settings.socket("valkey")))
    assert (await client.config_get("port"))["port"] == "0"
    assert (await client.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"
    await client.aclose()
    assert stat.S_IMODE(settings.socket("valkey").stat().st_mode) == 0o700


async def test_a_valkey_file_with_a_broken_end_is_recovered(watch: Watch, settings: Settings) -> None:
    first = watch(plan_valkey(settings))
    await first.supervisor.start()
    client = redis.asyncio.Redis(unix_socket_path=str(settings.socket("valkey")))
    await client.set("kept", "1")
    await client.aclose()
    await first.supervisor.stop()
    (log,) = (settings.home / "valkey" / "appendonlydir").glob("*.incr.aof")
    with log.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$4\r\nlo")
    await watch(plan_valkey(settings)).supervisor.start()
    client = redis.asyncio.Redis(unix_socket_path=str(settings.socket("valkey")))
    assert await client.get("kept") == b"1"
    await client.aclose()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a user namespace")
async def test_root_without_a_user_namespace_is_told_what_helps(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(CommandError, match=r"refuses a user namespace.*ordinary user"):
        await prepare_cluster(settings)
    assert not (settings.home / "postgres").exists()
