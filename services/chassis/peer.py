"""Which workload is at the other end of a call, as a certificate proved it to us or to the sidecar in front of us."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FORWARDED = "x-forwarded-client-cert"
"""The header in which Envoy tells of its peer's certificate (Envoy's documentation of HTTP headers)."""

_ALTERNATIVE_NAMES = "x509_subject_alternative_name"
_SPIFFE = "spiffe://"
_SPIFFE_BYTES = _SPIFFE.encode()


def peer_by_certificate(properties: Mapping[str, Sequence[bytes]]) -> str:
    """Return the SPIFFE id that the other end of our own mTLS proved, or empty.

    `properties` are those of the connection, as grpc names them.
    """
    for name in properties.get(_ALTERNATIVE_NAMES, ()):
        if name.startswith(_SPIFFE_BYTES):
            return name.decode("ascii", "replace")
    return ""


def peer_by_sidecar(metadata: Mapping[str, str]) -> str:
    """Return the SPIFFE id that the other end proved to the sidecar, or empty.

    To be believed only where nobody but the sidecar reaches us. Its own words are the last element of the header; all
    that stands before them is what the client has sent.
    """
    header = metadata.get(FORWARDED, "")
    return _read_last(header) if header else ""


@lru_cache(maxsize=256)
def _read_last(header: str) -> str:
    """Return the one URI of the last element; a certificate with several has no SPIFFE id (SPIFFE X.509-SVID §2)."""
    element = next(_split_from_end(header, ","))
    pairs = (part.partition("=") for part in _split_from_end(element, ";"))
    uris = [_unquote(value) for key, _, value in pairs if key.strip().lower() == "uri"]
    return uris[0] if len(uris) == 1 and uris[0].startswith(_SPIFFE) else ""


def _split_from_end(text: str, separator: str) -> Iterator[str]:
    """Yield the parts between separators that are not within quotes, the last one first.

    Read from its end, since a client may begin the header with a quote that it never closes: read from the start, that
    would turn the sidecar's words into the client's.
    """
    quoted, end = False, len(text)
    for at in range(len(text) - 1, -1, -1):
        if text[at] == '"' and not _is_escaped(text, at):
            quoted = not quoted
        elif text[at] == separator and not quoted:
            yield text[at + 1 : end]
            end = at
    yield text[:end]


def _is_escaped(text: str, at: int) -> bool:
    before = text[:at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _unquote(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1].replace('\\"', '"')
    return value
