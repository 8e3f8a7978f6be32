"""How manifests are written: objects with the labels of their part, several to a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

Manifest = dict[str, Any]
"""One Kubernetes object."""

NAME_LABEL = "app.kubernetes.io/name"
"""The label that pods are selected by."""

PART_LABEL = "app.kubernetes.io/component"
"""The label that tells services from the edge."""

HEADER = "# Generated from the contract by `make gen`. Edits are lost.\n"


class _Dumper(yaml.SafeDumper):
    """Writes the same value twice rather than by anchor and alias."""

    def ignore_aliases(self, data: Any) -> bool:
        """Say yes, for every value."""
        del data
        return True


def manifest(api: str, kind: str, name: str, app: str = "", **parts: Any) -> Manifest:
    """Return one object. Its namespace is set once, by kustomize."""
    labels = {"labels": {NAME_LABEL: app}} if app else {}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, **labels}, **parts}


def selector(app: str) -> Manifest:
    """Return the selector of a part's pods."""
    return {"matchLabels": {NAME_LABEL: app}}


def object_name(*parts: str) -> str:
    """Return a name that Kubernetes takes (RFC 1123): parts of permissions may have an underscore."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def dump_all(manifests: Iterable[Manifest]) -> str:
    """Return the objects as one file."""
    return HEADER + yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, width=120, explicit_start=True)
