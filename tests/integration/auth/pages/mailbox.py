"""Reads the mail that was put into a folder."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


async def next_mail(folder: Path, subject: str, *, seconds: float = 20) -> str:
    """Return the text of a mail with such a subject, and take it out of the folder."""
    async with asyncio.timeout(seconds):
        while True:
            for path in sorted(folder.glob("*.eml")):
                message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                if re.search(subject, str(message["subject"])):
                    path.unlink()
                    body = message.get_body()
                    assert body is not None
                    return str(body.get_content())
            await asyncio.sleep(0.05)


def link_in(text: str) -> str:
    """Return the path of the link in a mail."""
    found = re.search(r"https?://[^/\s]+(/\S+)", text)
    assert found is not None, text
    return found.group(1)
