"""GraphiQL itself, from the wheel that carries its built files: nothing is fetched, and nothing of it is run here.

The wheel `graphene-django-graphiql-static` (BSD) holds GraphiQL 2 and React 17 (both MIT) in their built form. It is
pinned by hash like every other package; its Python and its templates are not used.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "graphene_django_graphiql_static"

FILES = ("graphiql.min.css", "graphiql.min.js", "react-dom.production.min.js", "react.production.min.js")
"""What is served of the wheel."""


def graphiql_folder() -> str:
    """Return the folder of GraphiQL's files, or nothing where the wheel is not installed."""
    spec = find_spec(PACKAGE)
    return "" if spec is None or spec.origin is None else str(Path(spec.origin).parent / "static" / PACKAGE)


@cache
def read_vendor(folder: str) -> dict[str, bytes]:
    """Return the files that are served, by their names."""
    return {name: Path(folder, name).read_bytes() for name in FILES}
