"""Whether every process learns what was revoked, over a real socket and by mutual TLS, and at little cost."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from services.auth.http.revocations import routes
from services.chassis.fetching import Page
from services.chassis.http_listener import build_app, serve_http
from services.chassis.revocations import REVOCATIONS_PATH, RevokedTokens, http_revocations
from services.chassis.tls import CertificateFolder
from services.cli.stack.certificates import renew
from tests.fakes.chassis_frame import fake_telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.applications import Starlette

FOR_EVER = float(2**53)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    made = Path(tempfile.mkdtemp(prefix="tenon-rev-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def kept() -> dict[str, float]:
    """What auth keeps."""
    return {"session:s": FOR_EVER}


@pytest.fixture
async def own(kept: dict[str, float]) -> RevokedTokens:
    """Auth's own memory of it."""

    async def fetch() -> Mapping[str, float]:
        return dict(kept)

    own = RevokedTokens(fetch=fetch)
    await own.look()
    return own


@pytest.fixture
def app(own: RevokedTokens) -> Starlette:
    return build_app(routes=routes(own), telemetry=fake_telemetry(), is_serving=lambda: True)


async def test_what_is_revoked_is_learned_and_forgotten_over_a_socket(
    folder: Path, app: Starlette, own: RevokedTokens, kept: dict[str, float]
) -> None:
    endpoint = f"unix:{folder}/auth.sock"
    async with serve_http(app, endpoint, None):
        page = Page(endpoint=endpoint, path=REVOCATIONS_PATH)
        read = http_revocations(endpoint)
        assert await read.look()
        assert read.before == {"session:s": FOR_EVER}
        version = read.version
        assert await page.read_changed() is not None
        assert await page.read_changed() is None, "it is sent once for each change"
        assert await read.look()
        assert read.version == version
        kept["subject:users/1"] = 1_800_000_000
        await own.look()
        assert await page.read_changed() is not None
        assert await read.look()
        assert read.before == kept
        kept.clear()
        await own.look()
        assert await read.look()
        assert read.before == {}
        await page.close()
        await read.close()
    assert not await read.look(), "the set is kept when auth is gone"
    assert read.before == {}


async def test_it_is_told_to_workloads_of_the_mesh_alone(folder: Path, app: Starlette) -> None:
    certs = folder / "certs"
    for home in (certs, folder / "strangers"):
        renew(home, trust_domain="tenon.local", now=datetime.now(UTC))
    endpoint = f"unix:{folder}/auth.sock"
    tls = CertificateFolder(certs / "auth" / "current").server_context()
    async with serve_http(app, endpoint, tls):
        mine = http_revocations(endpoint, certs=certs / "data" / "current")
        assert await mine.look()
        await mine.close()
        assert mine.before == {"session:s": FOR_EVER}
        for stranger in (None, folder / "strangers" / "data" / "current"):
            theirs = http_revocations(endpoint, certs=stranger)
            assert not await theirs.look()
            assert theirs.version == 0


async def test_certificates_that_rotate_are_taken_up(folder: Path, app: Starlette) -> None:
    old, new = folder / "old", folder / "new"
    for home in (old, new):
        renew(home, trust_domain="tenon.local", now=datetime.now(UTC))
    link = folder / "current"
    link.symlink_to(old / "data" / "current")
    endpoint = f"unix:{folder}/auth.sock"
    read = http_revocations(endpoint, certs=link)
    async with serve_http(app, endpoint, CertificateFolder(old / "auth" / "current").server_context()):
        assert await read.look()
        await read.close()
    async with serve_http(app, endpoint, CertificateFolder(new / "auth" / "current").server_context()):
        assert not await read.look()
        link.unlink()
        link.symlink_to(new / "data" / "current")
        assert await read.look()
        await read.close()


async def test_before_anything_is_known_nothing_is_said_to_be_revoked_or_not(folder: Path) -> None:
    async def fetch() -> Mapping[str, float]:
        raise OSError("no database")

    own = RevokedTokens(fetch=fetch)
    await own.look()
    app = build_app(routes=routes(own), telemetry=fake_telemetry(), is_serving=lambda: True)
    async with serve_http(app, f"unix:{folder}/auth.sock", None):
        read = http_revocations(f"unix:{folder}/auth.sock")
        assert not await read.look()
        assert read.version == 0


async def test_a_page_that_is_too_large_is_not_read_to_its_end(folder: Path, app: Starlette) -> None:
    async with serve_http(app, f"unix:{folder}/auth.sock", None):
        page = Page(endpoint=f"unix:{folder}/auth.sock", path=REVOCATIONS_PATH, limit=10)
        with pytest.raises(ValueError, match="more than 10 bytes"):
            await page.read()


async def test_a_page_that_is_read_once_is_read_whole_each_time(folder: Path, app: Starlette) -> None:
    async with serve_http(app, f"unix:{folder}/auth.sock", None):
        page = Page(endpoint=f"unix:{folder}/auth.sock", path=REVOCATIONS_PATH)
        assert await page.read() == await page.read() != b""


async def test_nobody_writes_to_the_page(app: Starlette) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://auth") as client:
        assert (await client.post(REVOCATIONS_PATH)).status_code == 405
        answer = await client.get(REVOCATIONS_PATH)
    assert answer.headers["cache-control"] == "no-store"
