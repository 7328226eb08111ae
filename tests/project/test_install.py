"""What `cmake --install` puts into a prefix is whole and runs from there."""

import pathlib
import re
import subprocess

import pytest
from harness.process import BIN

ROOT = pathlib.Path(__file__).parents[2]
TOOLS = ["wsserve", "wspub", "wstap", "wsbench"]


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    place = tmp_path_factory.mktemp("prefix")
    subprocess.run(
        ["cmake", "--install", BIN.parent, "--prefix", place], check=True, capture_output=True, text=True
    )
    return place


@pytest.mark.parametrize("tool", TOOLS)
def test_an_installed_binary_tells_the_version_of_the_project(tool, prefix):
    version = re.search(r"project\(wskit VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    done = subprocess.run([prefix / "bin" / tool, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{tool} {version}\n"


@pytest.mark.parametrize("tool", TOOLS)
def test_manual_and_completions_are_where_shells_look(tool, prefix):
    for path in (
        f"share/man/man1/{tool}.1",
        f"share/bash-completion/completions/{tool}",
        f"share/zsh/site-functions/_{tool}",
        f"share/fish/vendor_completions.d/{tool}.fish",
    ):
        assert (prefix / path).stat().st_size > 0, path


def test_licence_and_documents_come_along(prefix):
    documents = prefix / "share/doc/wskit"
    for name in ("LICENSE", "README.md", "CHANGELOG.md"):
        assert (documents / name).read_bytes() == (ROOT / name).read_bytes()
    installed = {path.name for path in (documents / "docs").iterdir()}
    assert installed == {path.name for path in (ROOT / "docs").glob("*.md")}


def test_nothing_else_lands_in_bin(prefix):
    assert sorted(path.name for path in (prefix / "bin").iterdir()) == sorted(TOOLS)
