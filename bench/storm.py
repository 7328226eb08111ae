#!/usr/bin/env python3
"""Measures a reconnect storm: everybody loses the server at the same moment and comes back with `since`.

    bench/storm.py                     5,000 clients, about half a minute
    bench/storm.py --clients 1000      a look
    bench/storm.py --update docs/benchmarks.md

Needs the release build. Clients subscribe and are then cut off all at once; after --away seconds, in
which events are published at --rate, they come back all at once, each from its own position, and each
must get every event from there on once and in order: else this exits 1. Before and afterwards events
come at --live-rate. Meanwhile other subscribers stay connected, and how late these events reach them is
compared before and during the storm. The clients are Python on the same machine, so times are the
client's as much as the server's.
"""

import argparse
import json
import multiprocessing
import pathlib
import re
import resource
import selectors
import socket
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from harness import frames  # noqa: E402
from harness.websocket import handshake  # noqa: E402

BEGIN, END = "<!-- storm: bench/storm.py -->", "<!-- end of storm -->"
CHANNEL = "storm/a"
LINGER_RESET = struct.pack("ii", 1, 0)
SECOND = 10**9


class Subscriber:
    """One connection in a selector: what it has seen of the channel."""

    def __init__(self, selector, address):
        self.selector, self.address = selector, address
        self.offset, self.epoch = 0, ""
        self.latest_ns = 0  # how late the newest event was
        self.goal, self.done_at = 0, 0  # the offset to come back to, and when it was reached
        self.socket = None

    def connect(self, path):
        self.upgraded, self.recovered, self.buffer = False, None, bytearray()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        self.socket.connect(self.address)
        self.socket.setblocking(False)
        self.socket.send(handshake(path))
        self.selector.register(self.socket, selectors.EVENT_READ, self)

    def come_back(self, goal):
        self.goal = goal
        self.connect(f"/ws/{CHANNEL}?since={self.epoch}:{self.offset}")

    def cut(self):
        self.selector.unregister(self.socket)
        self.socket.close()

    def read(self):
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise AssertionError(f"the server closed a connection: {bytes(self.buffer)[-200:]!r}")
        self.buffer += piece
        if not self.upgraded:
            head = self.buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            assert self.buffer.startswith(b"HTTP/1.1 101"), bytes(self.buffer[:200])
            del self.buffer[: head + 4]
            self.upgraded = True
        at = 0
        while decoded := frames.decode(memoryview(self.buffer)[at:]):
            frame, size = decoded
            at += size
            self.take(frame)
        del self.buffer[:at]

    def take(self, frame):
        if frame.opcode != frames.TEXT:
            assert frame.opcode != frames.CLOSE, f"closed: {frame.payload!r}"
            return
        message = json.loads(frame.payload)
        if "offset" in message:
            assert self.offset in (0, message["offset"] - 1), f"{message['offset']} behind {self.offset}"
            self.offset = message["offset"]
            self.latest_ns = time.monotonic_ns() - message["data"]
            if self.goal and self.offset >= self.goal and not self.done_at:
                self.done_at = time.monotonic_ns()
        elif message["type"] == "subscribed":
            entry = message["data"]["channels"][0]
            self.epoch, self.recovered = entry["epoch"], entry["recovered"]


def turn(selector, wait=0.05):
    for key, _ in selector.select(wait):
        key.data.read()


def publish(address, rate, offset, stopping):
    """A process: an event each 1/rate seconds, as it is at the moment; its data is the moment at which it was sent."""
    connection = socket.create_connection(address)
    connection.sendall(handshake())
    connection.setblocking(False)
    due = time.monotonic()
    while not stopping.is_set():
        text = f'{{"action":"publish","channel":"{CHANNEL}","type":"t","data":{time.monotonic_ns()}}}'
        connection.sendall(frames.encode(frames.TEXT, text))
        offset.value += 1
        due = max(due, time.monotonic() - 1) + 1 / rate.value
        time.sleep(max(0, due - time.monotonic()))
        try:
            connection.recv(1 << 16)
        except BlockingIOError:
            pass
    connection.close()


def stay(address, count, results, ready, stopping):
    """A process: subscribers that stay; puts (moment, nanoseconds late) of each delivery."""
    with selectors.DefaultSelector() as selector:
        subscribers = [Subscriber(selector, address) for _ in range(count)]
        for subscriber in subscribers:
            subscriber.connect(f"/ws/{CHANNEL}")
        late = []
        ready.set()
        while not stopping.is_set():
            for key, _ in selector.select(0.05):
                before = key.data.offset
                key.data.read()
                if key.data.offset != before:
                    late.append((time.monotonic_ns(), key.data.latest_ns))
        results.put(late)


def storm(address, count, offset, barrier, away, results):
    """A process: its part of those who are cut off and come back; puts when each had all it missed."""
    with selectors.DefaultSelector() as selector:
        clients = [Subscriber(selector, address) for _ in range(count)]
        for client in clients:
            client.connect(f"/ws/{CHANNEL}")
            turn(selector, 0)
        while not all(client.offset and client.epoch for client in clients):
            turn(selector)
        barrier.wait()
        began = time.monotonic_ns()
        while time.monotonic_ns() - began < 2 * SECOND:
            turn(selector)
        for client in clients:
            client.cut()
        barrier.wait()
        time.sleep(away)
        barrier.wait()
        began = time.monotonic_ns()
        goal = offset.value
        missed = goal - min(client.offset for client in clients)
        for client in clients:
            client.come_back(goal)
            turn(selector, 0)
        while not all(client.done_at for client in clients):
            turn(selector)
        assert all(client.recovered for client in clients), "a gap was declared"
        results.put((began, missed, [client.done_at - began for client in clients]))
        barrier.wait()


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0


def milliseconds(nanoseconds):
    return f"{nanoseconds / 1e6:.1f} ms"


def measure(options):
    server = subprocess.Popen(
        [str(options.bin / "wsserve"), "--listen", "127.0.0.1:0", "--threads", str(options.threads)]
        + ["--history", "1000000", *options.server_options.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = server.stdout.readline().decode().strip()
        address = ("127.0.0.1", int(re.fullmatch(r"ws://127.0.0.1:(\d+)", url)[1]))
        offset, stopping, ready = (
            multiprocessing.Value("L", 0),
            multiprocessing.Event(),
            multiprocessing.Event(),
        )
        barrier = multiprocessing.Barrier(options.processes + 1)
        late, back = multiprocessing.Queue(), multiprocessing.Queue()
        rate = multiprocessing.Value("d", options.live_rate)
        share = options.clients // options.processes
        others = [
            multiprocessing.Process(target=stay, args=(address, options.staying, late, ready, stopping)),
            multiprocessing.Process(target=publish, args=(address, rate, offset, stopping)),
        ]
        clients = [
            multiprocessing.Process(target=storm, args=(address, share, offset, barrier, options.away, back))
            for _ in range(options.processes)
        ]
        for process in others + clients:
            process.daemon = True
            process.start()
        ready.wait()
        barrier.wait(120)  # Everybody is connected: the calm time begins.
        calm = time.monotonic_ns()
        barrier.wait(120)  # Everybody is cut off.
        cut = time.monotonic_ns()
        rate.value = options.rate
        barrier.wait(120)  # Everybody comes back.
        rate.value = options.live_rate
        parts = [back.get(timeout=120) for _ in clients]
        over = time.monotonic_ns()
        barrier.wait(120)
        stopping.set()
        deliveries = late.get(timeout=60)
        for process in others + clients:
            process.join(60)
            assert process.exitcode == 0, "a client failed; its complaint stands above"
        began = min(part[0] for part in parts)
        times = [value for part in parts for value in part[2]]
        return {
            "clients": share * options.processes,
            "missed": max(part[1] for part in parts),
            "median": percentile(times, 0.5),
            "last": max(times),
            "calm": [value for moment, value in deliveries if calm <= moment < cut],
            "storm": [value for moment, value in deliveries if began <= moment < over],
        }
    finally:
        server.terminate()
        assert server.wait(60) == 0, "the server failed"


def table(results):
    lines = [
        "| clients that come back at once | events missed by each | half of them have all after | all of them | gaps "
        "| lateness of events for those who stayed: before, p50 / p99 | during the storm, p50 / p99 |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for result in results:
        cells = [
            f"{result['clients']:,}",
            str(result["missed"]),
            milliseconds(result["median"]),
            milliseconds(result["last"]),
            "0",
            *(
                f"{milliseconds(percentile(result[kind], 0.5))} / {milliseconds(percentile(result[kind], 0.99))}"
                for kind in ("calm", "storm")
            ),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--clients", type=int, default=5000)
    parser.add_argument("--staying", type=int, default=50)
    parser.add_argument("--rate", type=float, default=50, help="events a second that are missed")
    parser.add_argument("--live-rate", type=float, default=5, help="events a second, else")
    parser.add_argument("--away", type=float, default=1, help="seconds")
    parser.add_argument("--threads", type=int, default=2, help="shards of the server")
    parser.add_argument("--processes", type=int, default=2, help="that the clients share")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--server-options", default="", help="further options of wsserve")
    parser.add_argument("--update", type=pathlib.Path, help="write the table into this file")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results = [measure(options) for _ in range(options.rounds)]
    results.sort(key=lambda result: result["last"])
    text = table([results[len(results) // 2]])
    print(text)
    if options.update:
        page = options.update.read_text()
        begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
        options.update.write_text(f"{page[:begin]}\n\n{text}\n\n{page[end:]}")


if __name__ == "__main__":
    main()
