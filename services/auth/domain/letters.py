"""What the mails say: plain text, short, a table of templates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.mail import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

VERIFICATION = "verification"
"""Asks the owner of an address to confirm it: `link`, `minutes`."""

CODE = "code"
"""Holds a code that works once: `code`, `minutes`."""

LINK = "link"
"""Holds a link that signs in once: `link`, `minutes`."""

RESET = "reset"
"""Holds a link to choose a new password: `link`, `minutes`."""

CHANGE = "change"
"""Tells that something about an account was changed: `change`, `time`, `address`."""

INVITATION = "invitation"
"""Invites somebody to an organization: `inviter`, `name`, `link`, `days`."""

LONGEST = 200
"""Characters of a value that somebody else has chosen."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """The template of one kind of mail."""

    subject: str
    """The subject."""
    text: str
    """The text, with the names of its values in braces."""


LETTERS: Mapping[str, Letter] = {
    VERIFICATION: Letter(
        subject="Confirm your email address",
        text="""Somebody, we hope you, has given this address for an account.

Confirm it within {minutes} minutes:

{link}

If it was not you, do nothing.
""",
    ),
    CODE: Letter(
        subject="Your code: {code}",
        text="""Your code is

    {code}

It works once, for {minutes} minutes. Nobody of us ever asks you for it.

If you do not want to sign in just now, do nothing, and tell nobody the code.
""",
    ),
    LINK: Letter(
        subject="Your link to sign in",
        text="""Open this link to sign in. It works once, for {minutes} minutes:

{link}

If you do not want to sign in just now, do nothing.
""",
    ),
    RESET: Letter(
        subject="Choose a new password",
        text="""Somebody, we hope you, has asked for a new password for your account.

Choose one within {minutes} minutes:

{link}

If it was not you, do nothing: your password stays as it is.
""",
    ),
    CHANGE: Letter(
        subject="Your account was changed: {change}",
        text="""This was changed about your account: {change}.

When: {time}
From: {address}

If it was you, there is nothing to do. If it was not, change your password, end your other sessions, and tell the
administrator of your organization.
""",
    ),
    INVITATION: Letter(
        subject="You are invited to {name}",
        text="""{inviter} invites you to {name}.

Accept or decline within {days} days:

{link}

If you know nothing of this, do nothing.
""",
    ),
}
"""The template of each kind."""


def write_letter(kind: str, *, to: str, organization: str, **values: object) -> Message:
    """Return the mail of a kind with its values, which its name above lists. Raises KeyError where one is missing."""
    letter = LETTERS[kind]
    plain = {name: _plain(str(value), link=name == "link") for name, value in values.items()}
    return Message(
        to=to,
        subject=letter.subject.format_map(plain),
        text=letter.text.format_map(plain),
        kind=kind,
        organization=organization,
    )


def _plain(value: str, *, link: bool) -> str:
    """Return a value that breaks no line, and that no mail program turns into a link unless it is ours."""
    text = _CONTROL.sub(" ", value).strip()
    return text if link else text[:LONGEST].replace("://", ":// ")
