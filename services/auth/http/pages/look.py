"""Renders templates, and names the static files that they use."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response
from starlette.routing import Route

from services.auth.http.pages.paths import ROOMS
from services.auth.http.pages.wording import describe_agent, describe_methods, describe_scope, describe_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

HERE = Path(__file__).parent
STATIC = "/account/static"
_HASH_LENGTH = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """A static file."""

    name: str
    """Its name with its content's hash, such as `style.0123456789abcdef.css`."""
    content: bytes
    """What it holds."""
    media_type: str
    """Its type."""

    @property
    def path(self) -> str:
        """Where it is served."""
        return f"{STATIC}/{self.name}"


def read_assets(folder: Path = HERE / "static") -> Mapping[str, Asset]:
    """Return all static files by their plain names."""
    return {path.name: _asset(path) for path in sorted(folder.iterdir()) if path.is_file()}


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:_HASH_LENGTH]
    return Asset(
        name=f"{path.stem}.{digest}{path.suffix}",
        content=content,
        media_type=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
    )


class Look:
    """Templates and static files."""

    def __init__(self) -> None:
        """Read the static files; templates are read as they are needed, once."""
        self._assets = read_assets()
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals |= {"asset": lambda name: self._assets[name].path, "rooms": ROOMS}
        self._templates.filters |= {
            "agent": describe_agent,
            "methods": describe_methods,
            "moment": describe_time,
            "scope": describe_scope,
        }

    def render(self, template: str, values: Mapping[str, object]) -> str:
        """Return a page. Every value is escaped; a value that is missing is an error."""
        return self._templates.get_template(f"{template}.html").render(values)

    @cached_property
    def served(self) -> Mapping[str, Asset]:
        """The static files by the names that they are served under."""
        return {asset.name: asset for asset in self._assets.values()}

    def route(self) -> Route:
        """Return where static files are served: their names change with their content, so they may be kept."""
        return Route(STATIC + "/{name}", self._serve, methods=["GET"])

    async def _serve(self, request: Request) -> Response:
        asset = self.served.get(request.path_params["name"])
        if asset is None:
            return Response(status_code=404)
        headers = {
            "cache-control": "public, max-age=31536000, immutable",
            "cross-origin-resource-policy": "same-origin",
            "x-content-type-options": "nosniff",
        }
        return Response(asset.content, media_type=asset.media_type, headers=headers)
