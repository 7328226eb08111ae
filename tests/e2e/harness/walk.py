"""One page of the documentation, gone through from top to bottom as somebody does who types what it says.

All commands of a page are run by one bash, in one folder, on one terminal. A command behind which stands a `&` goes on
beside the next ones: a server until the page's end, anything else until the end of its block. Where the page says
127.0.0.1:9000 or localhost:9000, which a server has by default, there is a free port instead.
"""

import difflib
import fcntl
import os
import pathlib
import re
import select
import signal
import struct
import subprocess
import termios
import time

from . import pages
from .deadline import DEADLINE, eventually
from .process import Collector

ADDRESS = "127.0.0.1:9000"
# A server where a command begins, which is not what follows --spawn.
STARTS_SERVER = re.compile(r"(?m)(?P<before>^|[;&|({] *)(?=wsserve(?! token)\b(?!.*--(?:check|print)-config))")
GOES_ON = re.compile(r"&\s*(#.*)?$")
IS_CONNECTED = re.compile(rb"wss?://\S+\r?\n|connected to|replayed in the order of their times")
COMPLAINT = re.compile(r"ws\w+: .*\b(cannot|refused)\b")
INTERRUPTED = (0, 128 + signal.SIGINT)

# Commands come through descriptor 3, each with a NUL behind it; what became of one goes out through 4.
LOOP = r"""
set -o pipefail
status=0
finish() { return "$status"; }
while IFS= read -r -d "" -u 3 command; do
  finish
  eval "$command" 3<&- 4>&-
  status=$? last=$!
  echo "$status ${last:-0}" >&4
done
"""

ALWAYS_DIFFERENT = [
    (r"\x1b\[[\d;]*m", ""),  # jq 1.6 does not know NO_COLOR
    (r"^\d{4}-\d\d-\d\d  \(times are local, [+-]\d\d:\d\d\)$", "TODAY"),
    (r"\b\d\d:\d\d:\d\d\.\d{3}\b", "TIME"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIMESTAMP"),
    (r"\(\d+ shards?\)", "(SHARDS)"),
    (r"\(\d+ others by -e\)", "(OTHERS by -e)"),
    (r'"epoch":"\w+"', '"epoch":"EPOCH"'),
    (r"\bin [\d.]+ s( \([\d.]+ lines/s\))?$", "in SECONDS"),
    (r"[\d.]+ s$", "SECONDS"),
]


def comparable(lines):
    made_equal = []
    for line in lines:
        for pattern, name in ALWAYS_DIFFERENT:
            line = re.sub(pattern, name, line)
        made_equal.append(line.rstrip())
    return made_equal


def on_screen(line):
    """What stays of a line where a CR goes back to its left edge, as a progress line does."""
    screen = ""
    for part in line.split("\r"):
        screen = part + screen[len(part) :]
    return screen.rstrip()


def processes_of_session(number):
    """The ids of the processes of a session that have not ended."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, _group, session = stat.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue  # It has ended meanwhile.
        if int(session) == number and state != "Z":
            found.append(int(stat.parent.name))
    return found


class Walk:
    """A terminal, wide enough for every line, and the shell on it."""

    def __init__(self, env, folder, address):
        self._address = address
        self._leader, self._follower = os.openpty()
        fcntl.ioctl(self._follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 150, 0, 0))
        self._screen = Collector(os.fdopen(self._leader, "rb", buffering=0))
        commands, self._commands = os.pipe()
        self._outcomes, outcomes = os.pipe()
        self._background = []
        self._marks = 0
        # Whoever runs the tests in the background has SIGINT ignored, and no program of the page would take it then.
        self._shell = subprocess.Popen(
            ["bash", "-c", f"exec 3<&{commands} 4>&{outcomes} {commands}<&- {outcomes}>&-\n{LOOP}"],
            env={**env, "WSKIT_URL": f"ws://{address}", "NO_COLOR": "1", "TZ": "UTC0"},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=self._follower,
            stderr=self._follower,
            pass_fds=(commands, outcomes),
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        os.close(commands)
        os.close(outcomes)

    @property
    def text(self):
        return self._screen.bytes.decode(errors="replace")

    def run(self, block):
        """Runs what a block says, and compares what appears where it shows that."""
        begin = self._mark()
        for command in block.commands():
            if block.until_interrupted:
                self._interrupt(block, command)
            elif GOES_ON.search(command):
                self._start(command)
            else:
                self._expect(block, command, self._do(command)[0], (0,))
        for command, process in self._background:
            self._expect(block, command, self._do(f"wait {process}")[0], (0,))
        self._background.clear()
        if block.language == "console" and not block.until_interrupted:
            # Two programs, and the two streams of one, may write in either order.
            shown, appeared = sorted(comparable(block.shown())), sorted(comparable(self._since(begin)))
            difference = "\n".join(difflib.unified_diff(shown, appeared, "shown", "appeared", n=1, lineterm=""))
            assert not difference, f"{block!r}:\n{difference}"

    def _expect(self, block, command, status, allowed):
        assert status in allowed, f"{block!r}: exit status {status}:\n{command}\n\n{self.text[-4000:]}"

    def _do(self, command):
        """The exit status, and the process that was last started in the background."""
        command = command.replace(ADDRESS, self._address).replace("localhost:9000", self._address)
        command = STARTS_SERVER.sub(rf"\g<before>WSKIT_LISTEN={self._address} ", command)
        os.write(self._commands, command.encode() + b"\0")
        answer, end = b"", time.monotonic() + DEADLINE
        while not answer.endswith(b"\n"):
            ready, _, _ = select.select([self._outcomes], [], [], max(0, end - time.monotonic()))
            assert ready, f"not done within {DEADLINE:.0f} s:\n{command}\n\n{self.text[-4000:]}"
            piece = os.read(self._outcomes, 100)
            assert piece, f"the shell ended:\n{command}\n\n{self.text[-4000:]}"
            answer += piece
        status, process = answer.split()
        return int(status), int(process)

    def _start(self, command):
        so_far = len(self._screen.bytes)
        process = self._do(command)[1]
        self._screen.wait_until(lambda got: IS_CONNECTED.search(got, so_far), f"that it is connected: {command}")
        if not re.search(STARTS_SERVER, command):
            self._background.append((command, process))

    def _interrupt(self, block, command):
        so_far = self._mark()
        # Job control gives it a process group, as in a terminal; elsewhere it would be told as well who is done.
        process = self._do(f"set -m\n{{ {command}\n}} &\nset +m")[1]
        self._screen.wait_until(
            lambda got: IS_CONNECTED.search(got, got.find(so_far.encode())), f"that it is connected: {command}"
        )
        try:
            os.killpg(process, signal.SIGINT)
        except ProcessLookupError:
            pass  # It was at its end by then.
        self._expect(block, command, self._do(f"wait {process}")[0], INTERRUPTED)
        # The interrupt may have been quicker than its own end.
        said = self._since(so_far)
        assert not [line for line in said if COMPLAINT.match(line)], f"{block!r}: {command}\n" + "\n".join(said)

    def _mark(self):
        """A place on the terminal behind everything that was written so far."""
        self._marks += 1
        mark = f"\x1e{self._marks}\x1e"
        self._do(f"printf '\\x1e{self._marks}\\x1e'")
        self._screen.wait_until(lambda got: mark.encode() in got, "the end of what was written")
        return mark

    def _since(self, begin):
        """What appeared behind that mark, in lines."""
        end = self._mark()
        text = self.text.partition(begin)[2].partition(end)[0].replace("\r\n", "\n").removesuffix("\n")
        text = text.replace(self._address, ADDRESS)
        return [on_screen(line) for line in text.split("\n")] if text else []

    def finish(self):
        """Ends whatever the page has started, each by its id."""
        os.close(self._commands)
        try:
            for number in (signal.SIGTERM, signal.SIGKILL):
                for process in processes_of_session(self._shell.pid):
                    if process != self._shell.pid:
                        try:
                            os.kill(process, number)
                        except ProcessLookupError:
                            pass  # It has ended meanwhile.
                try:
                    eventually(
                        lambda: not set(processes_of_session(self._shell.pid)) - {self._shell.pid},
                        "the end of what the page has started",
                    )
                    break
                except AssertionError:
                    if number == signal.SIGKILL:
                        raise
        finally:
            self._shell.kill()
            self._shell.wait()
            os.close(self._outcomes)
            os.close(self._follower)


def walk(stage, page, folder, programs):
    """Goes through a page, in a folder that has the documents. A page that starts no server finds one."""
    parts = [block for block in pages.blocks(page) if block.is_shell and not block.is_left_out]
    address = stage.reserve_port().address
    if not any(STARTS_SERVER.search(command) for part in parts for command in part.commands()):
        stage.server(listen=address)
    walked = Walk(stage.env(PATH=f"{programs}:{os.environ['PATH']}"), folder, address)
    try:
        for part in parts:
            walked.run(part)
    finally:
        walked.finish()
