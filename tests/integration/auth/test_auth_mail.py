"""Whether mail is kept in Postgres and reaches an SMTP server, or a folder."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.handlers import Message as Inbox
from aiosmtpd.smtp import SMTP, AuthResult

from services.auth.domain.mail import Delivery, KeptMail, MailNotCarried
from services.auth.storage import schema
from services.auth.storage.carriers import FolderCarrier, SmtpCarrier, SmtpServer
from services.auth.storage.database import Database
from services.auth.storage.mail import SqlMail
from services.chassis.keyring import Keyring, RootKey
from tests.fakes.auth import START, FakeClock
from tests.fakes.auth_mail_conformance import MailConformance, mail_to
from tests.fakes.chassis_certs import issue_certs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from email.message import Message as Received
    from pathlib import Path

SENDER = "Tenon <no-reply@x.test>"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def auth(database: str) -> AsyncIterator[Database]:
    """Auth's own tables, empty."""
    opened = Database(database)
    await schema.migrate(opened)
    yield opened
    await opened.close()


def mail_sealed_by(auth: Database, secret: bytes, clock: FakeClock) -> SqlMail:
    sealer = Keyring([RootKey(id=secret.hex()[:4], secret=secret)]).sealer("auth mail")
    return SqlMail(auth, sealer, clock=clock)


@pytest.fixture
def mail(auth: Database, clock: FakeClock) -> SqlMail:
    return mail_sealed_by(auth, b"k" * 32, clock)


class TestSqlMail(MailConformance):
    """The adapter of `Mail` and `MailQueue` in Postgres."""

    @pytest.fixture
    def mail(self, auth: Database, clock: FakeClock) -> SqlMail:
        return mail_sealed_by(auth, b"k" * 32, clock)

    async def test_many_workers_get_different_mails(self, mail: SqlMail, clock: FakeClock) -> None:
        for n in range(20):
            await mail.post(mail_to(f"u{n}@x.test"))
        lent = await asyncio.gather(*(mail.lend(now=clock(), lease=timedelta(hours=1), limit=5) for _ in range(8)))
        ids = [kept.id for some in lent for kept in some]
        assert len(ids) == len(set(ids)) == 20

    async def test_mail_of_a_change_that_was_undone_is_never_sent(
        self, mail: SqlMail, auth: Database, clock: FakeClock
    ) -> None:
        async def fail() -> None:
            async with auth.open("default"):
                await mail.post(mail_to("ann@x.test"))
                raise LookupError

        with pytest.raises(LookupError):
            await fail()
        assert await mail.lend(now=clock(), lease=timedelta(minutes=1), limit=10) == []

    async def test_nothing_of_a_mail_is_in_the_database_as_it_is(self, mail: SqlMail, auth: Database) -> None:
        await mail.post(mail_to("ann@x.test"))
        [row] = await auth.fetch("SELECT * FROM auth.mails")
        assert b"123456" not in row["content"]
        assert "ann@x.test" not in str(tuple(row))

    async def test_mail_that_cannot_be_unsealed_is_given_up(
        self, mail: SqlMail, auth: Database, clock: FakeClock
    ) -> None:
        await mail.post(mail_to("ann@x.test"))
        other = mail_sealed_by(auth, b"o" * 32, clock)
        assert await other.lend(now=clock(), lease=timedelta(minutes=1), limit=10) == []
        assert await auth.fetch("SELECT 1 FROM auth.mails") == []


class Box(Inbox):
    """Keeps what an SMTP server was given."""

    def __init__(self) -> None:
        super().__init__()
        self.received: list[Received] = []

    def handle_message(self, message: Received) -> None:
        self.received.append(message)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        del server, session, options
        if address.startswith("nobody@"):
            return "550 no such user"
        if address.startswith("later@"):
            return "451 try again"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@dataclass
class Server:
    """An SMTP server in this loop."""

    port: int
    box: Box = field(default_factory=Box)
    users: list[str] = field(default_factory=list)


@asynccontextmanager
async def smtp_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A real SMTP server on a free port; with `tls` it wants STARTTLS and a password."""
    made = Server(port=0)

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        made.users.append(data.login.decode())
        return AuthResult(success=data.password == b"secret password", handled=False)

    def make() -> SMTP:
        required: dict[str, Any] = {"auth_required": True, "authenticator": check} if tls else {}
        starttls: dict[str, Any] = {"tls_context": tls, "require_starttls": True} if tls else {}
        return SMTP(made.box, hostname="smtp.x.test", enable_SMTPUTF8=True, **required, **starttls)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()


def kept_mail(address: str) -> KeptMail:
    return KeptMail(id="abc", message=mail_to(address), attempts=1, expires=START + timedelta(days=1))


async def test_mail_reaches_an_smtp_server(mail: SqlMail, clock: FakeClock) -> None:
    async with smtp_server() as server:
        carrier = SmtpCarrier(SmtpServer.parse(f"smtp://127.0.0.1:{server.port}"), sender=SENDER)
        delivery = Delivery(queue=mail, carrier=carrier, clock=clock)
        await mail.post(mail_to("ann@x.test"))
        await mail.post(mail_to("bob@x.test"))
        assert await delivery.do_round() == 2
        assert await delivery.do_round() == 0
    assert {message["To"] for message in server.box.received} == {"ann@x.test", "bob@x.test"}
    first = server.box.received[0]
    assert first["From"] == SENDER
    assert first["Subject"] == "Hello"
    assert first["Message-ID"].endswith("@x.test>")
    assert first.get_payload() == "The code is 123456.\r\n"


async def test_a_password_goes_over_starttls_to_a_server_that_is_known(tmp_path: Path) -> None:
    certs = issue_certs(tmp_path, "auth", "other")
    async with smtp_server(_server_tls(certs["auth"])) as server:
        url = f"smtp+starttls://someone:secret%20password@127.0.0.1:{server.port}"
        trusting = SmtpCarrier(SmtpServer.parse(url), sender=SENDER, tls=_client_tls(certs["auth"]))
        await trusting.carry(kept_mail("ann@x.test"))
        with pytest.raises(MailNotCarried, match="cannot be reached"):
            await SmtpCarrier(SmtpServer.parse(url), sender=SENDER).carry(kept_mail("ann@x.test"))
        wrong = replace(SmtpServer.parse(url), password="wrong")
        with pytest.raises(MailNotCarried, match="535"):
            await SmtpCarrier(wrong, sender=SENDER, tls=_client_tls(certs["auth"])).carry(kept_mail("ann@x.test"))
    assert set(server.users) == {"someone"}
    assert len(server.box.received) == 1


async def test_nothing_is_sent_where_starttls_is_wanted_and_not_offered() -> None:
    async with smtp_server() as server:
        carrier = SmtpCarrier(SmtpServer.parse(f"smtp+starttls://127.0.0.1:{server.port}"), sender=SENDER)
        with pytest.raises(MailNotCarried):
            await carrier.carry(kept_mail("ann@x.test"))
    assert server.box.received == []


@pytest.mark.parametrize(("address", "for_good"), [("nobody@x.test", True), ("later@x.test", False)])
async def test_a_refused_receiver_is_told_apart_from_one_who_may_be_tried_again(address: str, for_good: bool) -> None:
    async with smtp_server() as server:
        carrier = SmtpCarrier(SmtpServer.parse(f"smtp://127.0.0.1:{server.port}"), sender=SENDER)
        with pytest.raises(MailNotCarried) as caught:
            await carrier.carry(kept_mail(address))
    assert caught.value.for_good == for_good
    assert address not in str(caught.value)


async def test_a_server_that_is_down_is_tried_again(mail: SqlMail, clock: FakeClock) -> None:
    async with smtp_server() as server:
        port = server.port
    carrier = SmtpCarrier(SmtpServer.parse(f"smtp://127.0.0.1:{port}"), sender=SENDER)
    await mail.post(mail_to("ann@x.test"))
    delivery = Delivery(queue=mail, carrier=carrier, clock=clock)
    await delivery.do_round()
    clock.advance(seconds=5)
    [again] = await mail.lend(now=clock(), lease=timedelta(minutes=1), limit=10)
    assert again.attempts == 2


async def test_without_a_server_mail_lies_in_a_folder(mail: SqlMail, clock: FakeClock, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "mail"
    delivery = Delivery(queue=mail, carrier=FolderCarrier(folder, sender=SENDER), clock=clock)
    await mail.post(mail_to("änn@x.test"))
    await delivery.do_round()
    [path] = folder.iterdir()
    assert path.suffix == ".eml"
    assert path.stat().st_mode & 0o077 == 0
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert message["To"] == "änn@x.test"
    assert message.get_content() == "The code is 123456.\n"


async def test_a_folder_that_cannot_be_written_to_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file")
    with pytest.raises(MailNotCarried, match="TENON_MAIL_FOLDER"):
        await FolderCarrier(tmp_path / "mail", sender=SENDER).carry(kept_mail("ann@x.test"))


def _server_tls(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def _client_tls(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    # Certificates of the mesh name a workload and no host.
    context.check_hostname = False
    return context
