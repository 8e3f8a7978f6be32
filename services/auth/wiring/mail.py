"""Wires mail: other topics post by `mail_of`, and a loop carries it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from services.auth.domain.mail import Delivery
from services.auth.storage.carriers import FolderCarrier, NoCarrier, SmtpCarrier, SmtpServer
from services.auth.storage.mail import SqlMail
from services.auth.wiring.part import Part

if TYPE_CHECKING:
    from services.auth.domain.mail import Carrier
    from services.auth.settings import Settings
    from services.auth.wiring.kit import Kit

_log = logging.getLogger(__name__)


def mail_of(kit: Kit) -> SqlMail:
    """Return what takes mail."""
    return SqlMail(kit.storage.database, kit.frame.keyring.sealer("auth mail"))


def carrier_of(settings: Settings) -> Carrier:
    """Return how mail leaves: by SMTP, into a folder, or not at all."""
    if settings.smtp_url:
        return SmtpCarrier(SmtpServer.parse(settings.smtp_url), sender=settings.mail_sender)
    if settings.mail_folder is not None:
        return FolderCarrier(settings.mail_folder, sender=settings.mail_sender)
    _log.warning("mail is kept for a day and not sent; mend: set TENON_SMTP_URL, or TENON_MAIL_FOLDER on a laptop")
    return NoCarrier()


def wire(kit: Kit) -> Part:
    """Carry mail."""
    return Part(tasks=(Delivery(queue=mail_of(kit), carrier=carrier_of(kit.settings)).run,))
