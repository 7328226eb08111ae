"""The units for systemd are right, hardened, and say what the server does."""

import pathlib
import re
import shutil
import subprocess

import pytest
from harness.process import binary

ROOT = pathlib.Path(__file__).parents[2]
# Of 10, as systemd counts it: what a service of the network with a state directory can reach.
MOST_EXPOSED = 20  # tenths

if not shutil.which("systemd-analyze"):
    pytest.skip("systemd-analyze is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    """The units as they are, but for where the program was built."""
    folder = tmp_path_factory.mktemp("units")
    for unit in (ROOT / "packaging").glob("wsserve.*"):
        text = unit.read_text().replace("@BINDIR@/wsserve", binary("wsserve")).replace("@SYSCONFDIR@", "/etc")
        (folder / unit.name).write_text(text)
    return folder


def analyze(*arguments):
    command = ["systemd-analyze", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_systemd_understands_every_line(units):
    done = analyze("verify", "--man=no", units / "wsserve.service", units / "wsserve.socket")
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_little_of_the_machine_is_exposed(units):
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", units / "wsserve.service")
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_service_sees_what_it_asks_proc_for(units):
    """With ProcSubset=pid each crash of a server with --store-sync normal would change all epochs."""
    said = (units / "wsserve.service").read_text().splitlines()
    assert not [line for line in said if line.startswith("ProcSubset=") and line != "ProcSubset=all"]


def test_the_socket_holds_the_address_that_is_the_default(units):
    listen = re.search(r"ListenStream=(\S+)", (units / "wsserve.socket").read_text()).group(1)
    done = subprocess.run([binary("wsserve"), "--help"], capture_output=True, text=True, check=True)
    assert "--listen ADDRESS Where to listen: " in (shown := " ".join(done.stdout.split()))
    assert f"[default: {listen}]" in shown


def test_the_units_are_installed(units, tmp_path):
    build = pathlib.Path(binary("wsserve")).parents[1]
    subprocess.run(["cmake", "--install", build, "--prefix", tmp_path], check=True, capture_output=True)
    installed = sorted(path.name for path in (tmp_path / "lib/systemd/system").iterdir())
    assert installed == ["wsserve.service", "wsserve.socket"]
