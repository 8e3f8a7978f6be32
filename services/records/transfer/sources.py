"""Reads the rows of a stored file, a block at a time, so that no more of it is in memory."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

from services.records.transfer.failures import FileUnreadable
from services.records.transfer.files import FileNotThere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.records.transfer.files import Files, StoredFile
    from services.records.transfer.formats.rows import Raw, Reader

BLOCK_BYTES = 512 * 1024
"""Bytes that are read at once; a block grows where a row is larger."""


class Source:
    """The rows of a file from some place on."""

    def __init__(self, files: Files, file: StoredFile, reader: Reader, place: int) -> None:
        """Take the file, what reads its rows, and the byte at which it begins."""
        self._files, self._file, self._reader = files, file, reader
        self._place = place
        """The byte that the block begins with."""
        self._block = b""

    @property
    def place(self) -> int:
        """The byte from which on rows are yet to be read; the file's size where it is read here and there."""
        return self._file.size_bytes if self._reader.seeks else self._place

    async def open(self) -> None:
        """Read what is to be known before the first row; raises FileUnreadable."""
        if self._reader.seeks:
            file = io.BufferedReader(_Seeking(self._files, self._file), BLOCK_BYTES)
            await asyncio.to_thread(self._reader.open, file)

    async def read(self) -> Sequence[Raw]:
        """Return some of the rows; none at the end of the file. Raises FileUnreadable and FileNotThere."""
        if self._reader.seeks:
            raws, _ = await asyncio.to_thread(self._reader.read, b"", at_end=True)
            return raws
        wanted = BLOCK_BYTES
        while True:
            await self._fill(wanted)
            at_end = self._place + len(self._block) >= self._file.size_bytes
            raws, used = await asyncio.to_thread(self._reader.read, self._block, at_end=at_end)
            self._place += used
            self._block = self._block[used:]
            if raws or (at_end and not self._block):
                return raws
            if not used:
                if at_end:
                    raise FileUnreadable("The file does not end with a row.")
                wanted = len(self._block) + BLOCK_BYTES

    async def _fill(self, wanted: int) -> None:
        parts = [self._block]
        size = len(self._block)
        while size < wanted and self._place + size < self._file.size_bytes:
            piece = await self._files.read_at(self._file.id, self._place + size)
            if not piece:
                raise FileNotThere(f"`{self._file.name}` is gone.", metadata={"name": self._file.name})
            parts.append(piece)
            size += len(piece)
        self._block = b"".join(parts)


class _Seeking(io.RawIOBase):
    """A stored file for a library that reads here and there, in a thread of its own."""

    def __init__(self, files: Files, file: StoredFile) -> None:
        super().__init__()
        self._files, self._file, self._place = files, file, 0
        self._loop = asyncio.get_running_loop()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._file.size_bytes}[whence]
        self._place = max(0, start + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        if self._place >= self._file.size_bytes:
            return 0
        asked = self._files.read_part(self._file.id, self._place, len(buffer))
        piece = asyncio.run_coroutine_threadsafe(asked, self._loop).result()
        if not piece:
            raise OSError(f"{self._file.name} is gone")
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)
