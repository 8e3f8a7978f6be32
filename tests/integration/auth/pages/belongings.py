"""What people have beside their browser: a mailbox, and an app that shows codes."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import re
import time
from typing import TYPE_CHECKING

from services.auth.domain.factors.totp import code_at, step_at

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.auth.pages.browsing import Browser


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


class App:
    """An authenticator app on somebody's phone."""

    def __init__(self, browser: Browser) -> None:
        """Read the key off the page, as a person types it."""
        shown = next(one for one in browser.page.all("span") if one.attributes.get("class") == "code")
        key = shown.words().replace(" ", "")
        self.seed = base64.b32decode(key + "=" * (-len(key) % 8))

    def code(self, later: int = 0) -> str:
        """Return the code that it shows now, or so many steps later."""
        return code_at(self.seed, step_at(time.time()) + later)
