"""A tool at a terminal of its own, as a person has it."""

import os
import pty
import re
import signal
import time

from .deadline import DEADLINE
from .process import binary


class Screen:
    """The tool with one terminal on all three streams, or the end of a pipe as its stdin."""

    def __init__(self, stage, tool, *arguments, stdin=None):
        pid, self._screen = pty.fork()
        if pid == 0:
            if stdin is not None:
                os.dup2(stdin, 0)
            os.execve(binary(tool), [tool, *map(str, arguments)], stage.env())
        self.pid = pid
        self.shown = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._screen)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def wait_for(self, pattern):
        end = time.monotonic() + DEADLINE
        while not (found := re.search(pattern, self.shown)):
            assert time.monotonic() < end, f"{pattern} is not in:\n{self.shown}"
            try:
                self.shown += os.read(self._screen, 65536).decode(errors="replace")
            except OSError as gone:  # the tool has ended
                raise AssertionError(f"{pattern} is not in:\n{self.shown}") from gone
        return found

    def type(self, text):
        os.write(self._screen, text.encode())
