"""Proves: heartbeats carry counters that add up, and a peer that has gone silent is closed with 4009."""

import contextlib
import signal
import time

from harness import frames
from harness.deadline import SLOW
from harness.websocket import ConnectionEnded, close_of

# Long enough that a machine with other things to do is not taken for a silent peer.
SECONDS = 2 * SLOW
HEARTBEAT = ("--heartbeat", f"{SECONDS}s")


def last_heartbeat_after(client, condition):
    """The first heartbeat whose counters satisfy `condition`."""
    while True:
        data = client.wait_for_control("heartbeat")["data"]
        assert set(data) == {"delivered", "merged", "filtered", "dropped", "queued_bytes"}
        if condition(data):
            return data
        client.websocket.send_frame(frames.PONG)


def test_counts_what_was_delivered_and_what_was_filtered(stage):
    server = stage.server(*HEARTBEAT)
    with server.client() as client, server.client() as publisher:
        client.subscribe("a", events=["wanted"])
        for number in range(60):
            publisher.publish("a", number, type="wanted" if number % 3 == 0 else "unwanted")
        heartbeat = last_heartbeat_after(client, lambda data: data["delivered"] + data["filtered"] >= 60)
        assert heartbeat == {"delivered": 20, "filtered": 40, "merged": 0, "dropped": 0, "queued_bytes": 0}
        assert [event.data for event in client.wait_for_events(20)] == [str(n) for n in range(0, 60, 3)]


def total(counters):
    return sum(counters[name] for name in ("delivered", "merged", "filtered", "dropped"))


def test_what_was_merged_filtered_and_given_up_adds_up_to_what_was_published(stage):
    server = stage.server(*HEARTBEAT)
    with server.client("/ws?max_rate=0.001") as spared, server.client() as publisher:
        spared.subscribe("a", events=["wanted"])
        for number in range(12):
            publisher.publish("a", number, type="wanted", key=f"k{number % 2}")
        publisher.publish("a", 12, type="unwanted")
        # The first of each key came at once. The newest of each waits, and stands for four others.
        waiting = last_heartbeat_after(spared, lambda data: data["filtered"] == 1)
        assert (waiting["delivered"], waiting["merged"], waiting["dropped"]) == (2, 8, 0)
        assert waiting["queued_bytes"] > 0 and total(waiting) == 13 - 2
        spared.unsubscribe("a")
        left = last_heartbeat_after(spared, lambda data: data["dropped"] > 0)
        assert left == {"delivered": 2, "merged": 0, "filtered": 1, "dropped": 10, "queued_bytes": 0}
        assert total(left) == 13
        assert len(spared.events) == 2
        stats = server.stats()
        assert (stats["merged"], stats["dropped"]) == (0, 10), "the server's own sums say the same"


def test_a_connection_may_do_without_heartbeats(stage):
    server = stage.server(*HEARTBEAT)
    with server.client("/ws?heartbeat=0") as quiet, server.client() as beaten:
        assert float(quiet.connected["heartbeat"]) == 0
        for _ in range(2):
            beaten.wait_for_control("heartbeat")
            beaten.still_works()
            quiet.still_works()
        assert not [message for message in quiet.controls if message["type"] == "heartbeat"]


def test_a_connection_may_set_its_own_heartbeat(stage):
    server = stage.server("--heartbeat", "1h", "--min-heartbeat", f"{SECONDS}s")
    with server.client(f"/ws?heartbeat={SECONDS}") as client:
        assert float(client.connected["heartbeat"]) == SECONDS
        for _ in range(2):
            client.wait_for_control("heartbeat")
            client.still_works()


def test_a_connection_gets_no_shorter_heartbeat_than_the_operator_allows(stage):
    """R14"""
    server = stage.server("--heartbeat", "1h", "--min-heartbeat", "5m")
    with server.client("/ws?heartbeat=0.1") as client:
        assert float(client.connected["heartbeat"]) == 300
    with server.client("/ws?heartbeat=600") as client:
        assert float(client.connected["heartbeat"]) == 600


@contextlib.contextmanager
def standing_still(server, seconds):
    """As a suspended machine: the server does nothing until `seconds` after the block began."""
    server.process.signal(signal.SIGSTOP)
    went_on = time.monotonic() + seconds
    yield
    time.sleep(max(went_on - time.monotonic(), 0))
    server.process.signal(signal.SIGCONT)


def test_a_server_that_stood_still_asks_before_it_calls_a_peer_silent(stage):
    server = stage.server("--heartbeat", "1s")
    clients = [server.client() for _ in range(20)]
    with standing_still(server, 3):
        pass
    for client in clients:
        client.still_works()
    assert server.stats()["closed_silent"] == 0


def test_a_server_that_stood_still_reads_every_answer_before_it_calls_a_peer_silent(stage):
    heartbeat = 5
    server = stage.server("--heartbeat", f"{heartbeat}s")
    # More than one turn of a shard reads.
    sockets = [server.open() for _ in range(600)]
    opened = time.monotonic()
    for websocket in sockets:
        while websocket.read_frame().opcode != frames.PING:
            pass
    with standing_still(server, opened + 2.2 * heartbeat - time.monotonic()):
        for websocket in sockets:
            websocket.send_frame(frames.PONG)
            websocket.send_text('{"action":"ping","id":"after"}')
    for websocket in sockets:
        while b'"after"' not in (frame := websocket.read_frame()).payload:
            assert frame.opcode != frames.CLOSE, close_of(frame)
    assert server.stats()["closed_silent"] == 0


def test_a_silent_peer_that_does_not_read_its_close_is_ended(stage):
    server = stage.server("--heartbeat", "200ms")
    with server.client() as silent:
        server.wait_for_connections(0)
        try:
            assert silent.websocket.read_close()[0] == 4009
        except ConnectionEnded:
            pass
