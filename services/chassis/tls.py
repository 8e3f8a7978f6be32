"""Mutual TLS from a folder of PEM files that is exchanged as a whole when they rotate."""

from __future__ import annotations

import contextlib
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc

from services.chassis.refusal import StartRefused

if TYPE_CHECKING:
    from pathlib import Path

_FILES = ("key.pem", "cert.pem", "ca.pem")
_ATTEMPTS = 5


class CertsUnusable(StartRefused):
    """The folder of certificates lacks a file, or one cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificates:
    """One state of the folder."""

    key: bytes = field(repr=False)
    """Our private key, PEM."""
    chain: bytes
    """Our certificate and those between it and the root, PEM."""
    roots: bytes
    """The certificates that peers must descend from, PEM."""
    version: tuple[int, ...]
    """Differs whenever the files do."""


class CertificateFolder:
    """Reads the folder again whenever it has changed.

    The folder is a symbolic link that is moved to a new folder: between two reads of one state nothing changes, since
    the link is followed once.
    """

    def __init__(self, folder: Path, *, patience: float = 1.0) -> None:
        """Read the files, and look again after `patience` seconds at the earliest.

        Raises:
            CertsUnusable: naming what is missing.
        """
        self._folder = folder
        self._patience = patience
        self._current = self._read()
        self._looked = time.monotonic()

    @property
    def current(self) -> Certificates:
        """The files as they are now; the last good ones where they cannot be read."""
        now = time.monotonic()
        if now - self._looked < self._patience:
            return self._current
        self._looked = now
        try:
            if self._look() != self._current.version:
                self._current = self._read()
        except (OSError, CertsUnusable):
            pass
        return self._current

    def server_credentials(self) -> grpc.ServerCredentials:
        """Return credentials that demand a client's certificate, and take rotated files from the next handshake on."""
        used = self._current.version

        def fetch() -> Any:
            nonlocal used
            now = self.current
            if now.version == used:
                return None
            used = now.version
            return _configuration(now)

        return grpc.dynamic_ssl_server_credentials(
            _configuration(self._current), fetch, require_client_authentication=True
        )

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """Return credentials for calls. A channel keeps them, so there must be a new channel after a rotation."""
        now = self.current
        return grpc.ssl_channel_credentials(now.roots, now.key, now.chain)

    def server_context(self) -> ssl.SSLContext:
        """Return a context for the HTTP side: TLS 1.3, a client's certificate required, rotated files noticed."""
        made: tuple[tuple[int, ...], ssl.SSLContext] = (self._current.version, self._context())

        def select(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            nonlocal made
            version = self.current.version
            if version != made[0]:
                # The old context serves on where the new files cannot be used, as the old files do.
                with contextlib.suppress(OSError):
                    made = (version, self._context())
            connection.context = made[1]

        context = self._context()
        context.sni_callback = select  # called for every handshake, with a name or without
        return context

    def _context(self) -> ssl.SSLContext:
        folder = self._folder.resolve()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        context.load_verify_locations(folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _look(self) -> tuple[int, ...]:
        folder = self._folder.resolve()
        states = [(folder / name).stat() for name in _FILES]
        return tuple(number for state in states for number in (state.st_ino, state.st_mtime_ns, state.st_size))

    def _read(self) -> Certificates:
        """Read one state of the folder: where it changes meanwhile, read again."""
        for _ in range(_ATTEMPTS):
            try:
                version = self._look()
                folder = self._folder.resolve()
                key, chain, roots = ((folder / name).read_bytes() for name in _FILES)
                if self._look() == version:
                    return Certificates(key=key, chain=chain, roots=roots, version=version)
            except OSError as error:
                problem = f"{error.filename}: {error.strerror}"
            else:
                problem = f"{self._folder} keeps changing"
        raise CertsUnusable(f"{problem}. Mend: TENON_CERTS must name a folder with {', '.join(_FILES)}.")


def _configuration(files: Certificates) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(files.key, files.chain)], files.roots)
