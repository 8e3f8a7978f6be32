"""Packages: which process serves them, and the conventions on their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.chassis.contract.access import Permission
from services.chassis.contract.adopted import ADOPTED, PREFIX
from services.chassis.contract.records import is_record
from services.chassis.repository import RECORD_HOST

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from services.chassis.contract.model import Service
    from services.chassis.contract.problem import Problems
    from services.chassis.contract.source import SourceFile, Sources

OWN = "tenon"
"""First segment of the packages of this repository."""

ADOPTED_PACKAGES = frozenset(service.rpartition(".")[0] for service in ADOPTED)
"""Packages that others publish and a service here serves."""

PAGE_FOLDERS = frozenset({"access", "account", "federation", "oauth2"})
"""First segments of the paths at which auth serves what is HTTP by its standard; no package has REST paths there."""

_VERSION = re.compile(r"v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?")


def folder_of(package: str, services: Collection[str]) -> str | None:
    """Return the service folder that serves a package, x for `tenon.<x>.v1`, or None where there is none."""
    own, _, rest = package.partition(".")
    name, _, version = rest.partition(".")
    return name if own == OWN and name in services and version and "." not in version else None


def host_of(package: str, services: Collection[str]) -> str:
    """Return the process that serves a package: its own service folder's, or data."""
    return folder_of(package, services) or RECORD_HOST


def segments_of(package: str) -> tuple[str, str]:
    """Return the last two segments of a package, its service and its version; paths begin with them.

    Those of an adopted package are the service's that serves it.
    """
    if package in ADOPTED_PACKAGES:
        return PREFIX
    parts = ["", "", *package.split(".")]
    return parts[-2], parts[-1]


def check_packages(sources: Sources, problems: Problems, *, services: Collection[str], own: Collection[str]) -> None:
    """Report packages whose names do not follow the conventions; `own` are the repository's own files."""
    packages: dict[str, SourceFile] = {}
    for file in sources.files:
        if _promises(file, sources):
            packages.setdefault(file.package, file)
    taken = {*services, *(segments_of(package)[0] for package, file in packages.items() if file.name in own)}
    pairs: dict[tuple[str, str], str] = {}
    for package, file in sorted(packages.items()):
        segment, version = segments_of(package)
        if not segment or not _VERSION.fullmatch(version):
            problems.add(
                file.element,
                f"The package {package!r} does not end with a service and a version",
                "Name it as `library.v1` is named",
            )
        elif (other := pairs.setdefault((segment, version), package)) != package:
            problems.add(
                file.element,
                f"The packages {other} and {package} both end with {segment}.{version}, and REST paths begin with that",
                "Rename one of the two",
            )
        if segment in PAGE_FOLDERS:
            problems.add(
                file.element,
                f"The REST paths of the package {package} would begin with /{segment}/, where auth has its pages",
                "Give its last segment but one another name",
            )
        if file.name not in own:
            _check_outsider(file, segment, taken, problems)


def _promises(file: SourceFile, sources: Sources) -> bool:
    """Whether a file promises anything: a service or a record."""
    return bool(file.proto.service) or any(
        is_record(message) for message in sources.messages.values() if message.element.file is file
    )


def _check_outsider(file: SourceFile, segment: str, taken: Collection[str], problems: Problems) -> None:
    if segment in taken:
        problems.add(
            file.element,
            f"The package {file.package} is named after Tenon's own {segment!r}",
            "Give its last segment but one another name",
        )


def check_outside_names(sources: Sources, problems: Problems, *, own: Collection[str]) -> None:
    """Report files from outside whose package is under `tenon.`, whatever they hold."""
    for file in sources.files:
        if file.name not in own and file.package.split(".")[0] == OWN:
            problems.add(
                file.element,
                f"The package {file.package} is under `tenon.`, which is Tenon's own",
                "Begin it otherwise",
            )


def check_permissions(services: Iterable[Service], sources: Sources, problems: Problems, own: Collection[str]) -> None:
    """Report permissions of packages from outside that do not begin with their own service."""
    segments = {service.full_name: service.segment for service in services if service.file not in own}
    rules = {method.path: method.rule for service in services for method in service.methods}
    for source in sources.services:
        if (segment := segments.get(source.element.name)) is None:
            continue
        for element, method in source.methods():
            access = rules[f"/{source.element.name}/{method.name}"].access
            if isinstance(access, Permission) and access.name.split(".")[0] != segment:
                problems.add(
                    element,
                    f"The permission {access.name} does not begin with {segment!r}, the service of its package",
                    f"Name it {segment}.{access.name.partition('.')[2]}",
                )
