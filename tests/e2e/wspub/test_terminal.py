"""Proves: what wspub shows to who types lines, and to who watches it read a pipe."""

import json
import os

from harness.screen import Screen

# How a line that is replaced again and again begins; a terminal ends each other line with \r\n.
REPLACED = r"\r(?!\n)"


def test_a_line_is_replaced_while_a_pipe_is_read_and_not_in_what_one_types(stage):
    # U8
    server = stage.server()
    out, into = os.pipe()
    with server.client() as reader, Screen(stage, "wspub", "-u", server.url, "chat") as typed:
        reader.subscribe("chat")
        typed.wait_for("reading lines from the terminal; Ctrl-D ends them")
        typed.type('{"n":0}\n')
        # By the time that the second one shows its line, the first one would have.
        with Screen(stage, "wspub", "-u", server.url, "other", stdin=out) as piped:
            piped.wait_for(REPLACED)
        for number in range(1, 3):
            typed.type(f'{{"n":{number}}}\n')
        assert [json.loads(event.data)["n"] for event in reader.take_events(3)] == [0, 1, 2]
        typed.type("\x04")
        typed.wait_for("read 3, acknowledged 3")
        assert "\r" not in typed.shown.replace("\r\n", "\n")
    os.close(out)
    os.close(into)
