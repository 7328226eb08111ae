"""Proves: when everybody comes back at once, each gets what it missed without a gap, and who stayed is not starved."""

import threading

from harness.bystander import Bystander
from harness.client import Client
from harness.deadline import eventually
from harness.websocket import WebSocket, handshake

CLIENTS = 300


class Publisher:
    """Publishes to one channel without a pause until the block ends."""

    def __init__(self, server, channel):
        self._client = server.client()
        self._channel = channel
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.offset = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
        self._client.websocket.abort()

    def _run(self):
        while not self._stopping.wait(0.002):
            self.offset = self._client.publish(self._channel, self.offset + 1)["offset"]


def offsets_up_to(client, last):
    """The offsets of the channel's events, from the first that comes to `last`."""
    seen = []
    while not seen or seen[-1] < last:
        seen += [event.offset for event in client.take_events(1)]
    return seen


def test_a_storm_of_reconnects_is_served_without_a_gap(stage):
    server = stage.server("--threads", "2", "--history", "100000")
    with Publisher(server, "a") as publisher, Bystander(server) as bystander:
        clients = [server.client("/ws/a") for _ in range(CLIENTS)]
        last = []
        for client in clients:
            client.wait_for_events(1)
            last.append(client.events[-1].offset)
        epoch = clients[0].subscribe("a")["channels"][0]["epoch"]
        for client in clients:
            client.websocket.abort()
        missed = publisher.offset + 20
        eventually(lambda: publisher.offset >= missed, "events that they miss")
        # All at once: each one's request is sent before the first answer is read.
        back = []
        for offset in last:
            back.append(WebSocket(server.address, None))
            back[-1].send(handshake(f"/ws/a?since={epoch}:{offset}"))
        bystander.sees_rounds(3)
        target = publisher.offset + 5
        for websocket, offset in zip(back, last):
            websocket.read_upgrade()
            client = Client(websocket)
            subscribed = client.wait_for_control("subscribed")["data"]["channels"][0]
            assert subscribed["recovered"] and subscribed["replayed"] >= 20, subscribed
            seen = offsets_up_to(client, target)
            assert seen == list(range(offset + 1, offset + 1 + len(seen))), "no gap, nothing twice, in order"
    stats = server.stats()
    assert stats["closed_slow"] == stats["dropped"] == 0, stats
