"""One root key feeds every sealed value: a key per purpose, the key's id in each value, rotation without loss."""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.chassis.refusal import StartRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

KEY_BYTES = 32
"""Length of a root key and of each key that is derived from it."""

NONCE_BYTES = 12
"""Length of AES-GCM's nonce. It is random, so one key may seal 2^32 values of a purpose (NIST SP 800-38D §8.3)."""

_LINE = re.compile(r"([A-Za-z0-9_-]{1,16}):([A-Za-z0-9+/]{43}=)")
_MEND_KEY = 'write a line such as `echo "1:$(openssl rand -base64 32)"` makes one.'
# A Kubernetes secret is owned by root and read through the pod's group, so the group may read; nobody else may.
_FORBIDDEN_BITS = stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP


class KeyringError(StartRefused):
    """The root key file cannot be used; the message says how to mend it and never what it holds."""


class SealBroken(Exception):
    """A sealed value was changed, cut, sealed for something else, or its key is gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RootKey:
    """One key of the root key file."""

    id: str
    """Its id, which every value that it seals carries."""
    secret: bytes = field(repr=False)
    """The key itself, 32 bytes."""


class Sealer:
    """Seals and opens values of one purpose (AES-256-GCM)."""

    __slots__ = ("_ciphers", "_current", "_prefix")

    def __init__(self, ciphers: Mapping[str, AESGCM], current: str) -> None:
        """Take a cipher per key id, and the id of the one that seals."""
        self._ciphers = {key_id.encode(): cipher for key_id, cipher in ciphers.items()}
        self._current = ciphers[current]
        self._prefix = bytes([len(current)]) + current.encode()

    def seal(self, value: bytes, context: bytes = b"") -> bytes:
        """Return key id, nonce and ciphertext; opening needs the same `context`, which is not inside."""
        nonce = os.urandom(NONCE_BYTES)
        return self._prefix + nonce + self._current.encrypt(nonce, value, self._prefix + context)

    def open(self, sealed: bytes, context: bytes = b"") -> bytes:
        """Return what was sealed.

        Raises:
            SealBroken: if any bit of it, its context or its purpose differs, or its key is no longer in the file.
        """
        split = 1 + (sealed[0] if sealed else 0)
        prefix = sealed[:split]
        nonce = sealed[split : split + NONCE_BYTES]
        cipher = self._ciphers.get(prefix[1:])
        if cipher is None or len(prefix) != split or len(nonce) != NONCE_BYTES:
            raise SealBroken("The value was not sealed here.")
        try:
            return cipher.decrypt(nonce, sealed[split + NONCE_BYTES :], prefix + context)
        except InvalidTag:
            raise SealBroken("The value was changed, or was sealed for something else.") from None

    def __repr__(self) -> str:
        return "Sealer()"


class Keyring:
    """The root keys, the first of which is current, and the sealers that are derived from them."""

    __slots__ = ("_keys", "_sealers")

    def __init__(self, keys: Sequence[RootKey]) -> None:
        """Take the root keys, the current one first.

        Raises:
            KeyringError: if there is none, one has the wrong length, or two share an id.
        """
        if not keys:
            raise KeyringError(f"The keyring holds no key. Mend: {_MEND_KEY}")
        if len({key.id for key in keys}) != len(keys):
            raise KeyringError("Two root keys share an id. Mend: give every line of the file an id of its own.")
        if any(len(key.secret) != KEY_BYTES for key in keys):
            raise KeyringError(f"A root key is not {KEY_BYTES} bytes long. Mend: {_MEND_KEY}")
        self._keys = tuple(keys)
        self._sealers: dict[str, Sealer] = {}

    @classmethod
    def from_file(cls, path: Path) -> Keyring:
        """Read a root key file: lines `id:base64`, the current key first; empty lines and lines with # are skipped.

        Raises:
            KeyringError: if it is missing, open to others, or not of that form.
        """
        return cls(_read_keys(path))

    def sealer(self, purpose: str) -> Sealer:
        """Return the sealer of a purpose, such as `page-token`: what one purpose seals, no other opens."""
        found = self._sealers.get(purpose)
        if found is None:
            ciphers = {key.id: AESGCM(derive_key(key.secret, purpose)) for key in self._keys}
            found = self._sealers[purpose] = Sealer(ciphers, self._keys[0].id)
        return found

    def __repr__(self) -> str:
        return f"Keyring(ids={[key.id for key in self._keys]})"


def derive_key(secret: bytes, purpose: str) -> bytes:
    """Return the 32-byte key of a purpose (HKDF-SHA256, RFC 5869; a random root key needs no salt)."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"tenon keyring 1 " + purpose.encode()).derive(
        secret
    )


def create_root_key(path: Path) -> None:
    """Write a root key file of mode 0600 with one random key.

    Raises:
        FileExistsError: if it exists; a root key is never overwritten, since what it sealed would be lost.
    """
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    # Written beside and moved into place, so that a crash leaves the whole file or none and never a part.
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(f"{secrets.token_hex(4)}:{key}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(beside)
        _sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_keys(path: Path) -> list[RootKey]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KeyringError(
            f"{path}: {error.strerror}. Mend: name a root key file that this process may read."
        ) from None
    with os.fdopen(handle, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise KeyringError(f"{path} is not a file. Mend: name a root key file.")
        if mode & _FORBIDDEN_BITS:
            mode_text = f"{stat.S_IMODE(mode):04o}"
            raise KeyringError(f"{path} is open to others (mode {mode_text}). Mend: chmod 600 {path}")
        text = file.read(64 * 1024).decode("ascii", errors="replace")
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    return [_parse_line(path, number, line) for number, line in lines if line and not line.startswith("#")]


def _parse_line(path: Path, number: int, line: str) -> RootKey:
    match = _LINE.fullmatch(line)
    try:
        secret = base64.b64decode(match[2], validate=True) if match else b""
    except binascii.Error:
        secret = b""
    if match is None or len(secret) != KEY_BYTES:
        raise KeyringError(
            f"{path}, line {number}: not of the form id:base64 with {KEY_BYTES} bytes. "
            "Mend: restore the file; a new one cannot open what the lost key sealed."
        )
    return RootKey(id=match[1], secret=secret)
