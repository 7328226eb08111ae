#!/usr/bin/env python3
"""Measures what one client costs the server and a bystander, against how much it names.

    bench/cost.py            the table of docs/benchmarks.md, some minutes
    bench/cost.py --quick    a look, smaller numbers
    bench/cost.py --update docs/benchmarks.md

Needs the release build. Each row grows one thing that a client may name by factors of ten, on a
server of its own with one thread: channels, patterns that match one channel each, patterns that
match nothing, patterns that all match everything, positions, event types, members asked for by
`presence`, and commands in one packet. Meanwhile a bystander pings every 2 ms. `server` is the
CPU of the server between the first byte and the last answer, `memory` what it grew by, `p99` and
`worst` how long the bystander waited.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from harness.client import Client  # noqa: E402
from harness.websocket import WebSocket  # noqa: E402

BEGIN, END = "<!-- cost: bench/cost.py -->", "<!-- end of cost -->"
TICK = 100  # a second, of /proc/PID/stat


class Server:
    def __init__(self, folder):
        command = [folder / "wsserve", "--listen", "127.0.0.1:0", "--threads", "1", "--max-channels", "1000000"]
        command += ["--max-patterns", "1000000", "--max-message", "64MiB", "--queue-limit", "64MiB"]
        self.process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        url = self.process.stdout.readline().decode().strip()
        host, port = re.fullmatch(r"ws://(.+):(\d+)", url).groups()
        self.address = host, int(port)

    def client(self):
        return Client(WebSocket(self.address, "/ws?heartbeat=0"))

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def rss(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Bystander(threading.Thread):
    def __init__(self, server):
        super().__init__(daemon=True)
        self.client = server.client()
        self.waits = []
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            began = time.perf_counter()
            self.client.still_works()
            self.waits.append(time.perf_counter() - began)
            time.sleep(0.002)

    def stop(self):
        self.over.set()
        self.join()
        self.client.websocket.abort()
        waits = sorted(self.waits)
        return waits[min(len(waits) - 1, len(waits) * 99 // 100)] * 1e3, waits[-1] * 1e3


def fill(client, names):
    """Makes the channels, with an event each."""
    for first in range(0, len(names), 5000):
        events = [{"channel": name, "type": "t", "data": 1} for name in names[first : first + 5000]]
        client.expect("published", client.command("publish", events=events))


def come_and_go(client, names, **fields):
    client.subscribe(*names, **fields)
    client.unsubscribe(*names)


def channels(client, n):
    yield
    for first in range(0, n, 5000):
        come_and_go(client, [f"c/{i}" for i in range(first, min(n, first + 5000))])


def patterns_for_one(client, n):
    fill(client, [f"m/{i}" for i in range(beside)])
    yield
    come_and_go(client, [f"*/{i}" for i in range(n)])


def patterns_for_nothing(client, n):
    fill(client, [f"m/{i}" for i in range(beside)])
    yield
    come_and_go(client, [f"none/{i}/*" for i in range(n)])


def patterns_for_all(client, n):
    fill(client, [f"{i}/b/c/d/e/f/g/h/i/j/k" for i in range(beside)])
    yield
    patterns = []
    for stars in range(n):
        segments = ["*" if stars >> place & 1 else word for place, word in enumerate("bcdefghijk")]
        patterns.append("*/" + "/".join(segments))
    come_and_go(client, patterns)


def positions(client, n):
    names = [f"p/{i}" for i in range(n)]
    fill(client, names)
    yield
    known = {name: {"offset": 0} for name in names}
    client.subscribe("p/*", since={"positions": known})
    client.wait_for_events(n)


def types(client, n):
    yield
    client.subscribe("t", events=[f"type-{i}" for i in range(n)])
    client.publish("t", 1, type="type-0")
    client.wait_for_events(1)


def presence(client, n):
    client.subscribe("room")
    yield
    for _ in range(n):
        client.command("presence", channel="room")


def commands(client, n):
    yield
    for i in range(n):
        client.send(action="subscribe", id=f"x{i}", channels=["a/*"], matched=True)
    client.reply(f"x{n - 1}")


ROWS = [
    ("channels that nobody publishes to, come and gone", channels, 5),
    ("patterns that match one of CHANNELS each", patterns_for_one, 3),
    ("patterns that match none of CHANNELS", patterns_for_nothing, 3),
    ("patterns that match all of CHANNELS", patterns_for_all, 3),
    ("positions, of as many channels", positions, 4),
    ("event types", types, 4),
    ("`presence` commands", presence, 3),
    ("commands sent at once", commands, 4),
]


def measure(folder, row, n):
    server = Server(folder)
    try:
        client = server.client()
        steps = row(client, n)
        next(steps)
        bystander = Bystander(server)
        cpu, rss, began = server.cpu(), server.rss(), time.perf_counter()
        bystander.start()
        for _ in steps:
            pass
        # The last of it is done in slices.
        time.sleep(0.1)
        took = time.perf_counter() - began - 0.1
        p99, worst = bystander.stop()
        return took, server.cpu() - cpu, max(0.0, server.rss() - rss), p99, worst
    finally:
        server.stop()


def table(folder, decades):
    yield "| what one client names | n | took | server | memory | bystander p99 | worst |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for what, row, most in ROWS:
        for power in range(1, min(most, decades) + 1):
            took, cpu, rss, p99, worst = measure(folder, row, 10**power)
            name = what.replace("CHANNELS", f"{beside:,} channels")
            yield (
                f"| {name} | {10**power:,} | {took:.2f} s | {cpu:.2f} s | {rss:.0f} MB | {p99:.1f} ms | {worst:.1f} ms |"
            )


def main():
    global beside
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--update", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    beside = 10_000 if options.quick else 100_000
    lines = []
    for line in table(options.tools, 3 if options.quick else 5):
        print(line, flush=True)
        lines.append(line)
    if options.update:
        text = options.update.read_text()
        before, rest = text.split(BEGIN)
        after = rest.split(END)[1]
        options.update.write_text(before + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + after)


if __name__ == "__main__":
    main()
