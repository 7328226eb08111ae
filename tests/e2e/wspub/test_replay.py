"""Proves: wspub --replay publishes a recording in its order and at its own pace, with the times that were asked for."""

import datetime
import json
import re
import signal

RECORDING = [
    {"time": "2026-11-19T09:30:00.000000Z", "price": 1},
    {"time": "2026-11-19T09:30:00.250000Z", "price": 2},
    {"time": "2026-11-19T13:30:00Z", "price": 3},
    {"time": "2026-11-19T13:29:59Z", "price": 4},
    {"time": "2026-11-20T09:30:00Z", "price": 5},
]


def lines(records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def replayed(stage, options, count, stdin=lines(RECORDING)):
    """What a subscriber gets of a replay that ends well, and the run."""
    server = stage.server()
    with server.client("/ws/**") as reader:
        run = stage.run("wspub", "-u", server.url, "a", "--replay", ".time", *options, stdin=stdin)
        assert run.code == 0, run.stderr
        return reader.take_events(count), run


def prices(events):
    return [json.loads(event.data)["price"] for event in events]


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_a_day_passes_at_once_in_the_order_of_the_lines(stage):
    events, run = replayed(stage, ["--speed", "max"], len(RECORDING))
    assert prices(events) == [1, 2, 3, 4, 5]
    assert "out of order 1" in run.stderr, run.stderr


def test_a_day_passes_as_fast_as_its_gaps_are_cut(stage):
    events, _ = replayed(stage, ["--max-gap", "20ms"], len(RECORDING))
    assert prices(events) == [1, 2, 3, 4, 5]


def test_a_day_passes_in_less_than_a_second_by_its_speed(stage):
    events, _ = replayed(stage, ["--speed", "200000x"], len(RECORDING))
    assert prices(events) == [1, 2, 3, 4, 5]


def test_shifted_times_keep_their_distances(stage):
    before = datetime.datetime.now(datetime.timezone.utc)
    events, _ = replayed(stage, ["--speed", "max", "--shift-time", "now"], len(RECORDING))
    times = [moment(event.timestamp) for event in events]
    recorded = [moment(record["time"]) for record in RECORDING]
    assert before <= times[0] <= datetime.datetime.now(datetime.timezone.utc)
    assert [time - times[0] for time in times] == [time - recorded[0] for time in recorded]
    assert [json.loads(event.data) for event in events] == RECORDING, "the data stays as it was"


def test_times_can_be_shifted_to_any_moment(stage):
    events, _ = replayed(stage, ["--speed", "max", "--shift-time", "2030-01-01T00:00:00Z"], len(RECORDING))
    assert [event.timestamp for event in events[:3]] == [
        "2030-01-01T00:00:00.000000Z",
        "2030-01-01T00:00:00.250000Z",
        "2030-01-01T04:00:00.000000Z",
    ]


def test_in_a_loop_the_times_go_on(stage):
    recording = stage.home / "recording"
    recording.write_bytes(lines([{"time": 1_700_000_000 + n, "price": n} for n in range(4)]))
    options = [recording, "--speed", "max", "--loop", "3", "--shift-time", "@1800000000"]
    events, _ = replayed(stage, options, 12, stdin=b"")
    assert prices(events) == [0, 1, 2, 3] * 3
    assert [moment(event.timestamp).timestamp() - 1_800_000_000 for event in events] == list(range(12))


def test_a_loop_without_a_number_ends_by_a_signal(stage):
    server = stage.server()
    recording = stage.home / "recording"
    recording.write_bytes(lines(RECORDING))
    with server.client("/ws/**") as reader:
        run = stage.tool("wspub", "-u", server.url, "a", recording, "--loop", "--rate", "2000")
        assert prices(reader.take_events(25)) == [1, 2, 3, 4, 5] * 5
        run.signal(signal.SIGTERM)
        assert run.wait() == -signal.SIGTERM
    assert re.search(r"read (\d+), acknowledged \1, in", run.stderr), run.stderr


def test_a_pipe_is_not_repeated(stage):
    server = stage.server()
    run = stage.run("wspub", "-u", server.url, "a", "--loop", "2", stdin=b"1\n")
    assert run.code == 2 and "--loop" in run.stderr and "file" in run.stderr


def test_a_recording_of_wstap_is_replayed_to_its_own_channels(stage):
    server = stage.server()
    with server.client() as publisher:
        tap = stage.tool("wstap", "-u", server.url, "**", "-o", "json", "-n", "2")
        server.wait_for_subscriptions(1)
        publisher.publish("market/a", 1, timestamp="2026-11-20T10:00:00Z", type="trade")
        publisher.publish("market/b", 2, timestamp="2026-11-20T11:00:00Z", type="trade")
        assert tap.wait() == 0, tap.stderr
    again = stage.server()
    with again.client("/ws/**") as reader:
        options = ["--replay", ".timestamp", "--speed", "max", "--shift-time", "2030-01-01T00:00:00Z"]
        run = stage.run("wspub", "-u", again.url, *options, stdin=tap.stdout)
        assert run.code == 0, run.stderr
        assert [(e.channel, e.type, e.timestamp, e.data) for e in reader.take_events(2)] == [
            ("market/a", "trade", "2030-01-01T00:00:00.000000Z", "1"),
            ("market/b", "trade", "2030-01-01T01:00:00.000000Z", "2"),
        ]


def test_a_line_without_a_time_is_named_with_the_remedy(stage):
    server = stage.server()
    text = b'{"time":1,"price":1}\n{"price":2}\n{"time":2,"price":3}\n'
    options = ["-u", server.url, "a", "--replay", ".time", "--speed", "max"]
    run = stage.run("wspub", *options, stdin=text)
    assert run.code == 8, run.stderr
    assert "line 2: no field .time" in run.stderr and "--on-invalid" in run.stderr
    run = stage.run("wspub", *options, stdin=b'{"time":"ten o\'clock","price":1}\n')
    assert run.code == 8 and "line 1, column 9" in run.stderr and "RFC 3339" in run.stderr, run.stderr
    with server.client("/ws/a") as reader:
        run = stage.run("wspub", *options, "--on-invalid", "skip", stdin=text)
        assert run.code == 0 and "skipped 1" in run.stderr, run.stderr
        assert prices(reader.take_events(2)) == [1, 3]


def test_in_a_long_pause_it_answers_and_ends_by_a_signal(stage):
    """The second event is a day away."""
    server = stage.server()
    with server.client("/ws/a") as reader:
        run = stage.tool("wspub", "-u", server.url, "a", "--replay", ".time", "--stats=1h")
        run.write(lines([RECORDING[0], RECORDING[-1]]))
        assert prices(reader.take_events(1)) == [1]
        run.signal(signal.SIGUSR1)
        run.wait_for_stderr(r"at 2026-11-20T09:30:00 \(1x\)")
        run.signal(signal.SIGINT)
        assert run.wait() == -signal.SIGINT
        assert "acknowledged 1" in run.stderr and "not published 1" in run.stderr, run.stderr


def test_a_dry_run_shows_what_would_be_published(stage):
    options = ["--replay", ".time", "--speed", "max", "--shift-time", "2030-01-01T00:00:00Z", "--dry-run"]
    run = stage.run("wspub", "a", *options, stdin=lines(RECORDING[:1]))
    assert run.code == 0, run.stderr
    shown = json.loads(run.stdout)
    assert shown == {
        "channel": "a",
        "type": "message",
        "timestamp": "2030-01-01T00:00:00.000000Z",
        "data": RECORDING[0],
    }


def test_a_server_that_was_away_costs_the_replay_nothing(stage):
    server = stage.lasting_server("--store", stage.home / "store")
    records = [{"time": 1_700_000_000 + n / 1000, "price": n} for n in range(2000)]
    run = stage.tool("wspub", "-u", server.url, "a", "--replay", ".time", "--backoff", "10ms..50ms")
    with server.client("/ws/a") as reader:
        run.feed(lines(records))
        reader.take_events(100)
        server.kill()
    server = stage.restart(server)
    with server.client("/ws/a?since=start") as reader:
        assert prices(reader.take_events(2000)) == list(range(2000))
    assert run.wait() == 0, run.stderr
