"""Mail kept in memory, and carriers that do what they are told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from services.auth.domain.mail import LIFETIME, KeptMail, MailNotCarried, Message
from tests.fakes.auth import FakeClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta


@dataclass
class FakeMail:
    """Mail in memory (ports `Mail` and `MailQueue`)."""

    clock: FakeClock = field(default_factory=FakeClock)
    posted: list[Message] = field(default_factory=list)
    kept: dict[str, KeptMail] = field(default_factory=dict)
    due: dict[str, datetime] = field(default_factory=dict)

    async def post(self, message: Message) -> None:
        mail = f"mail{len(self.posted)}"
        self.posted.append(message)
        self.kept[mail] = KeptMail(id=mail, message=message, attempts=0, expires=self.clock() + LIFETIME)
        self.due[mail] = self.clock()

    async def lend(self, *, now: datetime, lease: timedelta, limit: int) -> Sequence[KeptMail]:
        lent = [mail for mail in self.kept if self.due[mail] <= now][:limit]
        for mail in lent:
            self.kept[mail] = replace(self.kept[mail], attempts=self.kept[mail].attempts + 1)
            self.due[mail] = now + lease
        return [self.kept[mail] for mail in lent]

    async def remove(self, mail: str) -> None:
        self.kept.pop(mail, None)

    async def postpone(self, mail: str, due: datetime) -> None:
        self.due[mail] = due


@dataclass
class FakeCarrier:
    """Takes mail, or refuses it (port `Carrier`)."""

    refusal: MailNotCarried | None = None
    carried: list[KeptMail] = field(default_factory=list)
    tries: int = 0

    async def carry(self, mail: KeptMail) -> None:
        self.tries += 1
        if self.refusal is not None:
            raise self.refusal
        self.carried.append(mail)
