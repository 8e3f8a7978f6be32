"""`tenon migrate` on the embedded Postgres of a state folder: shows what would run, runs it, refuses what is lossy."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg
import pytest

from services.cli.commands.migrate import Asked, run_migrate
from services.cli.commands.new import contract_text, name_resource
from services.cli.errors import CommandError
from services.cli.home import read_holder
from services.cli.stack.database import open_databases
from services.cli.stack.postgres import prepare_cluster

if TYPE_CHECKING:
    from pathlib import Path

    from services.cli.settings import Settings

NAMES = name_resource("shop.Product")
CODE = '    unique: {\n      fields: ["code"]\n    }\n'


@pytest.fixture
def kept(settings: Settings, tmp_path: Path) -> Settings:
    """A state folder that has databases, and a contract beside it."""
    root = tmp_path / "contracts"
    (root / NAMES.file).parent.mkdir(parents=True)
    asyncio.run(prepare_cluster(settings))
    return replace(settings, contracts=(root,))


def save(settings: Settings, text: str) -> None:
    (settings.contracts[0] / NAMES.file).write_text(text)


def migrate(settings: Settings, *, apply: bool = False, allow_breaking: bool = False) -> tuple[int, str]:
    said: list[str] = []
    code = run_migrate(settings, Asked(apply=apply, allow_breaking=allow_breaking), write=said.append)
    return code, "\n".join(said)


def run_sql(settings: Settings, *statements: str) -> None:
    async def run() -> None:
        async with open_databases(settings) as locate:
            connection = await asyncpg.connect(locate("data"))
            for statement in statements:
                await connection.execute(statement)
            await connection.close()

    asyncio.run(run())


def test_where_nothing_is_kept_there_is_nothing_to_migrate(settings: Settings) -> None:
    with pytest.raises(CommandError, match="Nothing is kept"):
        migrate(settings)
    assert not (settings.home / "postgres").exists()


def test_a_plan_is_shown_then_applied_and_then_done(kept: Settings) -> None:
    text = contract_text(NAMES)
    save(kept, text)
    code, said = migrate(kept)
    assert code == 0
    assert "CREATE TABLE shop_v1.products" in said
    assert migrate(kept)[1] == said, "a plan changes nothing"
    assert migrate(kept, apply=True)[0] == 0
    assert "-- shop_v1: nothing to do" in migrate(kept)[1]
    assert read_holder(kept) is None

    save(kept, text.replace("string code = 3", "string stock = 8;\n\n  // Is it.\n  string code = 3").replace(CODE, ""))
    code, said = migrate(kept, apply=True)
    assert code == 0
    assert "ADD COLUMN stock" in said
    assert "DROP INDEX CONCURRENTLY" in said


def test_what_breaks_callers_or_loses_data_is_refused(kept: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    text = contract_text(NAMES)
    save(kept, text)
    assert migrate(kept, apply=True)[0] == 0
    insert = (
        "INSERT INTO shop_v1.products (organization, message, revision, shape, name, code, description) "
        "VALUES ('acme', '', 1, 0, 'products/{0}', 'c{0}', 'said')"
    )
    run_sql(kept, insert.format("a"), insert.format("b"))

    save(kept, text.replace("string display_name = 2", "string title = 2").replace('"display_name"', '"title"'))
    code, said = migrate(kept, apply=True)
    assert code == 1
    assert 'RENAME COLUMN "display_name" TO "title"' in said
    assert "--allow-breaking" in capsys.readouterr().err
    assert migrate(kept, apply=True, allow_breaking=True)[0] == 0

    save(kept, text.replace("string description = 4", "int32 description = 4").replace('"description"', '"code"'))
    assert migrate(kept, apply=True, allow_breaking=True)[0] == 1
    told = capsys.readouterr().err
    assert "2 of 2 rows hold a value, such as products/a and products/b" in told
    assert "said" not in told
