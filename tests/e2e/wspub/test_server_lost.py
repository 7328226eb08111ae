"""Proves: a server that is killed, restarted or drained under wspub costs no line that exit 0 would claim."""

import re
import signal

LINES = 20_000
FAST = ("--backoff", "10ms..50ms")


def lines(count=LINES):
    return b"".join(b"%d\n" % number for number in range(count))


def counts(pub):
    """(read, acknowledged) of the summary, which a run that met nothing has with -v alone."""
    summary = pub.stderr.splitlines()[-1]
    read = re.search(r"(\d+) (?:lines )?read|read (\d+)", summary)
    acknowledged = re.search(r"(\d+) acknowledged|acknowledged (\d+)", summary)
    assert read and acknowledged, pub.stderr
    return int(read[1] or read[2]), int(acknowledged[1] or acknowledged[2])


def test_killed_and_restarted_all_lines_are_acknowledged(stage):
    """The first server forgets with its memory; the second has all that the first had not acknowledged."""
    first = stage.lasting_server("--queue-limit", "64MiB", "--history", LINES)
    watcher = first.client("/ws/a")
    pub = stage.tool("wspub", "-v", "-u", first.url, *FAST, "--window", "100", "a")
    pub.feed(lines())
    watcher.wait_for_events(500)
    first.kill()
    second = stage.restart(first)
    assert pub.wait() == 0, pub.stderr
    assert counts(pub) == (LINES, LINES)
    with second.client() as reader:
        there = reader.subscribe("a", since="start")["channels"][0]["offset"]
        numbers = [int(event.data) for event in reader.wait_for_events(there)]
    assert numbers == list(range(LINES - there, LINES)), "the rest, in order, each line once"
    assert numbers[0] >= 400, "what was acknowledged before is not sent again"


def test_what_a_drained_server_acknowledged_was_delivered(stage):
    """Its memory goes with it, so whoever was subscribed has had everything that it took."""
    first = stage.lasting_server("--queue-limit", "64MiB", "--history", LINES)
    watcher = first.client("/ws/a")
    pub = stage.tool("wspub", "-v", "-u", first.url, *FAST, "--window", "100", "a")
    pub.feed(lines())
    watcher.wait_for_events(1)
    first.process.signal(signal.SIGTERM)
    seen = [int(event.data) for event in watcher.events_until_closed(1001)]
    assert first.process.wait() == 0
    second = stage.restart(first)
    assert pub.wait() == 0, pub.stderr
    assert counts(pub) == (LINES, LINES)
    assert seen == list(range(len(seen)))
    with second.client() as reader:
        there = reader.subscribe("a", since="start")["channels"][0]["offset"]
        rest = [int(event.data) for event in reader.take_events(there)]
    assert rest == list(range(LINES - there, LINES))
    assert len(seen) + there >= LINES, "every line was with one of the two servers"


def test_killed_for_good_the_count_is_true_and_the_code_is_not_0(stage):
    server = stage.server("--queue-limit", "64MiB")
    watcher = server.client("/ws/a")
    pub = stage.tool("wspub", "-u", server.url, "--retries", "0", "a")
    pub.feed(lines())
    watcher.wait_for_events(100)
    server.kill()
    assert pub.wait() in (6, 7), pub.stderr
    read, acknowledged = counts(pub)
    assert acknowledged < LINES and acknowledged <= read


def test_with_3_when_there_was_no_server(stage):
    port = stage.reserve_port()
    run = stage.run("wspub", "-u", port.url, "a", stdin=b"1\n")
    assert run.code == 3, run.stderr
    assert port.url in run.stderr


def test_a_drained_server_is_come_back_to(stage):
    first = stage.lasting_server()
    pub = stage.tool("wspub", "-u", first.url, *FAST, "a")
    pub.write(b"1\n")
    with first.client("/ws/a") as watcher:
        pub.write(b"2\n")
        while not watcher.events or watcher.events[-1].data != "2":
            watcher.wait_for_events(len(watcher.events) + 1)
    first.stop()
    second = stage.restart(first)
    with second.client("/ws/a") as watcher:
        pub.write(b"3\n")
        pub.close_stdin()
        assert pub.wait() == 0, pub.stderr
        assert watcher.wait_for_events(1)[-1].data in ("1", "2", "3")
    assert counts(pub) == (3, 3)
