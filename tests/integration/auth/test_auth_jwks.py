"""Whether services read auth's public keys over a real socket, in plaintext and by mutual TLS."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from services.auth.domain.signing_keys import Rotation
from services.auth.http.keys import routes
from services.chassis.http_listener import build_app, serve_http
from services.chassis.jwks import JWKS_PATH, Jwks, http_fetch
from services.chassis.tls import CertificateFolder
from services.cli.stack.certificates import renew
from tests.fakes.auth import START, FakeSigningKeys
from tests.fakes.chassis_frame import fake_telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.applications import Starlette


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    made = Path(tempfile.mkdtemp(prefix="tenon-jwks-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
async def keys() -> FakeSigningKeys:
    made = FakeSigningKeys()
    await made.rotate(Rotation(), now=START)
    return made


@pytest.fixture
def app(keys: FakeSigningKeys) -> Starlette:
    return build_app(routes=routes(keys), telemetry=fake_telemetry(), is_serving=lambda: True)


async def test_keys_are_read_over_a_socket(folder: Path, app: Starlette, keys: FakeSigningKeys) -> None:
    async with serve_http(app, f"unix:{folder}/auth.sock", None):
        jwks = Jwks(fetch=http_fetch(f"unix:{folder}/auth.sock"))
        await jwks.refresh()
        assert jwks.find(keys.keys[0].id) is not None


async def test_keys_are_read_by_mutual_tls_and_by_nobody_without_a_certificate(
    folder: Path, app: Starlette, keys: FakeSigningKeys
) -> None:
    certs = folder / "certs"
    for home in (certs, folder / "strangers"):
        renew(home, trust_domain="tenon.local", now=datetime.now(UTC))
    endpoint = f"unix:{folder}/auth.sock"
    tls = CertificateFolder(certs / "auth" / "current").server_context()
    async with serve_http(app, endpoint, tls):
        jwks = Jwks(fetch=http_fetch(endpoint, certs=certs / "data" / "current"))
        await jwks.refresh()
        assert jwks.find(keys.keys[0].id) is not None
        for stranger in (None, folder / "strangers" / "data" / "current"):
            jwks = Jwks(fetch=http_fetch(endpoint, certs=stranger))
            await jwks.refresh()
            assert jwks.is_empty()
    impostor = CertificateFolder(certs / "data" / "current").server_context()
    async with serve_http(app, f"unix:{folder}/impostor.sock", impostor):
        jwks = Jwks(fetch=http_fetch(f"unix:{folder}/impostor.sock", certs=certs / "data" / "current"))
        await jwks.refresh()
        assert jwks.is_empty()


async def test_an_issuer_that_is_not_there_yet_is_no_error(folder: Path) -> None:
    jwks = Jwks(fetch=http_fetch(f"unix:{folder}/nobody.sock"))
    await jwks.refresh()
    assert jwks.is_empty()


async def test_the_document_may_be_kept_for_less_than_a_key_is_published_before_it_signs(app: Starlette) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://auth") as client:
        answer = await client.get(JWKS_PATH)
        refused = await client.post(JWKS_PATH)
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert "d" not in json.loads(answer.content)["keys"][0]
    assert refused.status_code == 405
    assert Rotation().lead.total_seconds() > 2 * 300
