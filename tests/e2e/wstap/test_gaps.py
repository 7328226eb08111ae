"""Proves: what is missing is a warning, a failure or a record, as --on-gap says, and --verify finds all that is wrong."""

import json

import pytest
from harness.deadline import eventually
from harness.scripted_server import ScriptedServer, control, event, subscribed

FAST = ("--backoff", "10ms..50ms")


def fill(server, channel, numbers):
    with server.client() as publisher:
        for number in numbers:
            publisher.publish(channel, number)


def trimmed(stage):
    """A server that holds 6 to 10 of `a` and has forgotten 1 to 5."""
    server = stage.server("--history", "5")
    fill(server, "a", range(1, 11))
    return server


def tap(stage, server, *options):
    return stage.run("wstap", "-u", server.url, "a", "--from", "start", "--end", *options)


# --- what --on-gap does --------------------------------------------------------


def test_a_gap_is_a_warning_unless_told_otherwise(stage):
    run = tap(stage, trimmed(stage), "-o", "data")
    assert run.code == 0 and run.stdout == b"6\n7\n8\n9\n10\n"
    assert "wstap: gap in a: events 1 to 5 missing; the oldest that is held is 6\n" in run.stderr
    assert "1 gap (5 events missing)" in run.stderr


def test_a_gap_ends_the_run_with_its_exit_code_where_it_must_not_be(stage):
    run = tap(stage, trimmed(stage), "--on-gap", "fail")
    assert run.code == 7 and run.stdout == b""
    assert run.stderr.count("gap in a: events 1 to 5 missing") == 1


def test_a_gap_is_a_record_in_its_place(stage):
    server = trimmed(stage)
    with server.client() as client:
        epoch = client.subscribe("a")["channels"][0]["epoch"]
    run = tap(stage, server, "--on-gap", "emit")
    assert run.code == 0
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    gap = {"from": 1, "to": 5, "epoch": epoch, "missing": 5}
    assert lines[0] == {"type": "gap", "channel": "a", "data": gap}
    assert [line["offset"] for line in lines[1:]] == [6, 7, 8, 9, 10]
    assert "gap in a" not in run.stderr
    pretty = tap(stage, server, "--on-gap", "emit", "-o", "pretty")
    assert "events 1 to 5 missing" in pretty.stdout.decode().splitlines()[0]


def test_gaps_of_a_pattern_are_told_for_each_channel(stage):
    server = stage.server("--history", "2")
    for channel, last in (("m/a", 4), ("m/b", 2), ("m/c", 3)):
        fill(server, channel, range(1, last + 1))
    run = stage.run("wstap", "-u", server.url, "m/*", "--from", "start", "--end", "--on-gap", "emit")
    gaps = [json.loads(line) for line in run.stdout.splitlines() if b'"gap"' in line]
    found = {(gap["channel"], gap["data"]["from"], gap["data"]["to"]) for gap in gaps}
    assert found == {("m/a", 1, 2), ("m/c", 1, 1)}
    assert len(run.stdout.splitlines()) == 8


def test_gaps_of_channels_that_an_answer_has_no_room_for_are_counted(stage):
    server = stage.server("--history", "1", "--max-message", "4KiB")
    with server.client() as publisher:
        for number in range(120):
            publisher.publish(f"m/{number:03}", 1)
            publisher.publish(f"m/{number:03}", 2, type="last" if number == 119 else "t")
    options = ("-u", server.url, "m/*", "--from", "start", "--order", "channel", "-W", "1s")
    told = stage.run("wstap", *options, "-o", "none")
    assert " more channels of m/*, which the server does not name" in told.stderr
    assert "120 gaps" in told.stderr, told.stderr
    emitted = stage.run("wstap", *options, "--on-gap", "emit")
    gaps = [json.loads(line) for line in emitted.stdout.splitlines() if b'"type":"gap"' in line]
    assert sum(gap["data"].get("channels", 1) for gap in gaps) == 120, gaps
    assert gaps[-1]["channel"] == "m/*" and gaps[-1]["data"]["missing"] is None
    failed = stage.run("wstap", *options, "--on-gap", "fail")
    assert failed.code == 7 and failed.stdout == b""
    proved = stage.run("wstap", *options, "--verify", "-o", "none")
    assert proved.code == 7
    assert '"channel":"m/*","epoch":null,"from":null,"to":null,"missing":null,"channels":' in proved.stderr


def test_a_gap_between_live_events_is_no_different(stage):
    for choice, code, printed in (("warn", 0, 3), ("emit", 0, 4), ("fail", 7, 2)):
        with ScriptedServer() as server:
            process = stage.tool("wstap", "-u", server.url, "a", "--on-gap", choice, "--until-event", "last")
            peer = server.peer()
            peer.wait_for_messages(1)
            subscribed(peer, {"a": (0, "e", True)})
            for offset in (1, 2, 5):
                peer.send(event("a", offset, offset, kind="last" if offset == 5 else "t"))
            assert process.wait() == code, process.stderr
            assert process.stdout.count(b"\n") == printed
            assert ("gap in a: events 3 to 4 missing" in process.stderr) == (choice != "emit")


def test_a_gap_of_a_reconnect_is_no_different(stage):
    with ScriptedServer() as server:
        process = stage.tool("wstap", "-u", server.url, *FAST, "a", "--on-gap", "fail")
        peer = server.peer()
        peer.wait_for_messages(1)
        subscribed(peer, {"a": (0, "e", True)})
        peer.send(event("a", 1, 1))
        process.wait_for_lines(1)
        peer.drop()
        again = server.peer()
        again.wait_for_messages(1)
        subscribed(again, {"a": (9, "e", False)})
        assert process.wait() == 7
        assert process.stdout.count(b"\n") == 1 and "events 2 to 9 missing" in process.stderr


def test_with_a_cursor_a_gap_that_fails_stays_before_it_and_any_other_goes_past(stage, tmp_path):
    server = stage.server("--history", "5")
    cursor = tmp_path / "a.cur"
    fill(server, "a", [1])
    keep = ("--cursor", cursor, "-o", "json")
    assert tap(stage, server, *keep).code == 0
    fill(server, "a", range(2, 11))
    for _ in range(2):
        failed = tap(stage, server, *keep, "--on-gap", "fail")
        assert failed.code == 7 and failed.stdout == b""
        assert "gap in a: events 2 to 5 missing" in failed.stderr
    passed = tap(stage, server, *keep, "--on-gap", "emit")
    assert passed.code == 0
    assert [json.loads(line)["type"] for line in passed.stdout.splitlines()] == ["gap", *["message"] * 5]
    assert tap(stage, server, *keep, "--on-gap", "fail").code == 0


# --- what --verify finds ---------------------------------------------------------


def verified(stage, events, *options, expected=7):
    """The incidents that a run over these live events reports."""
    with ScriptedServer() as server:
        process = stage.tool(
            "wstap", "-u", server.url, "a", "--verify", "--until-event", "last", "-o", "none", *options
        )
        peer = server.peer()
        command = peer.wait_for_messages(1)[0]
        subscribed(peer, {"a": (0, "e", True)})
        for number, extra in events:
            peer.send(event("a", number, number) | extra)
        last = events[-1][0] + 1
        peer.send(event("a", last, last, kind="last"))
        assert process.wait() == expected, process.stderr
        assert process.stdout == b""
        verdict = "verified: " if expected == 0 else "verification failed: "
        assert process.stderr.count(verdict) == 1
        assert "events" not in command, "the types are left out here, so that offsets stay without holes"
        return [json.loads(line) for line in process.stderr.splitlines() if line.startswith("{")]


def plain(*numbers):
    return [(number, {}) for number in numbers]


def test_an_order_without_fault_is_verified(stage):
    merged = (6, {"from": 4, "merged": 2})
    assert verified(stage, [*plain(1, 2, 3), merged], expected=0) == []
    assert verified(stage, plain(1, 2, 3), "-e", "last", expected=0) == []


@pytest.mark.parametrize(
    "events, found",
    [
        (plain(1, 4), {"incident": "gap", "from": 2, "to": 3, "missing": 2}),
        (plain(1, 2, 2), {"incident": "duplicate", "offset": 2, "after": 2}),
        (plain(1, 3, 2, 3), {"incident": "order", "offset": 2, "after": 3}),
        ([*plain(1), (2, {"from": 1, "merged": 1})], {"incident": "merge", "offset": 2, "merged": 1}),
        ([*plain(1), (4, {"from": 2, "merged": 9})], {"incident": "merge", "offset": 4, "merged": 9}),
        ([*plain(1), (2, {"channel": "b", "offset": 7})], {"incident": "channel", "channel": "b"}),
    ],
)
def test_each_kind_of_fault_is_found(stage, events, found):
    incidents = verified(stage, events)
    assert any(found.items() <= incident.items() for incident in incidents), incidents


def test_a_new_epoch_is_found(stage):
    with ScriptedServer() as server:
        process = stage.tool("wstap", "-u", server.url, *FAST, "a", "--verify", "--until-event", "last")
        peer = server.peer()
        peer.wait_for_messages(1)
        subscribed(peer, {"a": (0, "one", True)})
        peer.send(event("a", 1, 1))
        process.wait_for_lines(1)
        peer.drop()
        again = server.peer()
        again.wait_for_messages(1)
        subscribed(again, {"a": (0, "two", False)})
        again.send(event("a", 1, 1, kind="last"))
        assert process.wait() == 7
    incidents = [json.loads(line) for line in process.stderr.splitlines() if line.startswith("{")]
    assert [incident["incident"] for incident in incidents] == ["epoch"]
    assert (incidents[0]["previous_epoch"], incidents[0]["epoch"], incidents[0]["after"]) == ("one", "two", 1)


def test_what_ended_the_run_otherwise_keeps_its_exit_code(stage):
    """A gap does not hide that the server was lost, and a time-out does not hide a gap."""
    with ScriptedServer() as server:
        process = stage.tool("wstap", "-u", server.url, "--no-reconnect", "a", "--verify")
        peer = server.peer()
        peer.wait_for_messages(1)
        subscribed(peer, {"a": (0, "e", True)})
        peer.send(event("a", 5, 5))
        process.wait_for_lines(1)
        peer.drop()
        assert process.wait() == 6
    timed_out = stage.run(
        "wstap", "-u", trimmed(stage).url, "a", "--from", "start", "--verify", "-W", "200ms"
    )
    assert timed_out.code == 7


def test_late_and_repeated_events_are_told_apart_and_only_late_ones_printed(stage):
    with ScriptedServer() as server:
        process = stage.tool("wstap", "-u", server.url, "a", "-o", "data", "--until-event", "last")
        peer = server.peer()
        peer.wait_for_messages(1)
        subscribed(peer, {"a": (0, "e", True)})
        for offset in (1, 3, 2, 2, 3, 4):
            peer.send(event("a", offset, offset))
        peer.send(event("a", 5, 5, kind="last"))
        assert process.wait() == 0
        assert process.stdout.split() == [b"1", b"3", b"2", b"4", b"5"]


# S2
def test_what_max_rate_merges_is_verified(stage):
    """Events of several keys, faster than the rate: fewer come, and each says for which it stands."""
    server = stage.server()
    process = stage.tool("wstap", "-u", f"{server.url}?max_rate=20", "a", "b", "--verify", "--until-event", "last")
    server.wait_for_subscriptions(2)
    with server.client() as publisher:

        def is_merged():
            for number in range(50):
                publisher.publish("ab"[number % 2], number, key=f"k{number % 7}")
            return server.stats()["merged"] > 300

        eventually(is_merged, "events are merged")
        publisher.publish("a", 0, type="last")
        assert process.wait() == 0, process.stderr
    assert "verified: " in process.stderr
    assert process.stdout.count(b"\n") < server.stats()["published"]


def test_a_merge_that_fits_is_no_gap(stage):
    """On a `latest` channel a slow reader gets fewer events, and they add up."""
    with ScriptedServer() as server:
        process = stage.tool("wstap", "-u", server.url, "m/*", "--verify", "--until-event", "last")
        peer = server.peer()
        peer.wait_for_messages(1)
        entry = {"channel": "m/*", "offset": None, "epoch": None, "recovered": False, "replayed": 0}
        peer.send(control("subscribed", {"channels": [entry | {"matched": []}], "events": []}, 1))
        # Two keys: what one skips the other declares.
        for number, extra in (
            (1, {"key": "x"}),
            (2, {"key": "y"}),
            (6, {"key": "x", "from": 3, "merged": 1}),
            (7, {"key": "y", "from": 4, "merged": 2}),
        ):
            peer.send(event("m/a", number, number) | extra)
        peer.send(event("m/a", 8, 8, kind="last") | {"key": "x"})
        assert process.wait() == 0, process.stderr
        assert process.stdout.count(b"\n") == 5
