"""The manual pages and completions in the tree are what the tools generate (tests/e2e/tools says what is in them)."""

import pathlib
import subprocess

import pytest
from harness.process import BIN

ROOT = pathlib.Path(__file__).parents[2]
FILES = [
    path
    for tool in ("wsserve", "wspub", "wstap", "wsbench")
    for path in (
        f"man/{tool}.1",
        f"completions/bash/{tool}",
        f"completions/zsh/_{tool}",
        f"completions/fish/{tool}.fish",
    )
]


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    out = tmp_path_factory.mktemp("generated")
    subprocess.run([ROOT / "scripts" / "generate.sh", BIN, out], check=True)
    return out


@pytest.mark.parametrize("path", FILES)
def test_the_file_in_the_tree_is_up_to_date(path, generated):
    assert (ROOT / path).read_text() == (generated / path).read_text(), "run scripts/generate.sh"


def test_nothing_else_is_in_the_tree():
    there = {
        str(path.relative_to(ROOT))
        for folder in ("man", "completions")
        for path in (ROOT / folder).rglob("*")
    }
    assert {path for path in there if (ROOT / path).is_file()} == set(FILES)
