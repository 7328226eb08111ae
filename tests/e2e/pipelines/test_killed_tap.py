"""Proves: a recorder with a cursor that is killed with -9 ten times has no hole and repeats a batch each time at most."""

import json
import random
import signal

from harness.deadline import eventually

KILLS = 10
PART = 2000
LINES = (KILLS + 1) * PART
CHANNEL = "run/42"


class Recorder:
    """`wstap … --cursor FILE >> FILE`, as a shell runs it."""

    def __init__(self, stage, server):
        self._stage = stage
        self._file = stage.home / "record.jsonl"
        self._cursor = stage.home / "record.cursor"
        self._command = (
            f"exec wstap -u {server.url} 'run/*' --from start -o json --on-gap emit"
            f" --cursor {self._cursor} >> {self._file}"
        )
        self.process = None

    def start(self):
        self.process = self._stage.shell(self._command)

    def kill(self):
        self.process.signal(signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL

    def offsets(self):
        """Of the events on file. A line that the kill has cut short is none."""
        found = []
        for line in self._file.read_bytes().split(b"\n") if self._file.exists() else ():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            assert event["type"] != "gap", event
            assert event["data"] == {"n": event["offset"]}
            found.append(event["offset"])
        return found

    def saved(self):
        """The last offset that the cursor vouches for."""
        try:
            since = json.loads(self._cursor.read_text()).get("since", {"positions": {}})
        except FileNotFoundError:
            return 0
        return since["positions"].get(CHANNEL, {"offset": 0})["offset"]


def lines(begin, end):
    return b"".join(b'{"n":%d}\n' % number for number in range(begin + 1, end + 1))


def test_killed_ten_times(stage):
    """Every second time at work, and in between when the cursor has come up with what was written."""
    dice = random.Random(4)
    server = stage.server("--history", 2 * LINES, "--queue-limit", "64MiB")
    recorder = Recorder(stage, server)
    pub = stage.tool("wspub", "-u", server.url, "--rate", 10 * PART, CHANNEL)
    on_file, saved = [], 0
    for kill in range(KILLS):
        recorder.start()
        pub.write(lines(kill * PART, (kill + 1) * PART))
        if kill % 2 == 0:
            goal = kill * PART + dice.randrange(1, PART)
            eventually(lambda: recorder.offsets()[-1:] >= [goal], f"{goal} is on file")
        else:
            eventually(lambda: recorder.saved() == (kill + 1) * PART, "the cursor has come up")
        recorder.kill()
        offsets = recorder.offsets()
        assert offsets[: len(on_file)] == on_file
        of_this_run = offsets[len(on_file) :]
        assert of_this_run == list(range(saved + 1, offsets[-1] + 1)), "it began right behind its cursor"
        on_file, saved = offsets, recorder.saved()
        assert saved <= offsets[-1], "the cursor is never ahead of the file"
        assert kill % 2 == 0 or saved == offsets[-1], "nothing that the cursor has comes again"
    pub.feed(lines(KILLS * PART, LINES))
    assert pub.wait() == 0, pub.stderr
    recorder.start()
    eventually(lambda: recorder.saved() == LINES, "everything is on file")
    recorder.process.signal(signal.SIGTERM)
    assert recorder.process.wait() == -signal.SIGTERM
    assert recorder.offsets()[len(on_file) :] == list(range(saved + 1, LINES + 1))
    assert set(recorder.offsets()) == set(range(1, LINES + 1)), "the union has no hole"
