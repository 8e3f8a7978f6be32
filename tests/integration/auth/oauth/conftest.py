"""A running auth for the tests of its endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.chassis.contract import write_contract
from services.chassis.keyring import create_root_key
from tests.fakes.auth_provider import ADMIN_PASSWORD, ISSUER, own_contract, started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.fakes.auth_provider import Authority


@pytest.fixture
def environ(tmp_path: Path, database: str, valkey_socket: Path, redis: object) -> dict[str, str]:
    write_contract(own_contract(), tmp_path / "contract.binpb")
    create_root_key(tmp_path / "root.key")
    password = tmp_path / "admin-password"
    password.touch(mode=0o600)
    password.write_text(f"{ADMIN_PASSWORD}\n")
    return {
        "TENON_CONTRACT": str(tmp_path / "contract.binpb"),
        "TENON_LISTEN": f"unix:{tmp_path}/auth.sock"[:100],
        "TENON_INSECURE": "1",
        "TENON_DATABASE_URL": database,
        "TENON_REDIS_URL": f"unix://{valkey_socket}",
        "TENON_ROOT_KEY": str(tmp_path / "root.key"),
        "TENON_ISSUER": ISSUER,
        "TENON_ADMIN_PASSWORD_FILE": str(password),
        "TENON_MAIL_FOLDER": str(tmp_path / "mail"),
    }


@pytest.fixture
async def authority(environ: dict[str, str]) -> AsyncIterator[Authority]:
    async with started(environ) as running:
        yield running
