"""The static pages of the edge: what lies in a folder here is served below a path of the same name, as `/docs/`."""

from __future__ import annotations

from functools import cache
from pathlib import Path, PurePath

FOLDER = "services/meshgen/pages"
"""Where they are, in the folder that Tenon is installed in."""

_HERE = Path(__file__).parent

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
    ".yaml": "application/yaml",
}
"""Content types by the ending of a file; a file with another ending is not served."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a page may load and call: this edge alone, and no script or style that is written into the page."""

POLICIES: dict[str, str] = {
    # GraphiQL carries its fonts in its style sheet, and lays its editors out by styles that it writes.
    "graphiql": POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
        "font-src 'self'", "font-src 'self' data:"
    ),
}
"""The folders whose pages need another policy, such as one that lets scripts write styles."""


def type_of(name: str) -> str:
    """Return the content type of a file."""
    return TYPES[PurePath(name).suffix]


@cache
def read_pages() -> dict[str, bytes]:
    """Return the files that are served, by their paths below this folder."""
    return {
        path.relative_to(_HERE).as_posix(): path.read_bytes()
        for path in sorted(_HERE.glob("*/**/*"))
        if path.is_file() and path.suffix in TYPES
    }
