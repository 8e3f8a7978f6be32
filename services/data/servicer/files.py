"""Serves `tenon.data.v1.FileService`: files on their way into imports and out of exports."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from google.api import httpbody_pb2
from google.protobuf import empty_pb2
from tenon.data.v1 import file_pb2, file_service_pb2

from services.records.reading.pages import fingerprint, page_size
from services.records.transfer.files import file_gone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.chassis.call import Call
    from services.records.reading.pages import PageTokens
    from services.records.transfer.files import Files, StoredFile

PLAIN = "application/octet-stream"
"""The media type of a file of which none is told."""

MAX_CONTENT_TYPE = 200
"""The most characters of a media type."""

# A download has it as a header, which no line break may end (RFC 9110 §8.3).
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+( *;[ -~]*)?", re.ASCII)


class FileServicer:
    """Takes files in and hands them out."""

    def __init__(self, files: Files, tokens: PageTokens) -> None:
        """Take where files are, and what seals page tokens."""
        self._files, self._tokens = files, tokens

    async def UploadFile(
        self, requests: AsyncIterator[file_service_pb2.UploadFileRequest], call: Call
    ) -> file_pb2.File:
        """Store what comes; raises FileTooLarge."""
        await self._files.check_room(call.caller)
        first = await anext(requests, file_service_pb2.UploadFileRequest())
        told = first.content.content_type
        content_type = told if len(told) <= MAX_CONTENT_TYPE and _MEDIA_TYPE.fullmatch(told) else PLAIN
        async with self._files.writing(call.caller, content_type) as file:
            await file.write(first.content.data)
            async for request in requests:
                await file.write(request.content.data)
            return _encode(await file.finish())

    async def DownloadFile(
        self, request: file_service_pb2.DownloadFileRequest, call: Call
    ) -> AsyncIterator[httpbody_pb2.HttpBody]:
        """Return the content in pieces; raises FileNotThere."""
        file = await self._files.get(call.caller, request.name)
        # Told before the content, so that whoever takes it can tell whether it is whole.
        call.set_header("x-content-sha256", file.sha256)
        # Whatever somebody has uploaded, no browser is to take it for a page of ours.
        call.set_header("content-disposition", "attachment")
        call.set_header("x-content-type-options", "nosniff")
        sent, content_type = 0, file.content_type
        async for piece in self._files.read(file.id):
            sent += len(piece)
            yield httpbody_pb2.HttpBody(content_type=content_type, data=piece)
            content_type = ""
        if sent != file.size_bytes:
            # It was deleted or has expired meanwhile: what came is not to be taken for all of it.
            raise file_gone(file.id)
        if not sent:
            yield httpbody_pb2.HttpBody(content_type=content_type)

    async def GetFile(self, request: file_service_pb2.GetFileRequest, call: Call) -> file_pb2.File:
        """Return what is known of a file; raises FileNotThere."""
        return _encode(await self._files.get(call.caller, request.name))

    async def ListFiles(
        self, request: file_service_pb2.ListFilesRequest, call: Call
    ) -> file_service_pb2.ListFilesResponse:
        """Return a page of the caller's files; raises PageTokenInvalid and InvalidArgument."""
        size = page_size(request.page_size)
        bound_to = owned_by(fingerprint(call.method.path, call.caller.organization, request), call)
        after = str(self._tokens.open(request.page_token, bound_to)[0]) if request.page_token else ""
        # One more than the page has says whether there is another.
        found = await self._files.page(call.caller, after=after, size=size + 1)
        page, more = found[:size], len(found) > size
        return file_service_pb2.ListFilesResponse(
            files=[_encode(file) for file in page],
            next_page_token=self._tokens.seal((page[-1].id,), bound_to) if more else "",
        )

    async def DeleteFile(self, request: file_service_pb2.DeleteFileRequest, call: Call) -> empty_pb2.Empty:
        """Delete a file; raises FileNotThere."""
        await self._files.delete(call.caller, request.name)
        return empty_pb2.Empty()


def owned_by(bound_to: bytes, call: Call) -> bytes:
    """Return a page token's binding that holds for the caller's subject alone."""
    return hashlib.sha256(bound_to + call.caller.subject.encode()).digest()[:16]


def _encode(file: StoredFile) -> file_pb2.File:
    encoded = file_pb2.File(
        name=file.name, content_type=file.content_type, size_bytes=file.size_bytes, sha256=file.sha256
    )
    encoded.create_time.FromDatetime(file.created_at)
    encoded.expire_time.FromDatetime(file.expires_at)
    return encoded
