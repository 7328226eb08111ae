"""The Debian package is whole: what it holds runs and is where Debian wants it, its unit and its scripts are right."""

import gzip
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from harness import pages
from harness.process import BIN
from harness.walk import walk

ROOT = pathlib.Path(__file__).parents[2]

if not all(map(shutil.which, ("dpkg", "dpkg-deb", "cpack"))):
    pytest.skip("dpkg and cpack are not installed", allow_module_level=True)


def done(*command, **options):
    run = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300, check=False, **options)
    assert run.returncode == 0, (command, run.stdout, run.stderr)
    return run.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package as the preset `package` makes it, of what this build has."""
    folder = tmp_path_factory.mktemp("package")
    done("cpack", "--config", BIN.parent / "CPackConfig.cmake", "-B", folder, cwd=folder)
    (made,) = folder.glob("*.deb")
    return made


def dpkg(root, *action):
    """The machine's dpkg at work below another root, whose packages are not the machine's."""
    forced = ["--force-not-root", "--force-depends", "--force-script-chrootless"]
    # Its scripts find their helpers where an administrator has them on the PATH.
    env = {**os.environ, "PATH": f"/usr/sbin:/usr/bin:/sbin:/bin:{os.environ['PATH']}"}
    return done("dpkg", f"--root={root}", f"--log={root}/dpkg.log", *forced, *action, env=env)


def empty_root(folder):
    for each in ("info", "updates", "triggers"):
        (folder / "var/lib/dpkg" / each).mkdir(parents=True)
    (folder / "var/lib/dpkg/status").touch()
    return folder


@pytest.fixture(scope="module")
def root(package, tmp_path_factory):
    """The package, installed into a folder of its own."""
    folder = empty_root(tmp_path_factory.mktemp("root"))
    dpkg(folder, "--install", package)
    return folder


@pytest.fixture(scope="module")
def control(package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("control")
    done("dpkg-deb", "-e", package, folder)
    return folder


@pytest.mark.parametrize("tool", ["wsserve", "wspub", "wstap", "wsbench"])
def test_the_tools_run_from_it(root, tool):  # U4
    assert done(root / "usr/bin" / tool, "--version").startswith(f"{tool} ")


def test_manuals_and_the_changelog_are_compressed(root):  # U4
    manuals = [path for path in (root / "usr/share/man").rglob("*") if path.is_file()]
    names = {path.name for path in manuals}
    assert {"wsserve.1.gz", "wspub.1.gz", "wstap.1.gz", "wsbench.1.gz", "backtest_engine.1.gz", "wskit.7.gz"} == names
    assert all(gzip.decompress(path.read_bytes()).startswith(b".TH ") for path in manuals)
    documents = root / "usr/share/doc/wskit"
    assert b"Changelog" in gzip.decompress((documents / "changelog.gz").read_bytes())
    assert (documents / "copyright").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_configuration_is_a_conffile_and_right(root, control):  # U4
    assert (control / "conffiles").read_text() == "/etc/wskit/wsserve.toml\n"
    file = root / "etc/wskit/wsserve.toml"
    assert done(root / "usr/bin/wsserve", "--config", file, "--check-config") == f"{file}: ok\n"


def test_the_scripts_are_shell_and_name_the_units(control, root):  # U4
    units = {path.name for path in (root / "usr/lib/systemd/system").iterdir()}
    assert units == {"wsserve.service", "wsserve.socket"}
    for name in ("postinst", "prerm", "postrm"):
        script = control / name
        assert script.stat().st_mode & 0o111
        done("sh", "-n", script)
        assert set(re.findall(r"wsserve\.\w+", script.read_text())) <= units
    depends = (control / "control").read_text()
    assert re.search(r"^Depends:.*adduser.*init-system-helpers", depends, re.M)


def test_systemd_takes_the_units(root, tmp_path):  # U4
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    folder = root / "usr/lib/systemd/system"
    text = (folder / "wsserve.service").read_text()
    assert "\nExecStart=/usr/bin/wsserve --config /etc/wskit/wsserve.toml $WSSERVE_OPTIONS\n" in text
    # Among this machine's units, for the package has none of those that its own ask for.
    (tmp_path / "wsserve.service").write_text(text.replace("/usr/bin/wsserve", str(root / "usr/bin/wsserve")))
    shutil.copy(folder / "wsserve.socket", tmp_path)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "wsserve.service", tmp_path / "wsserve.socket"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert verified.returncode == 0 and not verified.stderr, verified.stderr


def test_it_is_installed_and_the_service_is_enabled(root):
    status = (root / "var/lib/dpkg/status").read_text()
    assert "Package: wskit\nStatus: install ok installed\n" in status
    wanted = root / "etc/systemd/system/multi-user.target.wants/wsserve.service"
    assert os.readlink(wanted).endswith("/systemd/system/wsserve.service")


def test_a_configuration_that_was_changed_outlives_all_but_a_purge(package, tmp_path):
    folder = empty_root(tmp_path)
    dpkg(folder, "--install", package)
    config = folder / "etc/wskit/wsserve.toml"
    config.write_text("echo = true\n")
    dpkg(folder, "--install", package)
    assert config.read_text() == "echo = true\n"
    events = folder / "var/lib/wskit/events.db"
    events.parent.mkdir()
    events.touch()
    dpkg(folder, "--remove", "wskit")
    assert not (folder / "usr/bin/wsserve").exists()
    assert config.exists() and events.exists()
    dpkg(folder, "--purge", "wskit")
    assert not config.parent.exists() and not events.parent.exists()
    assert not [path for path in (folder / "etc/systemd").rglob("*") if not path.is_dir()]


def test_its_readme_works_from_top_to_bottom(root, stage, tmp_path):  # U3
    documents = tmp_path / "documents"
    shutil.copytree(root / "usr/share/doc/wskit", documents)
    walk(stage, documents / "README.md", documents, root / "usr/bin")


def test_no_link_of_its_documents_is_dead(root):  # U4
    documents = sorted((root / "usr/share/doc/wskit").rglob("*.md"))
    assert len(documents) > 10
    assert pages.dead_links(documents) == []
