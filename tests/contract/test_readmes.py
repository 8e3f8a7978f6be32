"""What the READMEs show is so: their contracts are good, and their links lead somewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from services.chassis.contract import PROTO_ROOT, REPOSITORY, compile_protos, load_contract, own_files, service_folders
from services.chassis.contract.custom import find_custom

if TYPE_CHECKING:
    from pathlib import Path

IGNORED = {".venv", ".tenon", ".git", "node_modules"}
READMES = sorted(path for path in REPOSITORY.rglob("README.md") if IGNORED.isdisjoint(path.parts))
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)")
SHOWN = re.compile(r"`contracts/(\S+\.proto)`.*?```proto\n(.*?)```", re.DOTALL)


def test_the_readmes_contract_is_good_as_it_stands(tmp_path: Path) -> None:
    shown = SHOWN.search((REPOSITORY / "README.md").read_text())
    assert shown, "the README shows a contract, and where to put it"
    file = tmp_path / shown[1]
    file.parent.mkdir(parents=True)
    file.write_text(shown[2])
    image, custom = compile_protos([PROTO_ROOT, tmp_path]), find_custom().names()
    contract = load_contract(image, services=service_folders(), own=own_files(), custom=custom)
    assert [record.message for record in contract.records if record.message.startswith("library.v1.")]


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_of_a_readme_lead_to_what_exists(readme: Path) -> None:
    links = [link for link in LINK.findall(CODE.sub("", readme.read_text())) if "://" not in link]
    assert [link for link in links if not (readme.parent / link).exists()] == []


def test_every_folder_that_a_newcomer_meets_has_a_readme() -> None:
    folders = ["proto", "services", "envoy", "k8s", *(f"services/{path.name}" for path in _packages())]
    assert [folder for folder in folders if not (REPOSITORY / folder / "README.md").exists()] == []


def _packages() -> list[Path]:
    return [path.parent for path in (REPOSITORY / "services").glob("*/__init__.py")]
