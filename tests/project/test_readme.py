"""The commands that README.md shows on a terminal print what it says they print.

A block of ```console holds commands behind `$ ` and what follows them. Each block has its own server, where README.md
has one at the default address, and a terminal without colours. A command that ends in ` &` goes on beside the next
ones. Two programs may write in either order, so the lines of a block are compared as a set; times, rates and epochs
count as equal.
"""

import fcntl
import os
import pathlib
import re
import struct
import subprocess
import termios

import pytest
from harness.deadline import DEADLINE
from harness.process import BIN, Collector

ROOT = pathlib.Path(__file__).parents[2]
README = ROOT / "README.md"
ADDRESS = "127.0.0.1:9000"

ALWAYS_DIFFERENT = [
    (r"\x1b\[[\d;]*m", ""),  # jq 1.6 does not know NO_COLOR
    (r"^\d{4}-\d\d-\d\d  \(times are local, [+-]\d\d:\d\d\)$", "TODAY"),
    (r"\b\d\d:\d\d:\d\d\.\d{3}\b", "TIME"),
    (r"\(\d+ others by -e\)", "(OTHERS by -e)"),
    (r'"epoch":"\w+"', '"epoch":"EPOCH"'),
    (r"\bin [\d.]+ s( \([\d.]+ lines/s\))?$", "in SECONDS"),
    (r"[\d.]+ s$", "SECONDS"),
]


def blocks():
    for match in re.finditer(r"^```console\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL):
        line = README.read_text()[: match.start()].count("\n") + 1
        yield pytest.param(match.group(1).splitlines(), id=f"line {line}")


def comparable(lines):
    made_equal = []
    for line in lines:
        for pattern, name in ALWAYS_DIFFERENT:
            line = re.sub(pattern, name, line)
        made_equal.append(line.rstrip())
    return sorted(made_equal)


def shown(line):
    """What stays of a line on the screen where a CR goes back to its left edge, as a progress line does."""
    screen = ""
    for part in line.split("\r"):
        screen = part + screen[len(part) :]
    return screen.rstrip()


class Terminal:
    """What is started here writes to one terminal, wide enough for every line."""

    def __init__(self, env, cwd):
        self._env, self._cwd = env, cwd
        self._leader, self._follower = os.openpty()
        fcntl.ioctl(self._follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 150, 0, 0))
        self._screen = Collector(os.fdopen(self._leader, "rb", buffering=0))
        self._started = []

    def start(self, command):
        self._started.append(
            subprocess.Popen(
                ["bash", "-o", "pipefail", "-c", command],
                env=self._env,
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=self._follower,
                stderr=self._follower,
            )
        )
        return self._started[-1]

    def wait_for(self, text):
        self._screen.wait_until(lambda got: text.encode() in got, f"'{text}' on the terminal")

    def finish(self):
        """Everything that appeared, once everything has ended."""
        try:
            for process in self._started:
                process.wait(DEADLINE)
        finally:
            for process in self._started:
                process.kill()
                process.wait()
            os.close(self._follower)
        text = self._screen.wait_end().decode().replace("\r\n", "\n").removesuffix("\n")
        return [shown(line) for line in text.split("\n")] if text else []


@pytest.mark.parametrize("block", blocks())
def test_a_block_prints_what_it_says(block, server, stage, tmp_path):
    address = f"{server.address[0]}:{server.port}"
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    env = stage.env(WSKIT_URL=server.url, NO_COLOR=1, TZ="UTC0", PATH=f"{BIN}:{os.environ['PATH']}")
    terminal = Terminal(env, tmp_path)
    for line in block:
        if not line.startswith("$ "):
            continue
        command = line.removeprefix("$ ").replace(ADDRESS, address)
        if command.endswith(" &"):
            terminal.start(command.removesuffix(" &"))
            terminal.wait_for("connected to")
        else:
            terminal.start(command).wait(DEADLINE)
    expected = [line for line in block if not line.startswith("$ ")]
    appeared = [line.replace(address, ADDRESS) for line in terminal.finish()]
    assert "\n".join(comparable(appeared)) == "\n".join(comparable(expected))


def test_there_are_blocks_to_run():
    assert len(list(blocks())) >= 3


@pytest.mark.parametrize(
    "document", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/*.md")), ids=lambda p: p.name
)
def test_every_link_to_a_file_leads_somewhere(document):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), f"{document.name}: {target}"
