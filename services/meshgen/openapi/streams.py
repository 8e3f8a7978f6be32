"""What a server stream looks like over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.meshgen.openapi.shapes import Node


def stream_content(message: Node) -> Node:
    """Return the forms in which the edge answers a stream of messages, by media type."""
    said = "Server-sent events without names and ids; the data of each is one message as JSON."
    event = {"type": "string", "description": said, "contentMediaType": "application/json", "contentSchema": message}
    return {
        "application/json": {"schema": {"type": "array", "items": message}},
        "text/event-stream": {"schema": event},
    }
