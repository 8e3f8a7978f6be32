"""How generated YAML is written: under a line that says where it comes from, each value in full."""

from __future__ import annotations

from typing import Any

import yaml


class _Dumper(yaml.CSafeDumper):
    """Writes the same value twice rather than by anchor and alias, which readers and some tools trip over."""

    def ignore_aliases(self, data: Any) -> bool:
        """Say yes, for every value."""
        del data
        return True


def dump(*documents: Any, source: str = "the contract") -> str:
    """Return the documents as one file; several are told apart by `---`."""
    text = yaml.dump_all(
        documents,
        Dumper=_Dumper,
        sort_keys=False,
        width=120,
        allow_unicode=True,
        explicit_start=len(documents) > 1,
    )
    return f"# Generated from {source} by `make gen`. Edits are lost.\n{text}"


class _LongDumper(yaml.CSafeDumper):
    """Writes documents of many thousand lines: by libyaml, and text of several lines as it reads."""

    def ignore_aliases(self, data: Any) -> bool:
        """Say yes, for every value."""
        del data
        return True


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_LongDumper.add_representer(str, _text)


def dump_long(document: Any, *, source: str = "the contract") -> str:
    """Return one large document as a file."""
    text = yaml.dump(document, Dumper=_LongDumper, sort_keys=False, width=120, allow_unicode=True)
    return f"# Generated from {source} by `make gen`. Edits are lost.\n{text}"
