"""Proves: what wstap says to who watches at a terminal: why nothing comes, and that Enter hastens the next attempt."""

import os
import pty
import re
import signal
import time

from harness.deadline import DEADLINE
from harness.process import binary


class Screen:
    """wstap with a terminal of its own, on all three streams."""

    def __init__(self, stage, *arguments):
        pid, self._screen = pty.fork()
        if pid == 0:
            os.execve(binary("wstap"), ["wstap", *arguments], stage.env())
        self.pid = pid
        self._shown = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._screen)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def wait_for(self, pattern):
        end = time.monotonic() + DEADLINE
        while not (found := re.search(pattern, self._shown)):
            assert time.monotonic() < end, f"{pattern} is not in:\n{self._shown}"
            self._shown += os.read(self._screen, 65536).decode(errors="replace")
        return found

    def type(self, text):
        os.write(self._screen, text.encode())


def test_enter_makes_the_next_attempt_at_once(stage):
    # U17: by itself it would come in an hour, with a chance of one in 60 to be within the deadline.
    port = stage.reserve_port()
    with Screen(stage, "-u", port.url, "a", "--initial-retry", "--backoff", "1h..1h") as screen:
        screen.wait_for(r"next attempt in [0-9.]+ s \(Enter: now\)")
        server = stage.server(listen=port.address)
        screen.type("\n")
        screen.wait_for("connected to ")
        server.wait_for_subscriptions(1)


def test_why_nothing_comes_is_said(stage):
    # U11
    server = stage.server()
    with server.client() as publisher:
        publisher.publish("market/AAPL", 1, type="trade")
    with Screen(stage, "-u", server.url, "market/APPL") as screen:
        screen.wait_for(r"nothing was ever published to market/APPL; there is market/AAPL")
    with Screen(stage, "-u", server.url, "market/AAPL", "-e", "trde") as screen:
        server.wait_for_subscriptions(1)
        with server.client() as publisher:
            publisher.publish("market/AAPL", 2, type="trade")
        screen.wait_for(r"1 event came, and none of the types asked for; there are trade")
        os.kill(screen.pid, signal.SIGTERM)
        screen.wait_for(r"0 events \(1 other by -e\)")
