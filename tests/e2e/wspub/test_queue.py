"""Proves: what a pipe brings while the server is away waits, is dropped and counted, or goes to a file, as asked for."""

import json
import re
import signal
from collections import Counter

from harness.deadline import eventually

FAST = ("--backoff", "10ms..50ms")
WINDOW, QUEUE = 10, 100


def lines(begin, end):
    return b"".join(b'{"n":%d,"filler":"%s"}\n' % (n, b"x" * 60) for n in range(begin, end + 1))


def numbers(events):
    return [json.loads(event.data)["n"] for event in events]


def published(server):
    with server.client() as reader:
        there = reader.subscribe("a", since="start")["channels"][0]["offset"]
        return numbers(reader.take_events(there))


def summary(pub):
    """The numbers of the last line of the run's summary, by their nouns; what is not told is 0."""
    line = re.findall(r"wspub: read \d+, acknowledged .*", pub.stderr)[-1]
    return Counter({noun: int(number) for noun, number in re.findall(r"([a-z]+) (\d+)", line)})


def statistics(pub):
    """Asked for with SIGUSR1."""
    asked = pub.stderr.count("in flight")
    pub.signal(signal.SIGUSR1)
    eventually(lambda: pub.stderr.count("in flight") > asked, "an answer to SIGUSR1")
    line = [line for line in pub.stderr.splitlines() if "in flight" in line][-1]
    return {noun: int(number) for noun, number in re.findall(r"([a-z]+) (\d+)", line)}


class Outage:
    """A durable server that is killed once a publisher has published line 1 and lives by a pipe."""

    def __init__(self, stage, *options, waiting=b""):
        """`waiting`: lines that are there when the server goes."""
        self._stage = stage
        store = ("--store", stage.home / "store", "--store-sync", "off")
        self.server = stage.lasting_server(*store, "--history", "100k")
        limits = ("--window", WINDOW, "--queue", QUEUE)
        self.pub = stage.tool("wspub", "-u", self.server.url, *FAST, *limits, *options, "a")
        self.pub.write(lines(1, 1))
        eventually(lambda: self.server.stats()["published"] == 1, "the first line")
        if waiting:
            self.server.process.signal(signal.SIGSTOP)
            self.pub.feed(waiting)
            eventually(lambda: statistics(self.pub)["read"] >= WINDOW, "a full window")
        self.begin()

    def begin(self):
        lost = self.pub.stderr.count("trying again")
        self.server.kill()
        eventually(lambda: self.pub.stderr.count("trying again") > lost, "the loss is noticed")

    def wait_until_read(self, count):
        def all_read():
            now = statistics(self.pub)
            return now["read"] + now.get("queued", 0) + now.get("dropped", 0) == count

        eventually(all_read, f"{count} lines have been read")

    def end(self):
        self.server = self._stage.restart(self.server)


def test_by_default_a_queue_is_filled_and_then_the_pipe_waits(stage):
    outage = Outage(stage)
    outage.pub.feed(lines(2, 20_000))
    eventually(lambda: statistics(outage.pub).get("queued") == QUEUE, "the queue is full")
    assert statistics(outage.pub)["dropped"] == 0
    outage.end()
    assert outage.pub.wait() == 0, outage.pub.stderr
    assert published(outage.server) == list(range(1, 20_001))


def test_the_oldest_lines_can_be_dropped_and_are_counted(stage):
    outage = Outage(stage, "--on-full", "drop-oldest")
    outage.pub.write(lines(2, 5000))
    outage.wait_until_read(5000)
    outage.end()
    # Nothing that comes now makes the queue overflow.
    eventually(lambda: statistics(outage.pub).get("queued", 0) == 0, "nothing waits any more")
    outage.pub.feed(lines(5001, 5010))
    assert outage.pub.wait() == 7, outage.pub.stderr
    got = published(outage.server)
    assert got == sorted(set(got)), "in order, each once"
    assert got[-QUEUE - 10 :] == list(range(5001 - QUEUE, 5011)), "the newest are there"
    assert got[: len(got) - QUEUE - 10] == list(range(1, len(got) - QUEUE - 9)), "and what was in the window"
    assert summary(outage.pub)["dropped"] == 5010 - len(got)
    assert summary(outage.pub)["read"] == 5010
    assert "the oldest are dropped" in outage.pub.stderr


def test_lines_can_wait_in_a_file_and_come_out_in_order(stage):
    spill = stage.home / "spill"
    outage = Outage(stage, "--on-full", f"spill={spill}")
    for begin in (2, 10_001):
        outage.pub.write(lines(begin, begin + 9_998 if begin == 2 else 20_000))
        outage.wait_until_read(10_000 if begin == 2 else 20_000)
        assert spill.stat().st_size > 500_000
        outage.end()
        eventually(lambda: statistics(outage.pub).get("queued", 0) == 0, "nothing waits any more")
        assert spill.stat().st_size == 0
        if begin == 2:
            outage.begin()
    outage.pub.feed(lines(20_001, 20_100))
    assert outage.pub.wait() == 0, outage.pub.stderr
    assert published(outage.server) == list(range(1, 20_101))
    assert not spill.exists()


def check_that_the_rest_is_kept(stage, outage, spill):
    """How many lines were read; with those of the file all are published that have not been in doubt."""
    counts = summary(outage.pub)
    assert counts["kept"] == spill.read_bytes().count(b"\n") > 0
    assert counts["acknowledged"] + counts["unacknowledged"] + counts["kept"] == counts["read"]
    assert counts["dropped"] == 0
    assert f"{spill} holds the {counts['kept']} lines" in outage.pub.stderr
    outage.end()
    again = stage.run("wspub", "-u", outage.server.url, "a", spill)
    assert again.code == 0, again.stderr
    got, doubtful = published(outage.server), counts["unacknowledged"]
    assert got[: counts["acknowledged"]] == list(range(1, counts["acknowledged"] + 1))
    assert got[-counts["kept"] :] == list(range(counts["read"] - counts["kept"] + 1, counts["read"] + 1))
    assert counts["read"] - doubtful <= len(got) <= counts["read"]
    return counts["read"]


def test_what_is_left_after_a_signal_can_be_published_later(stage):
    spill = stage.home / "spill"
    outage = Outage(stage, "--on-full", f"spill={spill}")
    outage.pub.write(lines(2, 5000))
    outage.wait_until_read(5000)
    outage.pub.signal(signal.SIGTERM)
    assert outage.pub.wait() == -signal.SIGTERM, outage.pub.stderr
    assert check_that_the_rest_is_kept(stage, outage, spill) == 5000


def test_what_is_left_after_the_last_attempt_can_be_published_later(stage):
    spill = stage.home / "spill"
    waiting = lines(2, 50_000)
    outage = Outage(stage, "--on-full", f"spill={spill}", "--retries", "20", waiting=waiting)
    assert outage.pub.wait() == 6, outage.pub.stderr
    assert QUEUE < check_that_the_rest_is_kept(stage, outage, spill) <= 50_000


# F6: they were in memory, and gone with it.
def test_what_waits_in_the_file_outlives_the_publisher(stage):
    spill = stage.home / "spill"
    pub = stage.tool("wspub", "-u", stage.reserve_port().url, "--initial-retry", "--on-full", f"spill={spill}", "a")
    pub.write(lines(1, 100))
    eventually(lambda: spill.exists() and spill.read_bytes() == lines(1, 100), "the lines are in the file")
    pub.signal(signal.SIGKILL)
    pub.wait()
    server = stage.server()
    assert stage.run("wspub", "-u", server.url, "a", spill).code == 0
    assert published(server) == list(range(1, 101))


def test_a_file_that_holds_lines_is_not_written_over(stage):
    spill = stage.home / "spill"
    spill.write_bytes(b"1\n")
    server = stage.server()
    run = stage.run("wspub", "-u", server.url, "--on-full", f"spill={spill}", "a", stdin=b"2\n")
    assert run.code == 8 and str(spill) in run.stderr and "publish them" in run.stderr
    assert spill.read_bytes() == b"1\n"
    run = stage.run("wspub", "-u", server.url, "--on-full", f"spill={stage.home}/no/file", "a", stdin=b"2\n")
    assert run.code == 8 and f"{stage.home}/no/file" in run.stderr


def test_files_wait_whatever_is_asked_for(stage):
    """Nobody has to wait for a file's writer."""
    text = stage.home / "lines"
    text.write_bytes(lines(1, 20_000))
    server = stage.lasting_server("--store", stage.home / "store", "--store-sync", "off", "--history", "100k")
    options = ("--window", WINDOW, "--queue", QUEUE, "--on-full", "drop-oldest")
    with server.client("/ws/a") as watcher:
        pub = stage.tool("wspub", "-u", server.url, *FAST, *options, "a", text)
        watcher.wait_for_events(100)
        server.kill()
    pub.wait_for_stderr(r"(?s)(trying again.*){2}")
    server = stage.restart(server)
    assert pub.wait() == 0, pub.stderr
    assert published(server) == list(range(1, 20_001))


def test_lines_may_wait_for_the_first_connection(stage):
    port = stage.reserve_port()
    options = ("--initial-retry", *FAST, "--window", WINDOW, "--queue", QUEUE, "--on-full", "drop-oldest")
    pub = stage.tool("wspub", "-u", port.url, *options, "a")
    pub.write(lines(1, 1000))
    eventually(lambda: statistics(pub).get("dropped") == 1000 - QUEUE, "all have been read")
    server = stage.server(listen=port.address)
    pub.close_stdin()
    assert pub.wait() == 7, pub.stderr
    assert published(server) == list(range(1001 - QUEUE, 1001))
