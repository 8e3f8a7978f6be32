"""What is committed as generated is what the contracts say, and the judge judges."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tenon.options.v1 import options_pb2

from services.chassis.contract import PROTO_ROOT, REPOSITORY, compile_protos
from services.meshgen import __main__ as meshgen
from services.meshgen import judge, stubs
from services.meshgen.tree import differences, generated_files, write_tree
from tests.contract.walk import own_contract

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """syntax = "proto3";

// A toy.
package toys.v1;

// Is a toy.
message Toy {
  // Is what it is called.
  string display_name = 1;
  // Is its weight in grams.
  int32 weight = 2;
}
"""


@pytest.mark.parametrize("imported", ["sys", "google.api.field_info_pb2", "google.api.client_pb2"])
def test_the_contract_has_the_same_bytes_whatever_else_is_imported(imported: str) -> None:
    script = (
        f"import sys, {imported}; from tests.contract.walk import own_contract; "
        "from services.chassis.contract import serialize_contract; "
        "sys.stdout.buffer.write(serialize_contract(own_contract()))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, check=True)
    assert done.stdout == (REPOSITORY / stubs.CONTRACT).read_bytes()


@pytest.mark.parametrize("generator", meshgen.GENERATORS, ids=lambda generator: generator.folder)
def test_what_is_committed_is_in_step(generator: meshgen.Generator) -> None:
    tree = generator.generate(own_contract())
    assert differences(REPOSITORY, tree, folders=(generator.folder,), ignoring=stubs.not_generated()) == ()


@pytest.mark.parametrize("generator", meshgen.GENERATORS, ids=lambda generator: generator.folder)
def test_generating_twice_gives_the_same(generator: meshgen.Generator) -> None:
    assert generator.generate(own_contract()) == generator.generate(own_contract())


def test_every_generated_text_says_so_in_its_first_line() -> None:
    for generator in meshgen.GENERATORS:
        for name, content in generator.generate(own_contract()).items():
            if isinstance(content, str):
                assert "by `make gen`" in content.splitlines()[0], name


def test_writing_a_tree_removes_what_is_generated_no_more_and_keeps_what_people_wrote(tmp_path: Path) -> None:
    head = "# Generated from a toy by `make gen`.\n"
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "README.md").write_text("# Files\n\nGenerated from the contract by `make gen`.\n")
    assert write_tree(tmp_path, {"out/a.py": head, "out/b/c.py": head}, folders=("out",)) == ("out/a.py", "out/b/c.py")
    tree = {"out/a.py": f"{head}pass\n"}
    assert differences(tmp_path, tree, folders=("out",)) == ("out/a.py", "out/b/c.py")
    assert differences(tmp_path, tree, folders=("out",), ignoring=("c.py",)) == ("out/a.py",)
    write_tree(tmp_path, tree, folders=("out",))
    assert tuple(generated_files(tmp_path, "out")) == ("out/a.py",)
    assert (tmp_path / "out" / "README.md").is_file()
    assert differences(tmp_path, tree, folders=("out",)) == ()


def test_the_repository_s_own_contracts_pass_the_judge() -> None:
    image = compile_protos([PROTO_ROOT])
    assert judge.lint(image) == ()
    assert judge.find_unformatted(PROTO_ROOT) == ()
    assert judge.find_breaking(image, judge.BASELINE.read_bytes()) == ()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("  // Is its weight in grams.\n", "", "non-empty comment"),
        ("display_name", "displayName", "lower_snake_case"),
        ("message Toy", "message toy", "PascalCase"),
        ("package toys.v1", "package toys", "version"),
    ],
)
def test_the_judge_refuses_what_is_not_in_house_style(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    (tmp_path / "toys/v1").mkdir(parents=True)
    (tmp_path / "toys/v1/toy.proto").write_text(GOOD)
    assert judge.lint(compile_protos([tmp_path])) == ()
    (tmp_path / "toys/v1/toy.proto").write_text(GOOD.replace(old, new))
    assert complaint in "\n".join(judge.lint(compile_protos([tmp_path])))


@pytest.mark.parametrize(
    ("old", "new"),
    [("int32 weight = 2", "int64 weight = 2"), ("weight = 2", "mass = 2"), ("int32 weight = 2;", "reserved 2;")],
)
def test_the_judge_refuses_what_breaks_callers(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "toy.proto").write_text(GOOD)
    before = judge.baseline_of(compile_protos([tmp_path]))
    assert judge.find_breaking(compile_protos([tmp_path]), before) == ()
    (tmp_path / "toy.proto").write_text(GOOD.replace(old, new))
    assert judge.find_breaking(compile_protos([tmp_path]), before)


def test_the_judge_refuses_what_is_not_formatted(tmp_path: Path) -> None:
    (tmp_path / "toy.proto").write_text(GOOD)
    assert judge.find_unformatted(tmp_path) == ()
    (tmp_path / "toy.proto").write_text(GOOD.replace("  string", "string"))
    assert judge.find_unformatted(tmp_path)


def test_stubs_of_changed_options_are_told_from_those_imported() -> None:
    image = compile_protos([PROTO_ROOT])
    file = next(file for file in image.file if file.name == "tenon/options/v1/options.proto")
    assert not stubs.differs(file, options_pb2.DESCRIPTOR)
    file.message_type[0].field[0].name = "everyone"
    assert stubs.differs(file, options_pb2.DESCRIPTOR)
