"""Proves: one reader that stops reading changes nothing for the others, costs a bounded queue, and ends complete."""

import json
import threading

from harness.deadline import eventually
from harness.websocket import Closed

QUEUE = 256 * 1024
HISTORY = 64 << 20
EVENT = "x" * 20_000
HEALTHY = 8


class Reader:
    """A healthy one: takes what comes, in a thread, until it has stood for `published` events."""

    def __init__(self, server, channel):
        self.client = server.client()
        self.client.subscribe(channel)
        self.stands_for = 0
        self.offsets = []
        self.failure = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while True:
                event = self.client.take_events(1)[0]
                if event.type == "last":
                    return
                self.offsets.append(event.offset)
                self.stands_for += 1 + json.loads(event.text).get("merged", 0)
        except BaseException as failure:  # Shown by the test's own thread.
            self.failure = failure

    def finish(self):
        self._thread.join()
        assert self.failure is None, repr(self.failure)


def publish_until(server, publisher, channel, condition):
    """Publishes and returns how many it took; the server's memory stays within its bounds meanwhile."""
    published = 0
    while not condition(stats := server.stats()):
        assert published < 5000
        assert stats["queued_bytes"] <= (HEALTHY + 1) * (QUEUE + len(EVENT) + 1000), stats
        assert stats["history_bytes"] <= HISTORY, stats
        for _ in range(10):
            publisher.publish(channel, EVENT, key=f"k{published % 3}")
            published += 1
    return published


def start(stage, channel):
    server = stage.server(
        "--queue-limit", str(QUEUE), "--latest", "l/*", "--history", "100000", "--history-bytes", "256MiB",
        "--history-total", str(HISTORY),
    )  # fmt: skip
    readers = [Reader(server, channel) for _ in range(HEALTHY)]
    stalled = server.client(receive_buffer=4096)
    epoch = stalled.subscribe(channel)["channels"][0]["epoch"]
    return server, readers, stalled, epoch


def test_on_a_lossless_channel_it_alone_is_closed_resumes_and_ends_complete(stage):
    server, readers, stalled, epoch = start(stage, "a")
    publisher = server.client()
    published = publish_until(server, publisher, "a", lambda stats: stats["closed_slow"] == 1)
    # The connection is gone, and others are not touched.
    for number in range(20):
        publisher.publish("a", number)
    published += 20
    publisher.publish("a", 0, type="last")
    for reader in readers:
        reader.finish()
        assert reader.offsets == list(range(1, published + 1))
    stats = server.stats()
    assert stats["closed_slow"] == 1 and stats["total_connections"] == HEALTHY + 1

    before = [event.offset for event in stalled.events_until_closed(4008)]
    assert before == list(range(1, len(before) + 1)) and len(before) < published
    with server.client() as again:
        since = {"offset": len(before), "epoch": epoch}
        entry = again.subscribe("a", since=since)["channels"][0]
        missed = published + 1 - len(before)
        assert (entry["recovered"], entry["replayed"]) == (True, missed)
        after = [event.offset for event in again.take_events(missed)]
        assert before + after == list(range(1, published + 2))


def test_on_a_latest_channel_it_stays_and_its_merges_add_up(stage):
    server, readers, stalled, _ = start(stage, "l/a")
    publisher = server.client()
    published = publish_until(server, publisher, "l/a", lambda stats: stats["merged"] > 100)
    publisher.publish("l/a", 0, type="last")
    for reader in readers:
        reader.finish()
        assert reader.stands_for == published
        assert reader.offsets == sorted(set(reader.offsets))
    seen = []
    try:
        while not seen or seen[-1].type != "last":
            seen += stalled.take_events(1)
    except Closed as closed:
        raise AssertionError("it must stay") from closed
    assert sum(1 + json.loads(event.text).get("merged", 0) for event in seen) == published + 1
    assert [event.offset for event in seen] == sorted({event.offset for event in seen})
    stalled.still_works()
    stats = eventually(lambda: (now := server.stats()) and now["queued_bytes"] == 0 and now, "nothing waits")
    assert stats["closed_slow"] == 0 and stats["dropped"] == 0
    assert stats["delivered"] + stats["merged"] == (HEALTHY + 1) * (published + 1)
