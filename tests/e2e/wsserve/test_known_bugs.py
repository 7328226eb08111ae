"""Proves: what other systems got wrong about history, recovery and flow control, and their users found out, is right here."""

import contextlib
import json
import threading

import pytest
from harness import frames
from harness.deadline import eventually
from harness.relay import Relay

FAST = ("--backoff", "10ms..50ms")


def position(ack):
    return {"offset": ack["offset"], "epoch": ack["epoch"]}


def recovery(entry):
    return entry["recovered"], entry["replayed"]


def offsets(events):
    return [event.offset for event in events]


@contextlib.contextmanager
def full_speed(server, channel, window=100):
    """Publishes numbers from 1 on to the channel without a pause, acknowledged a window at a time."""
    stopping, failures = threading.Event(), []

    def run():
        try:
            with server.client() as publisher:
                number = 0
                while not stopping.is_set():
                    events = [{"channel": channel, "type": "n", "data": number + n + 1} for n in range(window)]
                    publisher.expect("published", publisher.command("publish", events=events))
                    number += window
        except BaseException as failure:  # Shown by the test's own thread.
            failures.append(failure)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
    assert not failures, failures


# --- A reconnect with nothing missed -------------------------------------------
# socket.io 4888 and 5538: a client that had not been sent an event before it lost its connection was told that it
# could not be recovered. 5282: the same once its last event had left the history.


@pytest.mark.parametrize("published", [0, 3])
def test_a_reconnect_with_zero_missed_events_says_recovered(server, published):
    with server.client() as client:
        for number in range(published):
            client.publish("a", number)
        before = client.subscribe("a")["channels"][0]
        assert not client.events
    with server.client() as again:
        entry = again.subscribe("a", since=position(before))["channels"][0]
        assert recovery(entry) == (True, 0) and "oldest" not in entry
        assert again.publish("a", "next")["offset"] == published + 1
        assert offsets(again.take_events(1)) == [published + 1]


def test_a_reconnect_with_zero_missed_events_on_a_pattern_says_recovered(server):
    with server.client() as client:
        acks = [client.publish(f"m/{name}", 1) for name in "xyz"]
        client.subscribe("m/*")
    with server.client() as again:
        since = {"positions": {ack["channel"]: position(ack) for ack in acks}}
        entry = again.subscribe("m/*", since=since)["channels"][0]
        assert recovery(entry) == (True, 0) and "gaps" not in entry


def test_a_reconnect_with_zero_missed_events_says_recovered_though_the_history_is_empty(stage):
    server = stage.server("--history-ttl", "1s")
    with server.client() as client:
        ack = client.publish("a", 1)
        eventually(lambda: not client.command("history", channel="a")["data"]["events"], "the history forgets")
        assert recovery(client.subscribe("a", since=position(ack))["channels"][0]) == (True, 0)


def test_a_tap_that_has_not_seen_an_event_yet_misses_none_of_an_outage(stage):
    server = stage.server()
    with Relay(server) as relay, server.client() as publisher:
        tap = stage.tool("wstap", "-u", relay.url, "-o", "data", "-v", *FAST, "a")
        tap.wait_for_stderr("connected to")
        relay.cut()
        for number in range(10):
            publisher.publish("a", number)
        tap.wait_for_lines(10)
        publisher.publish("a", 10)
        tap.wait_for_lines(11)
        assert relay.cuts == 1
    assert tap.stdout.split() == [b"%d" % number for number in range(11)]
    assert "gap" not in tap.stderr


# --- Events that are merged ------------------------------------------------------
# socket.io 5539: an event that might be left out (volatile) was taken for the position of the client that got it, and
# nothing was recovered from there.


def test_merged_events_do_not_corrupt_the_position(stage):
    server = stage.server("--latest", "l/*", "--history-bytes", "64MiB")
    with server.client() as publisher, server.client("/ws?max_rate=5") as spared:
        epoch = spared.subscribe("l/a")["channels"][0]["epoch"]
        for number in range(50):
            publisher.publish("l/a", number)
        seen = []
        while sum(1 + json.loads(event.text).get("merged", 0) for event in seen) < 50:
            seen += spared.take_events(1)
        last = json.loads(seen[-1].text)
        assert (last["offset"], last["merged"] > 0) == (50, True)
        for number in range(50, 53):
            publisher.publish("l/a", number)
    with server.client() as again:
        entry = again.subscribe("l/a", since={"offset": last["offset"], "epoch": epoch})["channels"][0]
        assert recovery(entry) == (True, 3)
        assert offsets(again.take_events(3)) == [51, 52, 53]


# --- From the history to live ----------------------------------------------------
# mercure 178 and 200: what was published between the reading of the history and the subscription was lost.


@pytest.mark.parametrize("channel", ["a", "m/x"])
def test_there_is_no_gap_between_replay_and_live_at_full_speed(server, channel):
    with full_speed(server, channel):
        eventually(lambda: server.stats()["published"] > 1000, "events to replay")
        for _ in range(20):
            with server.client() as reader:
                pattern = "m/*" if channel == "m/x" else channel
                entry = reader.subscribe(pattern, since={"last": 500}, matched=True)["channels"][0]
                stand = entry["matched"][0] if pattern != channel else entry
                assert recovery(stand) == (True, 500)
                got = offsets(reader.take_events(1500))
                first = stand["offset"] - 499
                assert got == list(range(first, first + 1500)), "each once and in order, through the seam"


# --- Once -------------------------------------------------------------------------
# centrifuge-go 150: a connection that was replaced while its recovered events were on the way to the handler had them
# delivered by the old one and by the new one.


def test_a_connection_lost_in_the_middle_of_its_recovery_delivers_no_event_twice(stage):
    count = 5000
    server = stage.server("--history", str(count))
    with server.client() as publisher:
        events = [{"channel": "a", "type": "n", "data": number} for number in range(count)]
        publisher.expect("published", publisher.command("publish", events=events[:1000]))
        budgets = [20_000, 5_000, 60_000, 1_000, 30_000, 100_000]
        with Relay(server, budgets) as relay:
            tap = stage.tool("wstap", "-u", relay.url, "-o", "data", *FAST, "--from", "start", "a", "-n", str(count))
            for begin in range(1000, count, 100):
                publisher.expect("published", publisher.command("publish", events=events[begin : begin + 100]))
                tap.wait_for_lines(begin - 900)
            assert tap.wait() == 0
            assert relay.cuts >= 4
    assert tap.stdout.split() == [b"%d" % number for number in range(count)]


def test_two_subscriptions_that_overlap_deliver_an_event_once(server):
    with server.client() as client:
        acks = [client.publish("m/x", number) for number in range(10)]
        client.subscribe("m/*", since="start")
        joined = client.subscribe("m/x", since=position(acks[4]))["channels"][0]
        client.publish("m/x", 10)
        assert offsets(client.take_events(11)) == list(range(1, 12))
        # What the pattern has brought is not brought again, so nothing that is replayed may be promised.
        assert joined["replayed"] == 0
        client.expect_no_event_before("marker", client)


# --- Another incarnation -----------------------------------------------------------
# centrifuge-go 160: an old offset was sent with the new epoch; the server served another stream's events and called
# that recovered.


def test_an_offset_of_an_epoch_that_is_over_is_never_recovered(stage):
    server = stage.lasting_server()
    with server.client() as client:
        old = [client.publish("a", number) for number in range(5)][2]
    server.kill()
    second = stage.restart(server)
    with second.client() as client:
        new = [client.publish("a", f"new {number}") for number in range(9)]
        entry = client.subscribe("a", since=position(old))["channels"][0]
        assert entry["recovered"] is False and entry["oldest"] == 1
        assert (entry["epoch"], entry["epoch"] != old["epoch"]) == (new[0]["epoch"], True)
        assert offsets(client.take_events(9)) == list(range(1, 10)), "all that is held, from its oldest"


def test_a_tap_never_pairs_an_old_offset_with_a_new_epoch(stage, tmp_path):
    server = stage.lasting_server()
    cursor = tmp_path / "cursor"
    tap = stage.tool("wstap", "-u", server.url, "-o", "data", *FAST, "--cursor", cursor, "a")
    server.wait_for_subscriptions(1)
    with server.client() as client:
        old = [client.publish("a", number) for number in range(5)][-1]
    tap.wait_for_lines(5)
    server.kill()
    second = stage.restart(server)
    second.wait_for_subscriptions(1)

    def saved():
        since = json.loads(cursor.read_text()).get("since", {"positions": {}})
        return since["positions"].get("a", {"epoch": old["epoch"]})

    with second.client() as client:
        eventually(lambda: saved()["epoch"] != old["epoch"], "the cursor is of the new epoch")
        assert saved()["offset"] == 0
        new = client.publish("a", "new")
        eventually(lambda: saved() == position(new), "the cursor goes on in the new epoch")
    tap.wait_for_lines(6)
    tap.wait_for_stderr(r"gap.*\ba\b")


# --- A restart ----------------------------------------------------------------------
# nchan 442: subscribers that were connected while the engine was restarted got nothing more, though it was stored.


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_subscribers_recover_after_a_restart_of_a_server_with_a_store(stage, tmp_path, end):
    server = stage.lasting_server("--store", tmp_path / "events.db")
    taps = [stage.tool("wstap", "-u", server.url, "-o", "data", *FAST, name) for name in ("m/x", "m/*")]
    server.wait_for_subscriptions(2)
    with server.client() as publisher:
        for number in range(10):
            publisher.publish("m/x", number)
    for tap in taps:
        tap.wait_for_lines(5)
    getattr(server, end)()
    second = stage.restart(server)
    with second.client() as publisher:
        for number in range(10, 20):
            publisher.publish("m/x", number)
        for tap in taps:
            tap.wait_for_lines(20)
            assert tap.stdout.split() == [b"%d" % number for number in range(20)]
            assert "gap" not in tap.stderr


# --- Backpressure ---------------------------------------------------------------------
# uWebSockets 1876: a pong waited behind the messages for a slow reader, who was then taken for dead.


def test_a_pong_overtakes_the_events_that_wait_for_a_slow_reader(stage):
    server = stage.server("--queue-limit", "256MiB")
    event = "x" * 200_000
    with server.client(receive_buffer=4096) as slow, server.client() as publisher:
        slow.subscribe("a")
        published = 0
        # The kernel's buffers are full, and far more than they hold waits in the server.
        while server.stats()["queued_bytes"] < 40_000_000:
            for _ in range(20):
                publisher.publish("a", event)
                published += 1
        slow.websocket.send_frame(frames.PING, b"still there?")
        # A second one tells when the first was read; both wait, and the newer stands for both.
        slow.websocket.send_frame(frames.PING, b"now?")
        eventually(lambda: server.stats()["merged_pongs"] == 1, "the pings are read")
        behind, pongs = 0, []
        while not pongs or behind < published:
            frame = slow.websocket.read_frame()
            if frame.opcode == frames.PONG:
                pongs.append((frame.payload, behind))
            elif frame.opcode == frames.TEXT:
                behind += frame.payload.startswith(b'{"type":"message"')
        assert [payload for payload, _ in pongs] == [b"now?"]
        assert pongs[0][1] < published // 2, "before those that were still in the server's queue"
        slow.still_works()
