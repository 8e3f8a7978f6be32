"""Carries mail: to an SMTP server, or into a folder on a machine that has none."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import aiosmtplib

from services.auth.domain.mail import LIFETIME, MailNotCarried

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from services.auth.domain.mail import KeptMail

TIMEOUT = 20.0
"""Seconds that each step of a delivery may take."""

_PORTS = {"smtp": 587, "smtp+starttls": 587, "smtps": 465}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PERMANENT = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class SmtpServer:
    """Where mail is handed in (RFC 6409), and as whom."""

    host: str
    """Its host."""
    port: int
    """Its port."""
    encryption: str = "opportunistic"
    """`implicit` from the first byte, `starttls` or nothing is sent, or `opportunistic`."""
    user: str = field(default="", repr=False)
    """The user name, or empty for none."""
    password: str = field(default="", repr=False)
    """The password."""

    @classmethod
    def parse(cls, url: str) -> SmtpServer:
        """Read `smtps://`, `smtp+starttls://` or `smtp://`, each with `user:password@host:port`.

        Raises:
            ValueError: it is none; the message does not repeat it, since it holds a password.
        """
        parts = urlsplit(url)
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if parts.scheme not in _PORTS or not host or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("no SMTP server. Mend: write smtp+starttls://user:password@host:587, or smtps://….")
        if parts.username and parts.scheme == "smtp" and host not in _LOOPBACK:
            raise ValueError(
                "a password over smtp:// may go out in the clear. Mend: write smtp+starttls:// or smtps://."
            )
        return cls(
            host=host,
            port=port or _PORTS[parts.scheme],
            encryption={"smtps": "implicit", "smtp+starttls": "starttls"}.get(parts.scheme, "opportunistic"),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )


class SmtpCarrier:
    """Hands mail to an SMTP server (port `Carrier`), a connection for each."""

    def __init__(self, server: SmtpServer, *, sender: str, tls: ssl.SSLContext | None = None) -> None:
        """Take the server, the sender's address, and what checks the server's certificate (the system's roots)."""
        self._server = server
        self._sender = sender
        self._tls = tls

    async def carry(self, mail: KeptMail) -> None:
        """Hand a mail in. Raises `MailNotCarried`, for good where the server knows no such receiver."""
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            use_tls=server.encryption == "implicit",
            # None is "where it is offered".
            start_tls={"implicit": False, "starttls": True}.get(server.encryption),
            tls_context=self._tls,
            timeout=TIMEOUT,
        )
        try:
            async with client:
                await client.send_message(render(mail, self._sender))
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            for_good = all(code >= _PERMANENT for code in codes)
            raise MailNotCarried(f"the server refuses the receiver ({codes[0]})", for_good=for_good) from None
        except aiosmtplib.SMTPResponseException as error:
            # What the server says may repeat the address; its code says enough.
            raise MailNotCarried(f"the server answers {error.code}") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailNotCarried(f"the server cannot be reached ({type(error).__name__})") from None


class FolderCarrier:
    """Puts mail into a folder, a file for each (port `Carrier`)."""

    def __init__(self, folder: Path, *, sender: str) -> None:
        """Take the folder, which is made where it is missing, and the sender's address."""
        self._folder = folder
        self._sender = sender

    async def carry(self, mail: KeptMail) -> None:
        """Write a mail. Raises `MailNotCarried`."""
        try:
            await asyncio.to_thread(self._write, mail)
        except OSError as error:
            raise MailNotCarried(f"TENON_MAIL_FOLDER cannot be written to ({type(error).__name__})") from None

    def _write(self, mail: KeptMail) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        posted = (mail.expires - LIFETIME).strftime("%Y%m%dT%H%M%S%f")
        path = self._folder / f"{posted}-{mail.message.kind}-{mail.id}.eml"
        temporary = path.with_suffix(".part")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(bytes(render(mail, self._sender)))
        temporary.replace(path)


class NoCarrier:
    """Stands where nobody has said how mail leaves (port `Carrier`)."""

    async def carry(self, mail: KeptMail) -> None:
        """Carry nothing. Raises `MailNotCarried`."""
        del mail
        raise MailNotCarried("neither TENON_SMTP_URL nor TENON_MAIL_FOLDER is set")


def render(mail: KeptMail, sender: str) -> EmailMessage:
    """Return a mail in its form (RFC 5322). Its id stays the same, so that receivers may tell a second try."""
    made = EmailMessage()
    made["From"] = sender
    made["To"] = mail.message.to
    made["Subject"] = " ".join(mail.message.subject.split())
    made["Date"] = format_datetime(mail.expires - LIFETIME)
    made["Message-ID"] = f"<{mail.id}@{parseaddr(sender)[1].partition('@')[2] or 'tenon.local'}>"
    # No answer is wanted of automatic replies (RFC 3834 §5).
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(mail.message.text)
    return made
