"""GraphiQL itself, from the wheel that carries its built files: nothing is fetched, and nothing of it is run here.

The wheel `graphene-django-graphiql-static` (BSD) holds GraphiQL 2.4.7 and React 17.0.2 (both MIT) in their built form;
its Python and its templates are not used. It is published by somebody else than they are, so each file is held to the
digest of the authors' own package: what a page runs that sees tokens is what they wrote.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from services.chassis.refusal import StartRefused

PACKAGE = "graphene_django_graphiql_static"

DIGESTS = {
    "graphiql.min.css": "3ac6ccf8b4077271478b4887ec050ab9e66f0dc101a32ff3e2127b8f1d5ca6c3",
    "graphiql.min.js": "9ff2ca6842eea42d47fcf53a8e8cfec9b7912474f6c4275e904b7a39830e3995",
    "react-dom.production.min.js": "9db33292007ab6c38527b39d5663e976a305564e19b2a5a8713ea2b2c00f505d",
    "react.production.min.js": "229bbf4d0e7488209564152c6723497f1ac3934136ca1684233d2fa88fa4146f",
}
"""What is served of the wheel, each with the SHA-256 of the file as graphiql 2.4.7 and react 17.0.2 publish it."""


class PageAltered(StartRefused):
    """A file of the wheel is not what its authors publish."""


def graphiql_folder() -> str:
    """Return the folder of GraphiQL's files, or nothing where the wheel is not installed."""
    spec = find_spec(PACKAGE)
    return "" if spec is None or spec.origin is None else str(Path(spec.origin).parent / "static" / PACKAGE)


@cache
def read_vendor(folder: str) -> dict[str, bytes]:
    """Return the files that are served, by their names; raises PageAltered where one was changed."""
    return {name: _read(Path(folder, name), digest) for name, digest in DIGESTS.items()}


def _read(path: Path, digest: str) -> bytes:
    # The wheel ends each file with a line feed that its authors' package does not have.
    content = path.read_bytes().removesuffix(b"\n")
    if digest not in {hashlib.sha256(content).hexdigest(), hashlib.sha256(content + b"\n").hexdigest()}:
        raise PageAltered(f"{path} is not the file that its authors publish. Mend: install it anew by `make setup`.")
    return content
