"""Proves: connections cut at any byte cost neither wspub nor wstap an event, nor repeat one."""

import random

from harness.deadline import eventually
from harness.relay import Relay

FAST = ("--backoff", "5ms..20ms")
EVENTS = 5000


def budgets(seed, count, most):
    source = random.Random(seed)
    return [source.randrange(300, most) for _ in range(count)]


def test_each_line_is_published_once_and_in_order(stage):
    server = stage.server("--history", EVENTS)
    lines = b"".join(b'{"n":%d}\n' % number for number in range(EVENTS))
    with Relay(server, budgets(1, 25, 40_000)) as relay:
        pub = stage.run("wspub", "-u", relay.url, *FAST, "--window", "200", "a", stdin=lines)
        assert pub.code == 0, pub.stderr
        assert relay.cuts >= 10, "the connections were cut"
    with server.client() as reader:
        assert reader.subscribe("a", since="start")["channels"][0]["replayed"] == EVENTS
        events = reader.take_events(EVENTS)
    assert [event.data for event in events] == ['{"n":%d}' % number for number in range(EVENTS)]
    assert [event.offset for event in events] == list(range(1, EVENTS + 1))


def test_each_event_is_printed_once_and_in_order(stage):
    server = stage.server("--history", 2 * EVENTS, "--queue-limit", "64MiB")
    with Relay(server, budgets(2, 25, 60_000)) as relay:
        tap = stage.tool("wstap", "-u", relay.url, *FAST, "-o", "data", "-n", EVENTS, "a")
        server.wait_for_subscriptions(1)
        with server.client() as publisher:
            for number in range(EVENTS):
                publisher.send(action="publish", channel="a", type="t", data=number)
            publisher.still_works()
        assert tap.wait() == 0, tap.stderr
        assert relay.cuts >= 10, "the connections were cut"
    assert tap.stdout.split() == [b"%d" % number for number in range(EVENTS)]
    assert "gap" not in tap.stderr, tap.stderr


def test_each_event_of_many_channels_is_printed_once_and_in_order(stage):
    server = stage.server("--history", EVENTS, "--queue-limit", "64MiB")
    with Relay(server, budgets(3, 25, 60_000)) as relay:
        tap = stage.tool("wstap", "-u", relay.url, *FAST, "-o", "data", "-n", EVENTS, "m/*")
        server.wait_for_subscriptions(1)
        with server.client() as publisher:
            for number in range(EVENTS):
                publisher.send(action="publish", channel=f"m/{number % 50}", type="t", data=number)
            publisher.still_works()
        assert tap.wait() == 0, tap.stderr
        assert relay.cuts >= 5, "the connections were cut"
    numbers = [int(line) for line in tap.stdout.split()]
    assert sorted(numbers) == list(range(EVENTS))
    for channel in range(50):
        of_channel = [number for number in numbers if number % 50 == channel]
        assert of_channel == sorted(of_channel)


def test_from_one_engine_to_one_reader_over_two_bad_lines(stage):
    server = stage.server("--history", EVENTS, "--queue-limit", "64MiB")
    lines = b"".join(b"%d\n" % number for number in range(EVENTS))
    with Relay(server, budgets(4, 20, 40_000)) as one, Relay(server, budgets(5, 20, 60_000)) as other:
        tap = stage.tool("wstap", "-u", other.url, *FAST, "-o", "data", "-n", EVENTS, "a")
        eventually(lambda: server.stats()["subscriptions"] == 1, "the reader is there")
        pub = stage.run("wspub", "-u", one.url, *FAST, "--window", "100", "a", stdin=lines)
        assert pub.code == 0, pub.stderr
        assert tap.wait() == 0, tap.stderr
    assert tap.stdout == lines
