"""What auth alone is told by the environment."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from services.auth.domain.passwords import MAX_PASSWORD, MIN_PASSWORD
from services.auth.domain.sessions import Lifetimes
from services.auth.domain.signing_keys import Rotation
from services.auth.storage.carriers import SmtpServer
from services.chassis.environment import SettingsError, load_settings, setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERIFIER_CACHE = timedelta(minutes=10)
"""How long the edge and the services keep the public keys that they have read."""

REGISTRATIONS = ("off", "token", "open")
"""Who may register clients by themselves."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Auth's own settings, beside the chassis's."""

    admin_email: str = setting("TENON_ADMIN_EMAIL", default="admin@tenon.local")
    """Address of the bootstrap administrator."""
    admin_password_file: Path | None = setting("TENON_ADMIN_PASSWORD_FILE", default=None, shown=True)
    """File of mode 0600 with the bootstrap administrator's first password, or None for no password."""
    token_lifetime: timedelta = setting("TENON_TOKEN_LIFETIME", default=timedelta(minutes=10), shown=True)
    """How long an access token lives."""
    session_lifetime: timedelta = setting("TENON_SESSION_LIFETIME", default=timedelta(days=30), shown=True)
    """After this a session ends, whatever is done with it."""
    session_idle: timedelta = setting("TENON_SESSION_IDLE", default=timedelta(days=14), shown=True)
    """After this a session ends that was not renewed."""
    refresh_grace: timedelta = setting("TENON_REFRESH_GRACE", default=timedelta(seconds=10), shown=True)
    """For so long a used refresh token gives its successor once more."""
    key_period: timedelta = setting("TENON_SIGNING_KEY_PERIOD", default=timedelta(days=30), shown=True)
    """How long a key signs."""
    key_lead: timedelta = setting("TENON_SIGNING_KEY_LEAD", default=timedelta(minutes=15), shown=True)
    """How long a key is published before it signs."""
    hash_threads: int = setting("TENON_HASH_THREADS", default=0, shown=True)
    """Passwords that are hashed at once; as many as there are cores when 0."""
    hash_waiting: int = setting("TENON_HASH_WAITING", default=64, shown=True)
    """Passwords that wait to be hashed before further ones are refused."""
    smtp_url: str = setting("TENON_SMTP_URL", default="", secret=True)
    """Where mail is handed in: `smtp+starttls://user:password@host:587`, `smtps://…`, or empty for nowhere."""
    mail_folder: Path | None = setting("TENON_MAIL_FOLDER", default=None, shown=True)
    """Folder into which mail is put where there is no SMTP server, or None."""
    mail_sender: str = setting("TENON_MAIL_SENDER", default="no-reply@tenon.local", shown=True)
    """From whom mail is: an address, or `Name <address>`."""
    federation_private: bool = setting("TENON_FEDERATION_PRIVATE", default=False, shown=True)
    """Whether identity providers may be on this machine or in a private network: for tests and laptops."""
    outgoing_private: bool = setting("TENON_OUTGOING_PRIVATE", default=False, shown=True)
    """Whether auth may call addresses of this machine and of private networks that clients name; for laptops."""
    dpop_nonces: bool = setting("TENON_DPOP_NONCES", default=False, shown=True)
    """Whether proofs of keys need one of our nonces at the token endpoint and where requests are pushed."""
    registration: str = setting("TENON_REGISTRATION", default="off", shown=True)
    """Who may register clients by themselves: `off` for nobody, `token` for who holds auth.clients.create, `open`."""

    def __post_init__(self) -> None:
        """Refuse what cannot work together.

        Raises:
            SettingsError: naming every such variable.
        """
        problems = []
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", self.admin_email):
            problems.append("TENON_ADMIN_EMAIL is no address. Mend: write name@domain.")
        if not timedelta(minutes=1) <= self.token_lifetime <= timedelta(hours=1):
            problems.append("TENON_TOKEN_LIFETIME: from 1m to 1h, since a token that is out cannot be called back.")
        if self.session_idle > self.session_lifetime:
            problems.append("TENON_SESSION_IDLE exceeds TENON_SESSION_LIFETIME. Mend: make it shorter.")
        if self.key_lead < VERIFIER_CACHE:
            problems.append("TENON_SIGNING_KEY_LEAD: 10m at least, for so long verifiers keep the keys they have read.")
        if self.key_period < self.key_lead + self.key_trail:
            problems.append("TENON_SIGNING_KEY_PERIOD is too short for keys to overlap. Mend: use a day or more.")
        if min(self.hash_threads, self.hash_waiting) < 0:
            problems.append("TENON_HASH_THREADS and TENON_HASH_WAITING: not negative.")
        if self.registration not in REGISTRATIONS:
            problems.append(f"TENON_REGISTRATION is none of {', '.join(REGISTRATIONS)}.")
        problems.extend(self._mail_problems())
        if problems:
            raise SettingsError(tuple(problems))

    def _mail_problems(self) -> Iterator[str]:
        if not re.fullmatch(r"(?:[^<>\n]*<)?[^@\s<>]+@[^@\s<>]+>?", self.mail_sender):
            yield "TENON_MAIL_SENDER is no address. Mend: write name@domain, or Name <name@domain>."
        if self.smtp_url:
            try:
                SmtpServer.parse(self.smtp_url)
            except ValueError as error:
                yield f"TENON_SMTP_URL: {error}"

    @property
    def key_trail(self) -> timedelta:
        """How long a key is published after it signed last."""
        return self.token_lifetime + VERIFIER_CACHE + timedelta(minutes=5)

    @property
    def rotation(self) -> Rotation:
        """How signing keys are exchanged."""
        return Rotation(period=self.key_period, lead=self.key_lead, trail=self.key_trail)

    @property
    def lifetimes(self) -> Lifetimes:
        """How long sessions live."""
        return Lifetimes(absolute=self.session_lifetime, idle=self.session_idle, grace=self.refresh_grace)

    def read_admin_password(self) -> str:
        """Return the bootstrap administrator's first password, or nothing where there is no such file.

        It is needed once, so whoever has learned it may delete it.

        Raises:
            SettingsError: the file cannot be read, is open to others, or holds no password that may be used.
        """
        if self.admin_password_file is None:
            return ""
        path = self.admin_password_file
        try:
            mode, text = path.stat().st_mode, path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            problem = f"TENON_ADMIN_PASSWORD_FILE: {type(error).__name__}. Mend: name a text file that auth may read."
            raise SettingsError((problem,)) from error
        if mode & (stat.S_IRWXO | stat.S_IWGRP):
            raise SettingsError((f"TENON_ADMIN_PASSWORD_FILE: others may open it. Mend: chmod 600 {path}",))
        if not MIN_PASSWORD <= len(text) <= MAX_PASSWORD:
            problem = f"TENON_ADMIN_PASSWORD_FILE: write a password of {MIN_PASSWORD} to {MAX_PASSWORD} characters."
            raise SettingsError((problem,))
        return text

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read the environment. Raises `SettingsError` with all problems at once."""
        return load_settings(cls, environ)
