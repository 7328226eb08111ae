"""Real processes: started and ended by pid, their streams collected, every wait with a deadline."""

import os
import pathlib
import pty
import re
import shlex
import signal
import subprocess
import threading
import time

from .deadline import DEADLINE

BIN = pathlib.Path(os.environ.get("WSKIT_BIN", "build/release/bin")).resolve()


def binary(tool):
    path = BIN / tool
    assert path.exists(), f"{path} does not exist: build it, or set WSKIT_BIN to the folder that has it"
    return str(path)


def environment(home, **overrides):
    """The caller's environment without anything that configures the tools or their colours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("WSKIT_") and name not in ("NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE")
    }
    kept.update(HOME=str(home), XDG_CONFIG_HOME=str(home), TERM="xterm-256color", LC_ALL="C.UTF-8")
    kept.update({name: str(value) for name, value in overrides.items()})
    return kept


class Collector:
    """Reads a pipe to its end in a thread and keeps everything."""

    def __init__(self, pipe):
        self._pipe = pipe
        self._bytes = bytearray()
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self):
        while True:
            try:
                piece = os.read(self._pipe.fileno(), 1 << 16)
            except (OSError, ValueError):
                piece = b""
            with self._changed:
                self._bytes += piece
                self._ended = not piece
                self._changed.notify_all()
            if not piece:
                return

    @property
    def bytes(self):
        with self._changed:
            return bytes(self._bytes)

    def wait_until(self, condition, what, within=DEADLINE):
        """The first true value of `condition(bytes so far)`."""
        end = time.monotonic() + within
        with self._changed:
            while True:
                value = condition(self._bytes)
                if value:
                    return value
                left = end - time.monotonic()
                if self._ended or left <= 0:
                    why = "the stream ended" if self._ended else f"not within {within:.0f} s"
                    raise AssertionError(
                        f"{why}: {what}; it has:\n{self._bytes[-4000:].decode(errors='replace')}"
                    )
                self._changed.wait(left)

    def wait_end(self, within=DEADLINE):
        self._thread.join(within)
        assert not self._thread.is_alive(), f"the stream did not end within {within:.0f} s"
        return self.bytes


class Process:
    """One tool in the background."""

    def __init__(self, command, env, terminal=False, unread=False, **popen):
        """`terminal`: stdout is a terminal; `unread`: it is a pipe that nobody reads."""
        self.command = [str(word) for word in command]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        screen, its_end = pty.openpty() if terminal else (None, None)
        if terminal:
            pipes["stdout"] = its_end
        self._popen = subprocess.Popen(self.command, env=env, **pipes, **popen)
        if terminal:
            os.close(its_end)
        self._stdout = os.fdopen(screen, "rb") if terminal else self._popen.stdout
        self.stdout_collector = None if unread else Collector(self._stdout)
        self.stderr_collector = Collector(self._popen.stderr)

    def __repr__(self):
        return shlex.join(self.command)

    @property
    def pid(self):
        return self._popen.pid

    @property
    def running(self):
        return self._popen.poll() is None

    @property
    def stdout(self):
        return self.stdout_collector.bytes

    @property
    def stderr(self):
        return self.stderr_collector.bytes.decode(errors="replace")

    def write(self, data):
        """Writes to stdin; blocks as long as the process does not read."""
        self._popen.stdin.write(data)
        self._popen.stdin.flush()

    def close_stdin(self):
        try:
            self._popen.stdin.close()
        except BrokenPipeError:
            pass  # It has ended; its exit code is what counts.

    def feed(self, data):
        """Writes `data` and closes stdin, from a thread, so that it never blocks the test."""

        def run():
            try:
                self.write(data)
            except (BrokenPipeError, ValueError):
                pass
            self.close_stdin()

        threading.Thread(target=run, daemon=True).start()

    def wait_for_lines(self, count, within=DEADLINE):
        """The first `count` lines of stdout, without their ends."""
        self.stdout_collector.wait_until(
            lambda got: got.count(b"\n") >= count, f"{count} lines on stdout of {self!r}", within
        )
        return self.stdout.split(b"\n")[:count]

    def wait_for_stderr(self, pattern, within=DEADLINE):
        expression = re.compile(pattern.encode())
        return self.stderr_collector.wait_until(
            lambda got: expression.search(bytes(got)), f"/{pattern}/ on stderr of {self!r}", within
        )

    def signal(self, number):
        self._popen.send_signal(number)

    def wait(self, within=DEADLINE):
        """The exit code, once both streams have ended too; negative for a signal."""
        try:
            code = self._popen.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self!r} did not end within {within:.0f} s; stderr:\n{self.stderr[-4000:]}"
            ) from None
        if self.stdout_collector:
            self.stdout_collector.wait_end()
        self.stderr_collector.wait_end()
        return code

    def end(self):
        """Leaves nothing behind, whatever the process is doing."""
        if self.running:
            self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._stdout, self._popen.stderr):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    pass


class Group(Process):
    """A process with whatever it starts, in a process group of its own, as an interactive shell has it."""

    def __init__(self, command, env, **popen):
        super().__init__(command, env, start_new_session=True, **popen)

    def signal_group(self, number):
        os.killpg(self.pid, number)

    def end(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        super().end()
