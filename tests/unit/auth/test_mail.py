"""How mail is carried, tried again and given up, and what the letters say."""

from __future__ import annotations

import logging
import string
from datetime import timedelta

import pytest

from services.auth.domain.letters import CHANGE, INVITATION, LETTERS, write_letter
from services.auth.domain.mail import Delivery, KeptMail, MailNotCarried, wait_after
from services.auth.storage.carriers import NoCarrier, SmtpServer
from tests.fakes.auth import START, FakeClock
from tests.fakes.auth_mail import FakeCarrier, FakeMail
from tests.fakes.auth_mail_conformance import MailConformance, mail_to


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def mail(clock: FakeClock) -> FakeMail:
    return FakeMail(clock=clock)


@pytest.fixture
def carrier() -> FakeCarrier:
    return FakeCarrier()


@pytest.fixture
def delivery(mail: FakeMail, carrier: FakeCarrier, clock: FakeClock) -> Delivery:
    return Delivery(queue=mail, carrier=carrier, clock=clock)


class TestFakeMail(MailConformance):
    """The fake does what the adapter does."""

    @pytest.fixture
    def mail(self, clock: FakeClock) -> FakeMail:
        return FakeMail(clock=clock)


async def test_mail_that_was_carried_is_kept_no_more(delivery: Delivery, mail: FakeMail, carrier: FakeCarrier) -> None:
    await mail.post(mail_to("ann@x.test"))
    assert await delivery.do_round() == 1
    assert [kept.message.to for kept in carrier.carried] == ["ann@x.test"]
    assert mail.kept == {}


async def test_mail_that_is_refused_is_tried_again_with_growing_delay(
    delivery: Delivery, mail: FakeMail, carrier: FakeCarrier, clock: FakeClock
) -> None:
    await mail.post(mail_to("ann@x.test"))
    carrier.refusal = MailNotCarried("the server answers 451")
    waits = []
    for _ in range(4):
        await delivery.do_round()
        [due] = mail.due.values()
        waits.append((due - clock()).total_seconds())
        clock.now = due
    assert waits == [5, 10, 20, 40]
    carrier.refusal = None
    await delivery.do_round()
    assert len(carrier.carried) == 1


def test_no_wait_exceeds_an_hour() -> None:
    assert wait_after(1000) == timedelta(hours=1)


async def test_mail_is_given_up_after_a_day_with_a_line_in_the_log(
    delivery: Delivery, mail: FakeMail, carrier: FakeCarrier, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    await mail.post(mail_to("ann@x.test"))
    posted = clock()
    carrier.refusal = MailNotCarried("the server answers 451")
    while mail.kept:
        await delivery.do_round()
        clock.now = max(mail.due.values())
    assert timedelta(hours=22) < clock() - posted < timedelta(hours=25)
    assert carrier.tries < 50
    last = caplog.records[-1]
    assert last.levelno == logging.ERROR
    assert "gave up the code mail mail0 of the organization default" in last.getMessage()


async def test_a_receiver_whom_the_server_does_not_know_is_not_tried_again(
    delivery: Delivery, mail: FakeMail, carrier: FakeCarrier
) -> None:
    await mail.post(mail_to("ann@x.test"))
    carrier.refusal = MailNotCarried("the server refuses the receiver (550)", for_good=True)
    await delivery.do_round()
    assert mail.kept == {}


async def test_no_log_and_no_representation_holds_the_text_or_the_receiver(
    delivery: Delivery, mail: FakeMail, carrier: FakeCarrier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await mail.post(mail_to("ann@x.test"))
    carrier.refusal = MailNotCarried("the server answers 451")
    await delivery.do_round()
    shown = caplog.text + repr(mail.kept) + repr(mail.posted)
    assert caplog.records
    assert "123456" not in shown
    assert "ann@x.test" not in shown


async def test_without_a_way_out_mail_waits() -> None:
    with pytest.raises(MailNotCarried, match="TENON_SMTP_URL"):
        await NoCarrier().carry(KeptMail(id="a", message=mail_to("ann@x.test"), attempts=1, expires=START))


@pytest.mark.parametrize("kind", LETTERS)
def test_every_letter_is_written_whole_from_its_values(kind: str) -> None:
    letter = LETTERS[kind]
    names = {name for text in (letter.subject, letter.text) for _, name, _, _ in string.Formatter().parse(text) if name}
    values = {name: f"<{name}>" for name in names}
    written = write_letter(kind, to="ann@x.test", organization="acme", **values)
    assert (written.to, written.organization, written.kind) == ("ann@x.test", "acme", kind)
    assert all(f"<{name}>" in written.subject + written.text for name in names)
    assert all(len(line) <= 120 for line in written.text.splitlines())
    with pytest.raises(KeyError):
        write_letter(kind, to="ann@x.test", organization="acme")


def test_what_others_have_chosen_breaks_no_line_and_makes_no_link() -> None:
    written = write_letter(
        INVITATION,
        to="ann@x.test",
        organization="acme",
        inviter="Eve\r\nBcc: all@x.test",
        name="Acme https://evil.test/win {link}" + "x" * 500,
        link="https://tenon.test/account/invitation?token=abc",
        days=7,
    )
    assert "\n" not in written.subject
    assert "\r" not in written.text
    assert "https://evil.test" not in written.text
    assert len(written.subject) < 250
    assert written.text.count("https://tenon.test/account/invitation?token=abc") == 1


def test_a_change_notice_says_what_when_and_from_where() -> None:
    written = write_letter(
        CHANGE, to="a@x.test", organization="acme", change="password", time="now", address="10.0.0.1"
    )
    assert all(part in written.text for part in ("password", "now", "10.0.0.1"))


@pytest.mark.parametrize(
    ("url", "port", "encryption"),
    [
        ("smtps://user:p%40ss@mail.x.test", 465, "implicit"),
        ("smtp+starttls://user:p%40ss@mail.x.test:2525", 2525, "starttls"),
        ("smtp://user:p%40ss@localhost", 587, "opportunistic"),
    ],
)
def test_an_smtp_url_names_server_and_credentials(url: str, port: int, encryption: str) -> None:
    server = SmtpServer.parse(url)
    assert (server.port, server.encryption, server.user, server.password) == (port, encryption, "user", "p@ss")
    assert "p@ss" not in repr(server)


@pytest.mark.parametrize(
    "url", ["mail.x.test", "http://mail.x.test", "smtp://user:hidden@mail.x.test", "smtp://h:port", "smtps://h/path"]
)
def test_what_is_no_safe_smtp_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="Mend:") as caught:
        SmtpServer.parse(url)
    assert "hidden" not in str(caught.value)
