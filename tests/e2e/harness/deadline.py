"""Waiting: always for a condition, never for a time, and never for ever.

WSKIT_SLOW stretches every deadline (a sanitizer build sets it), so that a test
fails on a wrong answer and not on a slow machine.
"""

import os
import time

SLOW = float(os.environ.get("WSKIT_SLOW", "1"))
DEADLINE = 60 * SLOW
POLL_SECONDS = 0.01


def eventually(condition, what, within=DEADLINE):
    """The first true value of `condition()`; an assertion that names `what` if there is none in time."""
    end = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {within:.0f} s: {what}")
        time.sleep(POLL_SECONDS)
