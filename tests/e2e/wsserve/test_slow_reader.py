"""Proves: a reader too slow for its channel is closed with 4008, others miss nothing, and the cut is counted."""

from harness.deadline import eventually
from harness import frames

EVENT = "x" * 20_000


def test_the_slow_one_is_cut_and_the_fast_one_misses_nothing(stage):
    server = stage.server("--queue-limit", "256KiB")
    slow, fast, publisher = server.client(receive_buffer=4096), server.client(), server.client()
    slow.subscribe("a")
    fast.subscribe("a")
    published = 0
    while server.stats()["total_connections"] == 3 and published < 5000:
        for _ in range(10):
            published += 1
            assert publisher.publish("a", EVENT)["offset"] == published
            assert fast.take_events(1)[0].offset == published
    stats = eventually(
        lambda: (now := server.stats()) and now["total_connections"] == 2 and now, "the slow reader is gone"
    )
    assert stats["dropped"] > 0
    fast.still_works()

    got = [event.offset for event in slow.events_until_closed(4008)]
    assert got == list(range(1, len(got) + 1)), "what came, came without a hole"
    assert len(got) < published


def test_a_reader_that_pauses_within_its_limit_misses_nothing(stage):
    server = stage.server("--queue-limit", "8MiB")
    pausing, publisher = server.client(receive_buffer=4096), server.client()
    pausing.subscribe("a")
    for _ in range(200):
        publisher.publish("a", EVENT)
    assert [event.offset for event in pausing.wait_for_events(200)] == list(range(1, 201))
    pausing.still_works()


def test_replies_count_as_well(stage):
    """A peer that only sends commands and never reads the replies is slow, too, or no longer read from."""
    server = stage.server("--queue-limit", "64KiB", "--heartbeat", "500ms")
    with server.open(receive_buffer=4096) as websocket:
        websocket.socket.settimeout(1)
        command = frames.encode(frames.TEXT, '{"action":"stats"}') * 200
        try:
            while True:
                websocket.send(command)
        except OSError:
            pass  # Closed by the server, or it has stopped reading: either bounds what it holds.
        with server.client() as other:
            other.still_works()
        eventually(lambda: server.stats()["total_connections"] == 0, "the peer that never reads is gone")
