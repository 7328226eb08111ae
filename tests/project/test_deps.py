"""scripts/deps.sh on machines that have, lack, and may not have the packages."""

import os
import pathlib
import subprocess

import pytest

DEPS = pathlib.Path(__file__).parents[2] / "scripts" / "deps.sh"


class Machine:
    """A folder of stand-ins, first on the PATH, for the programs that know or change a machine."""

    def __init__(self, home):
        self.bin = home / "bin"
        self.bin.mkdir()
        self.calls = home / "calls"
        self.calls.touch()
        self.has_packages()
        self.is_user(0)
        self._program("apt-get", f'echo "apt-get $*" >> "{self.calls}"')
        self._program("sudo", "exit 1")

    def _program(self, name, script):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def has_packages(self, *names):
        self._program("dpkg-query", "\n".join(f"echo '{name} installed'" for name in names) + "\nexit 1")

    def has_every_package(self):
        self._program("dpkg-query", 'for name; do echo "$name installed"; done')

    def is_user(self, number):
        self._program("id", f"echo {number}")

    def run(self, *arguments):
        return subprocess.run(
            [str(DEPS), *arguments],
            env={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_where_all_is_installed_it_does_nothing_and_says_nothing(machine):
    machine.has_every_package()
    done = machine.run("--tests")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.calls.read_text() == ""


def test_root_gets_the_missing_packages_and_only_those(machine):
    machine.has_packages("g++", "cmake", "ninja-build", "zlib1g-dev")
    assert machine.run().returncode == 0
    update, install = machine.calls.read_text().splitlines()
    assert update == "apt-get update"
    assert install.startswith("apt-get install -y --no-install-recommends ")
    assert "libboost1.81-dev" in install.split()
    assert not {"g++", "cmake", "zlib1g-dev", "libgtest-dev"} & set(install.split())


def test_who_may_not_install_gets_the_command_in_one_line_and_exit_2(machine):
    machine.is_user(1000)
    done = machine.run("--tests")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    command = machine.run("--print", "--tests").stdout.strip()
    assert command.startswith("apt-get update && apt-get install -y --no-install-recommends ")
    assert "libgtest-dev" in command
    assert done.stderr.strip().endswith(command)
    assert machine.calls.read_text() == ""


def test_a_failing_installation_shows_what_apt_said(machine):
    machine._program("apt-get", "echo 'E: no network'; exit 100")
    done = machine.run()
    assert done.returncode == 2
    assert "E: no network" in done.stderr
    assert "apt-get update" in done.stderr


def test_an_unknown_option_is_named(machine):
    done = machine.run("--test")
    assert done.returncode == 2
    assert "'--test'" in done.stderr
