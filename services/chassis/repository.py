"""Where this repository keeps its contracts, and which of its folders are services; cheap to import."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
"""The folder that holds proto/, services/ and gen/."""

PROTO_ROOT = REPOSITORY / "proto"
"""The import root of the repository's own contracts."""

RECORD_HOST = "data"
"""The service that serves every package that has no service folder of its own."""


def service_folders(repository: Path = REPOSITORY) -> tuple[str, ...]:
    """Return the names of the folders in services/ that are services.

    Those are the folders that have both `__main__.py` and `proto/tenon/<same name>/v1`.
    """
    return tuple(
        sorted(
            main.parent.name
            for main in (repository / "services").glob("*/__main__.py")
            if (repository / "proto" / "tenon" / main.parent.name / "v1").is_dir()
        )
    )


def own_files(root: Path = PROTO_ROOT) -> frozenset[str]:
    """Return the paths below a root of its `.proto` files: what `load_contract` takes as `own`."""
    return frozenset(proto_files(root))


def proto_files(root: Path) -> tuple[str, ...]:
    """Return the paths below a root of all its `.proto` files, in order; those in hidden folders are left out."""
    paths = (path.relative_to(root) for path in root.rglob("*.proto") if path.is_file())
    return tuple(sorted(path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts)))
