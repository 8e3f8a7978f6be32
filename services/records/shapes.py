"""Fingerprints the fields of a message: a row tells whether the contract still has what it was written under."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor


MIXED = 0
"""The shape of a row whose bytes hold fields of more than one contract: whoever reads it leaves out what it lacks."""


def shape_of(descriptor: Descriptor) -> int:
    """Return a signed 64-bit fingerprint of the fields of a message and of all messages in it.

    Names do not count, since they are not on the wire: a renamed field leaves the bytes as they are.
    """
    order = {descriptor.full_name: 0}
    pending = [descriptor]
    lines: list[str] = []
    for message in pending:  # grows while it is walked
        for field in sorted(message.fields, key=lambda f: f.number):
            inner = ""
            if field.message_type is not None:
                if field.message_type.full_name not in order:
                    order[field.message_type.full_name] = len(order)
                    pending.append(field.message_type)
                inner = str(order[field.message_type.full_name])
            lines.append(f"{order[message.full_name]}.{field.number}:{field.type}:{field.is_repeated}:{inner}")
    digest = hashlib.sha256("\n".join(lines).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
