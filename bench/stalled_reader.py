#!/usr/bin/env python3
"""Measures what a reader that stops reading for 10 s does to 1,000 others, on a lossless and on a latest channel.

    bench/stalled_reader.py            the table of docs/benchmarks.md, about 3 minutes
    bench/stalled_reader.py --quick    a look, about 1 minute
    bench/stalled_reader.py --update docs/benchmarks.md

Needs the release build, and a machine on which nothing else runs. In each round a run in which
one more reader stalls and one in which it reads on take turns; a cell is the median of the
rounds, a ratio the median of the ratios by round. Exits 1 if a promise is broken: the others
lose an event, the stalled one does not end complete, or memory passes its bounds.
"""

import argparse
import json
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from harness.client import Client  # noqa: E402
from harness.websocket import Closed, WebSocket  # noqa: E402

BEGIN, END = "<!-- stalled reader: bench/stalled_reader.py -->", "<!-- end of stalled reader -->"
CHANNEL = "bench/0"
QUEUE_LIMIT = 256 << 10
HISTORY_TOTAL = 64 << 20
# Of what is not read the kernel holds nearly 3 MB on a loopback socket before anything waits in the
# server, though the reader's own buffer is as small as can be: 10 s must make more than that.
RATE, SIZE = 100, "4KiB"
RECEIVE_BUFFER = 4096


class BrokenPromise(Exception):
    pass


def promise(kept, what):
    if not kept:
        raise BrokenPromise(what)


class Server:
    def __init__(self, folder, delivery):
        command = [folder / "wsserve", "--listen", "127.0.0.1:0", "--queue-limit", QUEUE_LIMIT]
        command += ["--history", "1000000", "--history-bytes", HISTORY_TOTAL, "--history-total", HISTORY_TOTAL]
        command += ["--latest", "bench/*"] if delivery == "latest" else []
        self.process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.url = self.process.stdout.readline().decode().strip()
        host, port = re.fullmatch(r"ws://(.+):(\d+)", self.url).groups()
        self.address = host, int(port)

    def stats(self):
        with urllib.request.urlopen(f"http://{self.address[0]}:{self.address[1]}/ws/stats") as answer:
            return json.load(answer)

    def peak_rss(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Reader(threading.Thread):
    """The 1,001st: reads on, or not for `stall` seconds; comes back if it is closed, and reads to the end."""

    def __init__(self, server, warm_up, stall):
        super().__init__(daemon=True)
        self.server, self.warm_up, self.stall = server, warm_up, stall
        self.closed_with = None
        self.recovered = None
        self.events = []  # (offset, from, merged)
        self.failure = None
        self.client = Client(WebSocket(server.address, receive_buffer=RECEIVE_BUFFER))
        self.epoch = self.client.subscribe(CHANNEL)["channels"][0]["epoch"]

    def run(self):
        try:
            begin = time.monotonic()
            while time.monotonic() < begin + self.warm_up:
                self.take()
            time.sleep(self.stall)
            while True:
                try:
                    self.take()
                except Closed as closed:
                    self.come_back(closed)
        except BaseException as failure:  # Told by finish(), unless the end was wanted.
            self.failure = failure

    def take(self):
        event = self.client.take_events(1)[0]
        whole = json.loads(event.text)
        self.events.append((event.offset, whole.get("from", event.offset), whole.get("merged", 0)))

    def come_back(self, closed):
        promise(self.closed_with is None, f"closed a second time: {closed}")
        self.closed_with = closed.code
        self.client = Client(WebSocket(self.server.address))
        since = {"offset": self.events[-1][0], "epoch": self.epoch}
        self.recovered = self.client.subscribe(CHANNEL, since=since)["channels"][0]["recovered"]

    def stands_for(self):
        return sum(1 + merged for _, _, merged in self.events)

    def finish(self, published):
        """Waits until it has everything, and judges what it has."""
        end = time.monotonic() + 60
        while self.is_alive() and self.stands_for() < published and time.monotonic() < end:
            time.sleep(0.05)
        promise(self.failure is None, f"the stalled reader failed: {self.failure!r}")
        offsets = [offset for offset, _, _ in self.events]
        promise(offsets == sorted(set(offsets)), "the stalled reader's events are not in order, or not once")
        promise(self.stands_for() == published, f"it has {self.stands_for()} of {published} events")


class Watch(threading.Thread):
    """The most that ever waited in the server."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.over = server, threading.Event()
        self.queued = self.history = 0

    def run(self):
        while not self.over.wait(0.25):
            stats = self.server.stats()
            self.queued = max(self.queued, stats["queued_bytes"])
            self.history = max(self.history, stats["history_bytes"])


def measure(options, delivery, stalls):
    """One run: what the others saw, and what became of the reader."""
    server = Server(options.bin, delivery)
    try:
        reader, watch = Reader(server, 2, options.stall if stalls else 0), Watch(server)
        with tempfile.NamedTemporaryFile() as out:
            command = [options.bin / "wsbench", "-u", server.url, "-S", options.readers, "--rate", RATE, "--size", SIZE]
            command += ["-w", "2s", "-d", f"{options.stall + 2}s", "--drain", "5s", "-q", "--out", f"json={out.name}"]
            command += ["--allow-loss"] if delivery == "latest" else []  # a merge is one for wsbench
            reader.start()
            watch.start()
            code = subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL).returncode
            result = json.load(open(out.name, encoding="utf-8"))
        watch.over.set()
        promise(code == 0, f"wsbench ended with {code}")
        with Client(WebSocket(server.address)) as asking:
            published = asking.subscribe(CHANNEL)["channels"][0]["offset"]
        reader.finish(published)
        judge(reader, watch, server.stats(), delivery, stalls)
        return {
            "p50": result["server"]["metrics"]["delivery.latency.p50"]["median"],
            "p99": result["server"]["metrics"]["delivery.latency.p99"]["median"],
            "queued": watch.queued,
            "rss": server.peak_rss(),
            "merged": sum(merged for _, _, merged in reader.events),
            "published": published,
            "closed": reader.closed_with,
        }
    finally:
        server.stop()


def judge(reader, watch, stats, delivery, stalls):
    promise(watch.history <= HISTORY_TOTAL, f"the histories took {watch.history} bytes")
    if not stalls:
        promise(reader.closed_with is None and stats["closed_slow"] == 0, "somebody was closed although all read")
    elif delivery == "latest":
        promise(reader.closed_with is None and stats["closed_slow"] == 0, "somebody was closed on a latest channel")
        promise(any(merged for _, _, merged in reader.events), "nothing was merged: it did not stall long enough")
    else:
        promise(reader.closed_with == 4008 and stats["closed_slow"] == 1, "it alone must be closed with 4008")
        promise(reader.recovered, "it came back and was not recovered")


def milliseconds(nanoseconds):
    return f"{nanoseconds / 1e6:.2f} ms"


def kilobytes(count):
    return f"{count / 1024:.0f} KiB"


def fate(run, delivery):
    if delivery == "lossless":
        return f"closed with {run['closed']}, resumed, all {run['published']} events"
    return f"stayed; {run['published']} events, {run['merged']} of them merged"


def rows(options):
    yield "| channel | the others' p50 | with it stalled | their p99 | with it stalled | ratio of the p99 (least .. most) | most that waited | peak memory | the stalled one |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for delivery in ("lossless", "latest"):
        runs = {False: [], True: []}
        for number in range(options.rounds):
            # Each first in turn, so that neither always finds the machine as the other left it.
            for stalls in (False, True) if number % 2 == 0 else (True, False):
                runs[stalls].append(measure(options, delivery, stalls))
        cells = [delivery]
        for name in ("p50", "p99"):
            cells += [milliseconds(statistics.median(run[name] for run in runs[stalls])) for stalls in (False, True)]
        ratios = [stalled["p99"] / healthy["p99"] for healthy, stalled in zip(runs[False], runs[True])]
        cells.append(f"{statistics.median(ratios):.2f} ({min(ratios):.2f} .. {max(ratios):.2f})")
        for name in ("queued", "rss"):
            healthy, stalled = (kilobytes(max(run[name] for run in runs[stalls])) for stalls in (False, True))
            cells.append(f"{healthy}, {stalled} with it stalled")
        cells.append(fate(runs[True][-1], delivery))
        yield f"| {' | '.join(cells)} |"


def update(path, lines):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    pathlib.Path(path).write_text("\n".join([before + BEGIN, "", *lines, "", END]) + after, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--update", metavar="FILE", help="put the table into this document")
    parser.add_argument("--readers", type=int, default=1000, help="healthy ones [1000]")
    parser.add_argument("--stall", type=int, default=10, help="seconds without reading [10]")
    parser.add_argument("--bin", default=ROOT / "build" / "release" / "bin", type=pathlib.Path)
    options = parser.parse_args()
    options.rounds = 1 if options.quick else 3
    options.bin = options.bin.resolve()
    lines = []
    try:
        for line in rows(options):
            print(line, flush=True)
            lines.append(line)
    except BrokenPromise as broken:
        print(f"stalled_reader.py: {broken}", file=sys.stderr)
        return 1
    if options.update:
        update(options.update, lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
