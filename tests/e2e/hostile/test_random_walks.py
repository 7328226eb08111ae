"""Proves: whatever clients say, in whatever packets, and however they leave, the server serves the others, loses
count of nothing and ends in good order.

Each walk is a server of one kind and some clients whose words, packets and manners come out of a seed. WSKIT_WALKS is
the number of seeds for each kind, WSKIT_FIRST_WALK the first of them; a walk that fails says its own:

    WSKIT_FIRST_WALK=17 WSKIT_WALKS=1 python3 -m pytest tests/e2e/hostile/test_random_walks.py -k store_full
"""

import contextlib
import os
import random
import resource
import signal
import socket
import ssl

import pytest
from harness.bystander import Bystander
from harness.certificates import Authority, need_openssl
from harness.deadline import eventually
from harness.tokens import Issuer
from harness.wanderer import CHANNELS, Wanderer
from harness.websocket import open_socket

FIRST = int(os.environ.get("WSKIT_FIRST_WALK", "0"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("WSKIT_WALKS", "3")))
CLIENTS = 150  # of a walk, of which so many at a time:
AT_A_TIME = 8
CROWD = 600  # listeners, which are more than a shard hands a turn's events to in one go

FILE = """
echo = true
default-channel = ["walk/memory/a"]
[[channel]]
pattern = "walk/latest/*"
delivery = "latest"
history = 20
[[channel]]
pattern = ["walk/memory/*", "bystander/**"]
{durable}
history = {history}
[[channel]]
pattern = "walk/short/*"
{durable}
history = 0
[[route]]
from = "walk/durable/*"
to = "walk/routed"
[[endpoint]]
path = "/template/{{kind}}/{{name}}"
channels = ["walk/{{kind}}/{{name}}"]
[[endpoint]]
path = "/template"
channels = ["walk/{{names}}"]
"""

STORE = ("--store", "{home}/events.db", "--store-sync")
MEMORY = ("--history", "5", "--channel-ttl", "1s")
KINDS = {
    "memory_one_thread": ["--threads", "1", *MEMORY],
    "memory": ["--threads", "3", "--history", "100", "--audit", "{home}/audit", "--audit-data"],
    "store_full_sync": [*STORE, "full", "--threads", "2", "--history", "1000"],
    "store_normal_sync": [*STORE, "normal", "--threads", "1", "--history-bytes", "10k"],
    "store_no_sync": [*STORE, "off", "--threads", "3", *MEMORY],
    "short_queue": [*STORE, "off", "--threads", "1", "--queue-limit", "20k", "--history", "1000"],
    "limits": ["--threads", "2", *MEMORY, "--max-message", "2k", "--max-body", "3k", "--max-events", "400"]
    + ["--max-connections-per-address", "6", "--max-requests", "50", "--max-server-channels", "9"]
    + ["--max-subscriptions", "20", "--max-channels", "5", "--handshake-timeout", "500ms"]
    + ["--rate-patience", "50ms"],
    "tokens": [*STORE, "off", "--threads", "2", "--auth-timeout", "300ms", "--allow-anonymous"]
    + ["--max-connections-per-user", "4", "--max-commands-per-user", "200", "--max-events-per-user", "100"],
    "tls": [*STORE, "normal", "--threads", "2"],
    "reloads": [*STORE, "normal", "--threads", "2", "--audit", "{home}/audit"],
    "store_full": [*STORE, "normal", "--threads", "2", "--history", "1000"],
    "crowd": [*STORE, "off", "--threads", "1", "--queue-limit", "30k", "--channel-ttl", "1s"],
    "drain": [*STORE, "full", "--threads", "2", "--drain", "30s"],
}


class Peer:
    """One client on its way: sends what it has, packet after packet, and reads, or does not."""

    def __init__(self, rng, connection, packets):
        self._random = rng
        self._socket = connection
        self._packets = packets
        self._reads = rng.random() < 0.8
        self._end = rng.choice(("close", "close", "shut", "shut", "reset", "linger"))
        self._socket.setblocking(False)

    def step(self):
        """Whether there is more to do."""
        if self._reads and not self._read():
            return self._leave()
        if not self._packets:
            return self._finish()
        if self._random.random() < 0.01:
            return self._leave()
        try:
            sent = self._socket.send(self._packets[0]) if self._packets[0] else 0
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            # It is not read from, since it does not read or waits for the store.
            self._reads = self._reads or self._random.random() < 0.02
            return self._random.random() > 0.002 or self._leave()
        except OSError:
            return self._leave()
        self._packets[0] = self._packets[0][sent:]
        if not self._packets[0]:
            self._packets.pop(0)
        return True

    def _read(self):
        """False at the end."""
        try:
            return bool(self._socket.recv(1 << 16))
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError:
            return False

    def _finish(self):
        if self._end == "linger":
            self._end = self._random.choice(("linger",) * 30 + ("close",))
            return True
        if self._end != "shut":
            return self._leave()
        self._end, self._reads = "linger", True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        return True

    def _leave(self):
        if self._end == "reset":
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._socket.close()
        return False


class Walk:
    """A server of one kind, and what befalls it on the way."""

    def __init__(self, stage, kind, seed):
        self._stage, self._kind = stage, kind
        self.random = random.Random(f"{kind} {seed}")
        self._tokens, self._query, self.client_tls = ["wrong", "a.b.c", ""], "", None
        options = [option.replace("{home}", str(stage.home)) for option in KINDS[kind]]
        self._stored = "--store" in options
        self.write_file(history=50)
        if kind == "tokens":
            options += self._issue()
        where = {}
        if kind == "tls":
            need_openssl()
            authority = Authority(stage.home)
            options += authority.issue().served
            where["tls"] = authority.trusting()
        self.server = stage.server("--config", str(self._file), *options, **where)
        self.path = "/ws/bystander/own" + self._query

    def _issue(self):
        issuer = Issuer(self._stage.home)
        everything = {"subscribe": ["**"], "publish": ["**"], "admin": True}
        self._tokens += [
            issuer.token("ann", **everything),
            issuer.token("ben"),
            issuer.token("ann", within=-5),
        ]
        self._tokens.append(issuer.token("ann", within=1, subscribe=["walk/memory/*"]))
        self._query = "?token=" + issuer.token("bystander", within=3600, **everything)
        return issuer.options

    def write_file(self, history):
        self._file = self._stage.home / "wsserve.toml"
        durable = "durable = false" if self._stored else ""
        self._file.write_text(FILE.format(durable=durable, history=history), encoding="utf-8")

    def peers(self):
        """The clients, each as it comes."""
        wanderer = Wanderer(self.random, self._tokens)
        for _ in range(CLIENTS):
            packets = wanderer.cut(wanderer.conversation())
            buffer = self.random.choice((None, None, 4096))
            yield Peer(
                self.random,
                open_socket(
                    self.server.address, receive_buffer=buffer, source="127.0.0.2", tls=self.server.tls
                ),
                packets,
            )

    def go(self, during=lambda step: None):
        """All clients to their ends; `during` is called between steps."""
        coming, there, step = self.peers(), [], 0
        while True:
            while len(there) < AT_A_TIME:
                peer = next(coming, None)
                if peer is None:
                    break
                there.append(peer)
            if not there:
                return
            step += 1
            during(step)
            peer = self.random.choice(there)
            if not peer.step():
                there.remove(peer)

    def befall(self, step):
        """What the kind is named for."""
        if self._kind == "reloads" and step % 40 == 0:
            self.write_file(history=self.random.choice((0, 3, 50)))
            self.server.process.signal(self.random.choice((signal.SIGHUP, signal.SIGUSR1)))
        if self._kind == "store_full" and step % 150 == 75:
            self.limit_files(100_000 if step % 300 == 75 else resource.RLIM_INFINITY)

    def limit_files(self, size):
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def stats(self):
        response = self.server.get("/ws/stats" + self._query)
        assert response.status == 200, response
        return response.json()

    def expect_as_before(self):
        """Of what there is now nothing is counted but the bystander."""
        own = 2 if self._kind == "tokens" else 1  # a user's own channel
        wanted = {"total_connections": 1, "subscriptions": own, "event_streams": 0}
        wanted.update(queued_bytes=0, replay_bytes=0)

        now = {}

        def counted():
            now.update({name: value for name, value in self.stats().items() if name in wanted})
            return now == wanted

        try:
            eventually(counted, "the counters of before")
        except AssertionError:
            raise AssertionError(f"{now}, not {wanted}") from None

    def expect_channels_whole(self):
        """What each channel holds is in order, and the next event follows."""
        with self.server.client(self.path) as client:
            for channel in CHANNELS:
                reply = client.command("history", channel=channel, since="start", limit=10_000)
                if reply["type"] == "error":
                    assert reply["data"]["code"] == "NOT_FOUND", reply
                    continue
                offsets = [event["offset"] for event in reply["data"]["events"]]
                newest = reply["data"]["offset"]
                # The answer is no longer than a message may be.
                assert offsets == list(range(newest - len(offsets) + 1, newest + 1)) or (
                    self._kind == "limits" and offsets == list(range(offsets[0], offsets[0] + len(offsets)))
                ), (channel, offsets)
                client.subscribe(channel)
                published = client.publish(channel, "after")["offset"]
                # Another one may have been routed to it in between.
                assert published > newest or published == 1, (channel, newest, published)
                event = client.take_events_of(channel, 1)[0]
                assert event.offset > newest or event.offset == 1, (channel, newest, event)
                client.unsubscribe(channel)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("crowd", "drain")])
def test_others_are_served_and_nothing_stays_behind(stage, kind, seed):
    walk = Walk(stage, kind, seed)
    with Bystander(walk.server, path=walk.path):
        walk.go(walk.befall)
        if kind == "store_full":
            walk.limit_files(resource.RLIM_INFINITY)
            eventually(lambda: walk.server.get("/readyz").status == 200, "the store is back")
        walk.expect_as_before()
        walk.expect_channels_whole()


@pytest.mark.parametrize("seed", SEEDS)
def test_in_a_crowd(stage, seed):
    walk = Walk(stage, "crowd", seed)
    crowd = [walk.server.open("/ws/walk/memory/a") for _ in range(CROWD // 2)]
    crowd += [walk.server.open("/ws/walk/durable/*") for _ in range(CROWD // 2)]
    with Bystander(walk.server, path=walk.path):
        walk.go()
        for each in crowd:
            each.abort()
        walk.expect_as_before()
        walk.expect_channels_whole()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_drain_in_the_middle(stage, seed):
    walk = Walk(stage, "drain", seed)
    last = walk.random.randrange(10, 600)

    def end(step):
        if step == last:
            walk.server.process.signal(signal.SIGTERM)

    with walk.server.client(walk.path) as client:
        # Once it drains, nobody is let in any more.
        with contextlib.suppress(ConnectionError):
            walk.go(end)
            walk.server.process.signal(signal.SIGTERM)
        client.events_until_closed(1001)
    assert walk.server.process.wait() == 0
