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
    for name in ("LICENSE", "CHANGELOG.md"):
        assert (documents / name).read_bytes() == (ROOT / name).read_bytes()
    installed = {path.name for path in (documents / "docs").iterdir()}
    assert installed == {path.name for path in (ROOT / "docs").glob("*.md")}


LINK = re.compile(r"\[([^][]*)\]\(([^() ]+)\)")


def test_nothing_but_links_of_an_installed_document_has_changed(prefix):  # U4
    documents = prefix / "share/doc/wskit"
    assert len(list(documents.rglob("*.md"))) > 10
    for page in documents.rglob("*.md"):
        source = (ROOT / page.relative_to(documents)).read_text()
        assert LINK.sub(r"\1", page.read_text()) == LINK.sub(r"\1", source)
        assert LINK.search(source) is None or page.read_text().count("](") <= source.count("](")
    assert "](docs/protocol.md)" in (documents / "README.md").read_text()


def test_what_the_documents_try_out_is_installed(prefix):  # U4
    examples = prefix / "share/doc/wskit/examples"
    for path in ("wsserve.toml", "browser/index.html", "data/eurusd-1h-2017-2018.csv.gz", "front-ends/market.toml"):
        assert (examples / path).read_bytes() == (ROOT / "examples" / path).read_bytes()
    shown = subprocess.run(
        f"zcat {examples}/data/eurusd-1h-2017-2018.csv.gz | {prefix}/bin/backtest_engine --run demo | tail -1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"session_completed"' in shown.stdout
    for manual in ("man7/wskit.7", "man1/backtest_engine.1"):
        assert (prefix / "share/man" / manual).stat().st_size > 0


def test_the_unit_runs_what_was_installed(prefix):  # U4
    unit = (prefix / "lib/systemd/system/wsserve.service").read_text()
    config = prefix / "etc/wskit/wsserve.toml"
    assert f"\nExecStart={prefix}/bin/wsserve --config {config} $WSSERVE_OPTIONS\n" in unit
    assert "@" not in "".join(line for line in unit.splitlines() if not line.startswith("SystemCallFilter"))
    checked = subprocess.run(
        [prefix / "bin/wsserve", "--config", config, "--check-config"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_a_configuration_that_was_changed_stays(tmp_path):  # U4
    config = tmp_path / "etc/wskit/wsserve.toml"
    config.parent.mkdir(parents=True)
    config.write_text("echo = true\n")
    subprocess.run(["cmake", "--install", BIN.parent, "--prefix", tmp_path], check=True, capture_output=True)
    assert config.read_text() == "echo = true\n"


def test_nothing_else_lands_in_bin(prefix):
    assert sorted(path.name for path in (prefix / "bin").iterdir()) == sorted([*TOOLS, "backtest_engine"])
