"""Proves: --speed plays history in the order of time and at its own pace, and joins live without hole or repetition."""

import datetime
import json
import threading
import time

import pytest
from harness.deadline import eventually
from harness.relay import Relay

BEGIN = datetime.datetime(2020, 1, 1, 9, 30, tzinfo=datetime.timezone.utc)


def fill(server, count, channels=("m/a", "m/b", "m/c"), step=1.0):
    """Number i at BEGIN + i * step seconds, on each channel in turn."""
    with server.client() as publisher:
        for number in range(count):
            at = BEGIN + datetime.timedelta(seconds=number * step)
            publisher.publish(channels[number % len(channels)], number, timestamp=at.isoformat())


def tap(stage, server, *options):
    run = stage.run("wstap", "-u", server.url, "-o", "data", *options)
    assert run.code == 0, run.stderr
    return [int(line) for line in run.stdout.split()]


@pytest.mark.parametrize("selection", [["m/*"], ["m/a", "m/b", "m/c"], ["**", "m/a"]])
def test_channels_are_played_together_in_the_order_of_their_times(stage, selection):
    server = stage.server()
    fill(server, 90)
    assert tap(stage, server, *selection, "--from", "start", "--speed", "max", "--end") == list(range(90))


@pytest.mark.parametrize("selection", [["m/*"], ["m/a", "m/b", "m/c"], ["**", "m/a"]])
def test_from_replays_channels_together_in_the_order_of_their_times(stage, selection):
    # U21: they came channel after channel, which --order channel still has.
    server = stage.server()
    fill(server, 90)
    assert tap(stage, server, *selection, "--from", "start", "--end") == list(range(90))
    assert tap(stage, server, *selection, "--from", "-5", "--end") == list(range(75, 90))
    by_channel = tap(stage, server, *selection, "--from", "start", "--end", "--order", "channel")
    assert sorted(by_channel) == list(range(90)) and by_channel != list(range(90))


def test_events_come_at_their_own_pace(stage):
    """3 s of history at 10x take 0.3 s at least; how much longer is the machine's affair."""
    server = stage.server()
    fill(server, 31, step=0.1)
    began = time.monotonic()
    assert tap(stage, server, "m/*", "--from", "start", "--speed", "10x", "--end") == list(range(31))
    assert time.monotonic() - began >= 0.3


def test_long_pauses_are_shortened_where_asked(stage):
    """Otherwise this would take ten hours."""
    server = stage.server()
    fill(server, 11, step=3600)
    options = ("m/*", "--from", "start", "--speed", "1x", "--max-gap", "5ms", "--end")
    assert tap(stage, server, *options) == list(range(11))


def test_part_of_it_can_be_played(stage):
    server = stage.server()
    fill(server, 30)
    play = ("--speed", "max")
    assert tap(stage, server, "m/*", *play, "--from", "-2", "--end") == list(range(24, 30))
    assert tap(stage, server, "m/a", *play, "--from", "7", "--end") == [21, 24, 27]
    until = (BEGIN + datetime.timedelta(seconds=4)).isoformat()
    assert tap(stage, server, "m/*", *play, "--from", "-1h", "--until", until) == [0, 1, 2, 3, 4]
    assert tap(stage, server, "m/*", *play, "--from", "start", "-n", "5") == [0, 1, 2, 3, 4]


def test_more_than_a_page_of_each_channel(stage):
    server = stage.server("--history", "10000")
    with server.client() as publisher:
        for number in range(6000):
            publisher.send(action="publish", channel=f"m/{number % 2}", type="t", data=number)
        publisher.still_works()
    # The server's own times may be the same for several events, of which the channel decides then.
    got = tap(stage, server, "m/*", "--from", "start", "--speed", "max", "--end")
    assert sorted(got) == list(range(6000))
    for parity in (0, 1):
        assert [number for number in got if number % 2 == parity] == list(range(parity, 6000, 2))


@pytest.mark.parametrize("selection", [["flow/1", "flow/2"], ["flow/*"]])
def test_joins_live_without_hole_or_repetition_while_publishers_are_at_full_speed(stage, selection):
    server = stage.server("--history", "100000", "--history-bytes", "64MiB", "--queue-limit", "64MiB")
    enough = threading.Event()
    sent = {}

    def flow(channel):
        number = 0
        with server.client() as publisher:
            # History holds them all, however slow the reader is.
            while not enough.is_set() and number < 90_000:
                for _ in range(20):
                    publisher.send(action="publish", channel=channel, type="t", data=number)
                    number += 1
                publisher.still_works()
            publisher.publish(channel, number, type="last")
        sent[channel] = number + 1

    flows = [threading.Thread(target=flow, args=(f"flow/{index}",)) for index in (1, 2)]
    for thread in flows:
        thread.start()
    try:
        eventually(lambda: server.stats()["published"] > 2000, "there is some history")
        process = stage.tool(
            "wstap", "-u", server.url, *selection, "--from", "start", "--speed", "50x", "--verify", "-v"
        )
        process.wait_for_stderr("the present is reached")
        so_far = process.stdout.count(b"\n")
        eventually(
            lambda: process.stdout.count(b"\n") >= so_far + 500 or not any(map(threading.Thread.is_alive, flows)),
            "live events come",
        )
    finally:
        enough.set()
        for thread in flows:
            thread.join()
    total = sum(sent.values())
    process.wait_for_lines(total)
    process.signal(2)
    assert process.wait() == -2
    assert "verified: " in process.stderr and " gap" not in process.stderr
    events = [json.loads(line) for line in process.stdout.splitlines()]
    assert len(events) == total
    for channel, count in sent.items():
        offsets = [event["offset"] for event in events if event["channel"] == channel]
        assert offsets == list(range(1, count + 1))


def test_a_channel_that_begins_meanwhile_is_there_in_the_end(stage):
    server = stage.server()
    fill(server, 4, step=0.2)
    process = stage.tool(
        "wstap", "-u", server.url, "-o", "data", "m/*", "--from", "start", "--speed", "1x", "-n", "6"
    )
    process.wait_for_lines(1)
    with server.client() as publisher:
        publisher.publish("m/new", 100)
        publisher.publish("m/new", 101)
    assert process.wait() == 0, process.stderr
    got = [int(line) for line in process.stdout.split()]
    assert sorted(got) == [0, 1, 2, 3, 100, 101] and got.index(100) < got.index(101)


def test_a_lost_connection_neither_leaves_out_nor_repeats(stage):
    server = stage.server("--history", "10000")
    with server.client() as publisher:
        for number in range(3000):
            publisher.send(action="publish", channel=f"m/{number % 3}", type="t", data=[number, "x" * 100])
        publisher.still_works()
    with Relay(server, [3_000, 40_000, 90_000, 150_000]) as relay:
        run = stage.run(
            "wstap", "-u", relay.url, "m/*", "--from", "start", "--speed", "max", "--end", "--verify",
            "--initial-retry", "--backoff", "1ms..5ms",
        )  # fmt: skip
        assert relay.cuts >= 3
    assert run.code == 0, run.stderr
    offsets = {}
    for event in map(json.loads, run.stdout.splitlines()):
        offsets.setdefault(event["channel"], []).append(event["offset"])
    assert offsets == {f"m/{index}": list(range(1, 1001)) for index in range(3)}


def test_what_history_has_lost_is_told(stage):
    server = stage.server("--history", "4")
    fill(server, 10, channels=("a",))
    run = stage.run("wstap", "-u", server.url, "a", "--from", "start", "--speed", "max", "--end", "--verify")
    assert run.code == 7 and run.stdout.count(b"\n") == 4
    incident = json.loads(next(line for line in run.stderr.splitlines() if line.startswith("{")))
    assert (incident["incident"], incident["from"], incident["to"]) == ("gap", 1, 6)


def test_goes_on_from_a_cursor(stage, tmp_path):
    server = stage.server()
    fill(server, 9)
    play = ("m/*", "--cursor", tmp_path / "m.cur", "--from", "start", "--speed", "max")
    assert tap(stage, server, *play, "-n", "4") == [0, 1, 2, 3]
    assert tap(stage, server, *play, "-n", "2") == [4, 5]
    assert tap(stage, server, *play, "--end") == [6, 7, 8]
    assert tap(stage, server, *play, "--end") == []


def test_a_cursor_has_the_place_of_channels_that_have_not_been_played_yet(stage, tmp_path):
    server = stage.server()
    fill(server, 3, channels=("m/a",))
    with server.client() as publisher:
        publisher.publish("m/later", 100, timestamp="2021-01-01T00:00:00Z")
    play = ("m/*", "--cursor", tmp_path / "m.cur", "--from", "start", "--speed", "max")
    assert tap(stage, server, *play, "-n", "1") == [0]
    assert tap(stage, server, *play, "--end") == [1, 2, 100]


def test_types_are_left_out_and_the_pace_stays(stage):
    server = stage.server()
    with server.client() as publisher:
        for number in range(8):
            publisher.publish("a", number, type="noise" if number % 2 else "trade")
    assert tap(stage, server, "a", "-e", "trade", "--from", "start", "--speed", "max", "--end") == [0, 2, 4, 6]


def test_a_signal_ends_a_long_pause(stage):
    server = stage.server()
    fill(server, 2, channels=("a",), step=86400)
    process = stage.tool("wstap", "-u", server.url, "-o", "data", "a", "--from", "start", "--speed", "1x")
    assert process.wait_for_lines(1) == [b"0"], "what is due does not wait for what follows"
    process.signal(15)
    assert process.wait() == -15


def test_a_reader_that_leaves_ends_it_during_a_pause(stage):
    server = stage.server()
    fill(server, 2, channels=("a",), step=86400)
    shell = stage.shell(f"wstap -u {server.url} -o data a --from start --speed 1x | head -n 1")
    assert shell.wait() == 0 and shell.stdout == b"0\n"


def test_what_is_due_once_the_present_is_reached_is_said(stage):
    server = stage.server()
    fill(server, 3)
    process = stage.tool(
        "wstap", "-u", server.url, "-o", "data", "m/*", "--from", "start", "--speed", "100x", "-n", "4", "-v"
    )
    process.wait_for_stderr(r"playing at 100x")
    process.wait_for_stderr(r"the present is reached after .* and 3 events: live from here")
    server.wait_for_subscriptions(1)
    with server.client() as publisher:
        publisher.publish("m/a", 3)
    assert process.wait() == 0
    assert process.stdout == b"0\n1\n2\n3\n"
