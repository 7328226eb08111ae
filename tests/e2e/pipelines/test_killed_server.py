"""Proves: kill -9 of a durable server, again and again, costs no acknowledged line, repeats none, and no count lies."""

import json
import random
import re
import sqlite3

from harness.deadline import DEADLINE

LINES = 100_000
KILLS = 20
FAST = ("--backoff", "5ms..20ms")
CHANNEL = "run/42"
LONG = 3 * DEADLINE


def durable_server(stage):
    options = ("--history", 2 * LINES, "--history-bytes", "1GiB", "--queue-limit", "256MiB")
    return stage.lasting_server("--store", stage.home / "events.db", *options)


def lines(begin=1, end=LINES):
    return b"".join(b'{"n":%d}\n' % number for number in range(begin, end + 1))


def stored(stage):
    """The channel's rows in the order of their offsets, read as an auditor would: (offset, n, sequence)."""
    with sqlite3.connect(f"file:{stage.home}/events.db?mode=ro", uri=True) as store:
        rows = store.execute(
            "SELECT offset, data, sequence FROM event_log WHERE channel = ? ORDER BY offset", (CHANNEL,)
        )
        return [(offset, json.loads(data)["n"], sequence) for offset, data, sequence in rows]


def receipts(pub):
    """Line and offset of each acknowledgement, in the order they came."""
    return [(receipt["line"], receipt["offset"]) for receipt in map(json.loads, pub.stdout.splitlines())]


def count(pub, noun):
    """What the summary says of it; what it does not tell is 0."""
    told = re.search(rf"{noun} (\d+)", pub.stderr.splitlines()[-1])
    return int(told[1]) if told else 0


def wait_for_receipts(pub, least):
    pub.stdout_collector.wait_until(lambda got: got.count(b"\n") >= least, f"{least} receipts", LONG)


def check_each_line_once(stage, pub):
    rows = stored(stage)
    assert [n for _, n, _ in rows] == list(range(1, LINES + 1)), "each line once, in order"
    assert [offset for offset, _, _ in rows] == list(range(1, LINES + 1))
    assert [sequence for _, _, sequence in rows] == list(range(1, LINES + 1)), "the number of its line"
    assert receipts(pub) == [(n, offset) for offset, n, _ in rows], "and where its receipt says"


# Lines are handed over in parts, so that no machine is too slow to be killed in the middle.


def test_killed_once_and_away_for_a_while(stage):
    first = durable_server(stage)
    pub = stage.tool("wspub", "-u", first.url, "--backoff", "50ms..200ms", "--receipts", CHANNEL)
    pub.write(lines(end=LINES // 2))
    wait_for_receipts(pub, LINES // 4)
    first.kill()
    pub.wait_for_stderr(r"(?s)(trying again.*){3}")
    second = stage.restart(first)
    pub.feed(lines(begin=LINES // 2 + 1))
    assert pub.wait(LONG) == 0, pub.stderr
    assert (count(pub, "read"), count(pub, "acknowledged")) == (LINES, LINES)
    assert count(pub, "reconnects") == 1
    second.stop()
    check_each_line_once(stage, pub)


def test_killed_for_good_under_a_publisher_that_does_not_come_back(stage):
    server = durable_server(stage)
    pub = stage.tool("wspub", "-u", server.url, "--retries", "0", "--receipts", CHANNEL)
    pub.write(lines(end=LINES // 2))
    wait_for_receipts(pub, LINES // 4)
    server.kill()
    assert pub.wait() in (6, 7), pub.stderr
    read, done, unknown = (count(pub, noun) for noun in ("read", "acknowledged", "unacknowledged"))
    assert done == len(receipts(pub))
    assert LINES // 4 <= done <= read <= LINES // 2
    assert read == done + unknown + count(pub, "not published")
    stage.restart(server).stop()
    rows = stored(stage)
    assert [n for _, n, _ in rows] == list(range(1, len(rows) + 1)), "each line once, in order"
    assert receipts(pub) == [(n, offset) for offset, n, _ in rows[:done]], "every acknowledged one is there"
    assert len(rows) <= done + unknown, "and none of those that were never sent"


def test_killed_20_times_between_a_publisher_and_a_tap_with_a_cursor(stage):
    dice = random.Random(20)
    server = durable_server(stage)
    cursor = stage.home / "tap.cursor"
    options = ("--cursor", cursor, "--from", "start", "--on-gap", "fail", "-n", LINES, "-o", "json")
    tap = stage.tool("wstap", "-u", server.url, *FAST, *options, "run/*")
    server.wait_for_subscriptions(1)
    # Slowly enough that the server is mostly killed at work.
    pub = stage.tool("wspub", "-u", server.url, *FAST, "--rate", LINES // 5, "--receipts", CHANNEL)
    part = LINES // (KILLS + 1)
    for begin in range(0, KILLS * part, part):
        pub.write(lines(begin + 1, begin + part))
        wait_for_receipts(pub, begin + dice.randrange(1, part))
        server.kill()
        server = stage.restart(server)
    pub.feed(lines(KILLS * part + 1))
    assert pub.wait(LONG) == 0, pub.stderr
    assert tap.wait(LONG) == 0, tap.stderr
    assert count(pub, "reconnects") >= KILLS, pub.stderr
    server.stop()
    check_each_line_once(stage, pub)
    events = [json.loads(line) for line in tap.stdout.splitlines()]
    assert [(event["offset"], event["data"]["n"]) for event in events] == [
        (n, n) for n in range(1, LINES + 1)
    ], "the tap has no hole and repeats nothing"
    assert json.loads(cursor.read_text())["since"]["positions"][CHANNEL]["offset"] == LINES
