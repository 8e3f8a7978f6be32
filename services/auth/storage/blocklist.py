"""Reads the list of passwords that are tried first.

`common_passwords.txt` holds those of at least eight characters among the 30,000 most frequent of the list that
zxcvbn (MIT) publishes, in lower case, one in each line.
"""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def read_common_passwords() -> frozenset[str]:
    """Return the passwords, in lower case."""
    text = resources.files(__package__).joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(text.splitlines())
