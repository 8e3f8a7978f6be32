"""What every adapter of `Mail` and `MailQueue` must do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from services.auth.domain.mail import LIFETIME, Message

if TYPE_CHECKING:
    from services.auth.storage.mail import SqlMail
    from tests.fakes.auth import FakeClock

LEASE = timedelta(minutes=2)


def mail_to(address: str) -> Message:
    return Message(to=address, subject="Hello", text="The code is 123456.\n", kind="code", organization="default")


class MailConformance:
    """Derived classes give the fixture `mail`, and a `clock` that it goes by."""

    @pytest.fixture
    def mail(self) -> SqlMail:
        raise NotImplementedError

    async def test_what_is_posted_is_due_at_once_and_lasts_a_day(self, mail: SqlMail, clock: FakeClock) -> None:
        await mail.post(mail_to("ann@x.test"))
        [lent] = await mail.lend(now=clock(), lease=LEASE, limit=10)
        assert lent.message == mail_to("ann@x.test")
        assert lent.attempts == 1
        assert lent.expires == clock() + LIFETIME

    async def test_a_mail_is_lent_to_one_at_a_time(self, mail: SqlMail, clock: FakeClock) -> None:
        await mail.post(mail_to("ann@x.test"))
        assert len(await mail.lend(now=clock(), lease=LEASE, limit=10)) == 1
        assert await mail.lend(now=clock(), lease=LEASE, limit=10) == []
        clock.advance(minutes=2)
        [again] = await mail.lend(now=clock(), lease=LEASE, limit=10)
        assert again.attempts == 2

    async def test_no_more_is_lent_than_asked_for(self, mail: SqlMail, clock: FakeClock) -> None:
        for name in ("ann", "bob", "cid"):
            await mail.post(mail_to(f"{name}@x.test"))
        first = await mail.lend(now=clock(), lease=LEASE, limit=2)
        rest = await mail.lend(now=clock(), lease=LEASE, limit=2)
        assert len({kept.id for kept in (*first, *rest)}) == 3

    async def test_what_is_removed_is_not_lent_again(self, mail: SqlMail, clock: FakeClock) -> None:
        await mail.post(mail_to("ann@x.test"))
        [lent] = await mail.lend(now=clock(), lease=LEASE, limit=10)
        await mail.remove(lent.id)
        await mail.remove(lent.id)
        clock.advance(hours=1)
        assert await mail.lend(now=clock(), lease=LEASE, limit=10) == []

    async def test_what_is_postponed_is_due_then(self, mail: SqlMail, clock: FakeClock) -> None:
        await mail.post(mail_to("ann@x.test"))
        [lent] = await mail.lend(now=clock(), lease=LEASE, limit=10)
        await mail.postpone(lent.id, clock() + timedelta(seconds=5))
        assert await mail.lend(now=clock(), lease=LEASE, limit=10) == []
        clock.advance(seconds=5)
        assert len(await mail.lend(now=clock(), lease=LEASE, limit=10)) == 1
