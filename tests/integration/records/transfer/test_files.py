"""Files: whole or not there, their owner's alone, bounded, and gone when they expire."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from tenon.data.v1 import file_service_pb2

from services.chassis.errors import NotFound, ResourceExhausted
from services.data.servicer.files import FileServicer
from services.records.reading.pages import PageTokenInvalid, PageTokens
from services.records.transfer.files import CHUNK_BYTES, Files
from services.records.transfer.limits import Limits
from tests.integration.records.library import KEYRING, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.chassis.postgres import Pool
    from tests.integration.records.transfer.harbour import Harbour

SMALL = Limits(file_bytes=3 * CHUNK_BYTES, organization_bytes=4 * CHUNK_BYTES)


class Served:
    """The servicer, called as a transport would call it."""

    def __init__(self, harbour: Harbour, limits: Limits = SMALL) -> None:
        self.harbour = harbour
        self.files = Files(harbour.engine.pool, "data", limits)
        self.servicer = FileServicer(self.files, PageTokens(KEYRING))

    async def upload(self, pieces: Sequence[bytes], content_type: str = "text/csv", subject: str = "users/1") -> Any:
        async def requests() -> AsyncIterator[Any]:
            for number, piece in enumerate(pieces):
                request = file_service_pb2.UploadFileRequest()
                request.content.data = piece
                request.content.content_type = content_type if number == 0 else ""
                yield request

        return await self.servicer.UploadFile(requests(), self.call(subject))

    async def download(self, name: str, subject: str = "users/1") -> tuple[bytes, str]:
        request = file_service_pb2.DownloadFileRequest(name=name)
        bodies = [body async for body in self.servicer.DownloadFile(request, self.call(subject))]
        return b"".join(body.data for body in bodies), bodies[0].content_type

    def call(self, subject: str) -> Any:
        return self.harbour.call("ImportCrates", user("acme", subject))


async def stored(pool: Pool) -> int:
    rows = await pool.fetch("SELECT count(*) AS count FROM data.file_chunks")
    return int(rows[0]["count"])


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
async def test_what_is_uploaded_is_downloaded(harbour: Harbour, size: int) -> None:
    served = Served(harbour)
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    file = await served.upload([content[place : place + 65_537] for place in range(0, size, 65_537)])
    assert (file.size_bytes, file.sha256) == (size, hashlib.sha256(content).hexdigest())
    assert await served.download(file.name) == (content, "text/csv" if size else "application/octet-stream")
    assert file.expire_time.seconds - time.time() == pytest.approx(24 * 3600, abs=60)


async def test_a_file_can_be_read_from_any_byte(harbour: Harbour) -> None:
    served = Served(harbour)
    content = bytes(range(251)) * 9000
    file = await served.upload([content])
    id_ = file.name.partition("/")[2]
    for place in (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, len(content) - 1):
        found = b"".join([piece async for piece in served.files.read(id_, place)])
        assert found == content[place:]
    assert await served.files.read_part(id_, 5, 7) == content[5:12]
    assert await served.files.read_at(id_, len(content)) == b""


async def test_a_file_that_is_too_large_leaves_nothing(harbour: Harbour) -> None:
    served = Served(harbour)
    with pytest.raises(ResourceExhausted):
        await served.upload([bytes(CHUNK_BYTES)] * 3 + [b"x"])
    assert await stored(harbour.engine.pool) == 0
    assert not await harbour.engine.pool.fetch("SELECT 1 FROM data.files")


async def test_the_files_of_an_organization_are_bounded_together(harbour: Harbour) -> None:
    served = Served(harbour)
    names = [(await served.upload([bytes(2 * CHUNK_BYTES)], subject=f"users/{n}")).name for n in range(2)]
    with pytest.raises(ResourceExhausted):
        await served.upload([b"x"])
    await served.files.delete(user("acme", "users/0"), names[0])
    await served.upload([b"x"])


async def test_an_upload_that_breaks_off_leaves_nothing(harbour: Harbour) -> None:
    served = Served(harbour)

    async def broken() -> AsyncIterator[Any]:
        request = file_service_pb2.UploadFileRequest()
        request.content.data = bytes(CHUNK_BYTES)
        yield request
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await served.servicer.UploadFile(broken(), served.call("users/1"))
    assert await stored(harbour.engine.pool) == 0


async def test_a_file_is_its_owners_alone(harbour: Harbour) -> None:
    served = Served(harbour)
    name = (await served.upload([b"x"])).name
    for caller in (user("acme", "users/2"), user("globex", "users/1")):
        for attempt in (served.files.get(caller, name), served.files.delete(caller, name)):
            with pytest.raises(NotFound):
                await attempt
    for wrong in ("files/", "files/none", name.removeprefix("files/"), ""):
        with pytest.raises(NotFound):
            await served.files.get(user(), wrong)
    with pytest.raises(NotFound):
        await served.download(name, "users/2")


async def test_files_are_listed_page_by_page(harbour: Harbour) -> None:
    served = Served(harbour)
    names = [(await served.upload([b"x"])).name for _ in range(3)]
    call = served.call("users/1")
    first = await served.servicer.ListFiles(file_service_pb2.ListFilesRequest(page_size=2), call)
    rest = file_service_pb2.ListFilesRequest(page_size=2, page_token=first.next_page_token)
    second = await served.servicer.ListFiles(rest, call)
    assert [file.name for file in (*first.files, *second.files)] == names
    assert not second.next_page_token
    with pytest.raises(PageTokenInvalid):
        await served.servicer.ListFiles(rest, served.call("users/2"))


async def test_what_has_expired_is_not_there_and_is_swept_away(harbour: Harbour) -> None:
    served, pool = Served(harbour), harbour.engine.pool
    name = (await served.upload([b"x"])).name
    await pool.fetch("UPDATE data.files SET expires_at = now() - interval '1 s'")
    with pytest.raises(NotFound):
        await served.files.get(user(), name)
    await served.files.forget_expired()
    assert await stored(pool) == 0


async def test_uploads_that_run_at_once_are_bounded_together(harbour: Harbour) -> None:
    limits = Limits(file_bytes=64 * CHUNK_BYTES, organization_bytes=40 * CHUNK_BYTES)
    served = Served(harbour, limits)
    uploads = [served.upload([bytes(CHUNK_BYTES)] * 34) for _ in range(4)]
    found = await asyncio.gather(*uploads, return_exceptions=True)
    assert sum(isinstance(each, ResourceExhausted) for each in found) >= 3
    assert await stored(harbour.engine.pool) <= 34 * CHUNK_BYTES


async def test_a_download_of_a_file_that_is_deleted_meanwhile_does_not_end_as_if_it_were_whole(
    harbour: Harbour,
) -> None:
    served = Served(harbour)
    file = await served.upload([bytes(CHUNK_BYTES)] * 3)
    request = file_service_pb2.DownloadFileRequest(name=file.name)
    pieces = served.servicer.DownloadFile(request, served.call("users/1"))
    await anext(pieces)
    await served.files.delete(user("acme", "users/1"), file.name)
    with pytest.raises(NotFound):
        await anext(pieces)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("text/csv; charset=utf-8", "text/csv; charset=utf-8"),
        ("text/csv\r\nset-cookie: a=b", "application/octet-stream"),
        ("text/csv;\n", "application/octet-stream"),
        ("\x00", "application/octet-stream"),
        ("text/" + "x" * 300, "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
async def test_a_media_type_is_one_or_is_not_kept(harbour: Harbour, told: str, kept: str) -> None:
    assert (await Served(harbour).upload([b"x"], told)).content_type == kept
