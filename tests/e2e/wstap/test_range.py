"""Proves: --from, --until and --end select what they say, of names and of patterns, and end by themselves."""

import datetime
import json

import pytest
from harness.scripted_server import ScriptedServer, control


def fill(server, **channels):
    """Publishes numbers: fill(server, a=3) is 1, 2, 3 on a."""
    with server.client() as publisher:
        for channel, count in channels.items():
            for number in range(1, count + 1):
                publisher.publish(channel.replace("_", "/"), number)


def tap(stage, server, *options):
    run = stage.run("wstap", "-u", server.url, "-o", "data", *options)
    assert run.code == 0, run.stderr
    return [int(line) for line in run.stdout.split()]


@pytest.mark.parametrize(
    "begin, expected",
    [
        ("start", range(1, 11)),
        ("0", range(1, 11)),
        ("7", range(8, 11)),
        ("-3", range(8, 11)),
        ("-1h", range(1, 11)),
        ("2020-01-01T00:00:00Z", range(1, 11)),
        ("@1577836800", range(1, 11)),
        ("10", []),
    ],
)
@pytest.mark.parametrize("channel", ["m/a", "m/*", "**"])
def test_begins_where_it_is_told_and_ends_with_the_newest(stage, begin, expected, channel):
    server = stage.server()
    fill(server, m_a=10)
    assert tap(stage, server, channel, "--from", begin, "--end") == list(expected)


def test_begins_behind_an_offset_of_an_epoch(stage):
    server = stage.server()
    with server.client() as publisher:
        epoch = publisher.publish("a", 1)["epoch"]
        publisher.publish("a", 2)
    assert tap(stage, server, "a", "--from", f"{epoch}:1", "--end") == [2]
    other = stage.run("wstap", "-u", server.url, "-o", "data", "a", "--from", "another:1", "--end")
    assert other.stdout == b"1\n2\n" and "gap in a: the channel began anew" in other.stderr


def test_a_time_of_day_is_of_this_machines_zone_and_never_an_epoch(stage):
    # F3: these were read as epoch:offset, and everything held was printed.
    server = stage.server()
    fill(server, a=3)
    for begin, expected in [("yesterday", [1, 2, 3]), ("2020-01-01", [1, 2, 3]), ("2020-01-01 09:30", [1, 2, 3])]:
        run = stage.run("wstap", "-u", server.url, "-o", "data", "a", "--from", begin, "--end", "-v")
        assert run.code == 0 and [int(line) for line in run.stdout.split()] == expected, run.stderr
        assert "began anew" not in run.stderr and "(1 channel) from 20" in run.stderr
    run = stage.run("wstap", "-u", server.url, "-o", "data", "a", "--from", "tomorrow 09:30", "--end", "-v")
    assert run.code == 0 and run.stdout == b"" and "which is to come" in run.stderr
    answer = server.get("/history/a?since=09:30")
    assert answer.status == 400 and b"without its date and its zone" in answer.body


def test_goes_on_live_without_an_end(stage):
    server = stage.server()
    fill(server, a=5)
    process = stage.tool("wstap", "-u", server.url, "-o", "data", "a", "--from", "-2", "-n", "4", "-v")
    process.wait_for_lines(2)
    with server.client() as publisher:
        publisher.publish("a", 6)
        publisher.publish("a", 7)
    assert process.wait() == 0
    assert process.stdout == b"4\n5\n6\n7\n"
    assert "a: 2 events replayed, then live" in process.stderr


def test_the_pipeline_from_minus_100(stage):
    server = stage.server()
    with server.client() as publisher:
        for number in range(300):
            publisher.publish("orders/1", {"n": number, "state": "REJECT" if number % 50 == 0 else "OK"})
    shell = stage.shell(
        f"wstap -u {server.url} 'orders/*' --from -100 --end | grep --line-buffered REJECT"
    )
    assert shell.wait() == 0, shell.stderr
    assert [json.loads(line)["data"]["n"] for line in shell.stdout.splitlines()] == [200, 250]


@pytest.mark.parametrize("channel", ["silent", "silent/*"])
def test_ends_at_once_where_there_is_nothing(stage, channel):
    server = stage.server()
    assert tap(stage, server, channel, "--from", "start", "--end") == []


def test_the_end_is_that_of_the_beginning(stage):
    """What is published while it reads is not waited for, and not printed."""
    with ScriptedServer() as scripted:
        process = stage.tool(
            "wstap", "-u", scripted.url, "-o", "data", "m/*", "--from", "start", "--end", "--order", "channel"
        )
        peer = scripted.peer()
        command = peer.wait_for_messages(1)[0]
        assert command["since"] == "start" and command["matched"] is True

        def match(channel, offset):
            return {"channel": channel, "offset": offset, "epoch": "e", "recovered": True, "replayed": offset}

        entry = {"channel": "m/*", "offset": None, "epoch": None, "recovered": True, "replayed": 3}
        entry["matched"] = [match("m/a", 1), match("m/b", 2), match("m/c", 0)]
        peer.send(control("subscribed", {"channels": [entry], "events": []}, 1))
        for channel, offset in (("m/a", 1), ("m/a", 2), ("m/new", 1), ("m/b", 1), ("m/c", 1), ("m/b", 2)):
            peer.send_text(
                f'{{"type":"t","channel":"{channel}","offset":{offset},'
                f'"timestamp":"2026-11-20T10:00:00Z","data":{offset}}}'
            )
        assert process.wait() == 0, process.stderr
        assert process.stdout == b"1\n1\n2\n"


def test_ends_behind_an_offset_of_every_channel(stage):
    server = stage.server()
    fill(server, m_a=9, m_b=2)
    process = stage.tool("wstap", "-u", server.url, "m/*", "--from", "start", "--until", "3")
    process.wait_for_lines(5)
    with server.client() as publisher:
        publisher.publish("m/b", 3)
        publisher.publish("m/b", 4)
    assert process.wait() == 0
    offsets = [json.loads(line) for line in process.stdout.splitlines()]
    assert sorted((event["channel"], event["offset"]) for event in offsets) == [
        (channel, offset) for channel in ("m/a", "m/b") for offset in (1, 2, 3)
    ]


def test_ends_before_the_first_event_after_a_time(stage):
    server = stage.server()
    with server.client() as publisher:
        for minute in range(10):
            publisher.publish("a", minute, timestamp=f"2020-01-01T10:0{minute}:00Z")
    assert tap(stage, server, "a", "--from", "start", "--until", "2020-01-01T10:04:00Z") == [0, 1, 2, 3, 4]


def test_a_time_that_is_still_to_come_is_waited_for_though_nothing_comes(stage):
    server = stage.server()
    fill(server, a=1)
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
    assert tap(stage, server, "a", "b/*", "--from", "start", "--until", soon.isoformat()) == [1]


def test_types_are_left_out_and_yet_the_end_is_found(stage):
    server = stage.server()
    with server.client() as publisher:
        for number in range(1, 7):
            publisher.publish("a", number, type="trade" if number % 2 else "noise")
    assert tap(stage, server, "a", "-e", "trade", "--from", "start", "--end") == [1, 3, 5]


def test_other_ends_hold_as_well(stage):
    server = stage.server()
    fill(server, a=10)
    assert tap(stage, server, "a", "--from", "start", "--end", "-n", "2") == [1, 2]
    late = stage.run("wstap", "-u", server.url, "a", "--from", "start", "--until", "11", "-W", "300ms")
    assert late.code == 5 and late.stdout.count(b"\n") == 10


def test_a_backtest_that_is_over_is_read_and_verified(stage):
    server = stage.server()
    with server.client() as publisher:
        for number in range(50):
            publisher.publish("backtest/42", number, type="candle")
        publisher.publish("backtest/42", {}, type="session_completed")
    run = stage.run(
        "wstap", "-u", server.url, "backtest/42", "--from", "start", "--until-event", "session_completed",
        "--verify", "-o", "none",
    )  # fmt: skip
    assert run.code == 0 and run.stdout == b""
    assert "verified: 51 events read in 1 channel" in run.stderr


@pytest.mark.parametrize(
    "options, remedy",
    [
        (["--from", "some day"], "write start, now, cursor"),
        (["--from", "cursor"], "--cursor"),
        (["--from", "start", "--until", "-100"], "-n ends after"),
        (["--from", "start", "--until", "start"], "-n ends after"),
        (["--from", "start", "--until", "0"], "-n ends after"),
        (["--from", "start", "--end", "--until", "5"], "--end is --until now"),
        (["--from", "9", "--until", "5"], "before --from begins"),
        (["--from", "-5m", "--until", "-10m"], "before --from begins"),
        (["--end"], "--from start"),
        (["--until", "-5m"], "--from start"),
        (["--speed", "2x"], "--from -1h"),
        (["--speed", "fast", "--from", "start"], "60x"),
        (["--max-gap", "1s", "--from", "start"], "--speed 1x"),
        (["--on-gap", "emit", "-o", "data"], "-o json"),
        (["--on-gap", "stop"], "warn|fail|emit"),
    ],
)
def test_what_makes_no_sense_is_answered_with_the_remedy(stage, options, remedy):
    run = stage.run("wstap", "-u", "ws://127.0.0.1:1/ws", "a", *options)
    assert run.code == 2, run.stderr
    assert remedy in run.stderr and run.stderr.count("\n") == 1
