"""How manifests are written: objects with the labels of their part."""

from __future__ import annotations

import re
from typing import Any

Manifest = dict[str, Any]
"""One Kubernetes object."""

NAME_LABEL = "app.kubernetes.io/name"
"""The label that pods are selected by."""

PART_LABEL = "app.kubernetes.io/component"
"""The label that tells services from the edge."""


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
