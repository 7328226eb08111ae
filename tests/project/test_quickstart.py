"""scripts/quickstart.sh on a machine that has the packages and the build: what it says, what it leaves."""

import os
import pathlib
import re
import signal

import pytest
from harness.deadline import eventually
from harness.process import Group

QUICKSTART = pathlib.Path(__file__).parents[2] / "scripts" / "quickstart.sh"


def processes_of_session(number):
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            name, fields = re.fullmatch(r"\d+ \((.*)\) (.*)", stat.read_text(), re.DOTALL).groups()
        except (FileNotFoundError, ProcessLookupError):
            continue  # It has ended meanwhile.
        state, _parent, _group, session = fields.split()[:4]
        if int(session) == number and state != "Z":
            found.append(f"{stat.parent.name} {name}")
    return found


@pytest.fixture
def quickstart(stage, tmp_path):
    """The script as a terminal starts it, its temporary folders where they can be seen."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    # Whoever runs the tests in the background has SIGINT ignored, and bash cannot trap it then.
    started = Group(
        [QUICKSTART],
        stage.env(TMPDIR=scratch),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    started.scratch = scratch
    yield started
    started.end()


def assert_nothing_is_left(process):
    eventually(
        lambda: not processes_of_session(process.pid), f"no process left: {processes_of_session(process.pid)}"
    )
    assert os.listdir(process.scratch) == []


def test_every_event_of_the_feed_arrives(quickstart):
    assert quickstart.wait() == 0, quickstart.stderr
    said = quickstart.stdout.decode()
    assert re.search(r"read +9,946 lines", said), said
    assert re.search(r"acknowledged +9,943 events", said), said
    assert re.search(r"received +9,943 events", said), said
    assert re.search(r"lost +0$", said, re.MULTILINE), said
    assert said.count(" ticker ") + said.count(" match ") == 8, said
    assert "Try next" in said
    assert "\x1b" not in said + quickstart.stderr
    assert_nothing_is_left(quickstart)


@pytest.mark.parametrize(
    "moment", ["wskit:", "✓ packages", "✓ build", "✓ wsserve", "✓ wstap", "✓ wspub", " acknowledged "]
)
def test_an_interrupt_leaves_nothing_behind(quickstart, moment):
    quickstart.stdout_collector.wait_until(lambda got: moment.encode() in got, f"{moment} on stdout")
    quickstart.signal_group(signal.SIGINT)
    assert quickstart.wait() in (128 + signal.SIGINT, 0)  # 0: it was quicker
    assert_nothing_is_left(quickstart)


def test_a_server_that_cannot_start_is_said_and_ends_it(stage, tmp_path):
    process = Group([QUICKSTART], stage.env(TMPDIR=tmp_path, WSKIT_CONFIG=tmp_path / "missing.toml"))
    try:
        assert process.wait() == 1
        assert "wsserve did not start" in process.stderr
        assert "missing.toml" in process.stderr
        assert not processes_of_session(process.pid)
    finally:
        process.end()
