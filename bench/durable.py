#!/usr/bin/env python3
"""Measures what durability costs: publishing to a store beside publishing to memory, and replays.

    bench/durable.py                   the tables of docs/benchmarks.md, about 4 minutes
    bench/durable.py --quick           a look, about 1 minute
    bench/durable.py --update docs/benchmarks.md

Needs the release build. The store lies in --folder (the current one), so that it is that disk
which is measured. Memory and store take turns in each round; a cell is the median of the
rounds, a ratio the median of the ratios by round.
"""

import argparse
import json
import pathlib
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- durable: bench/durable.py -->", "<!-- end of durable -->"
# Publishers and what each has on its way: about 16,384 events in all.
PUBLISHERS = [(1, 16384), (16, 1024), (256, 64)]
LINE = '{"type":"trade","n":%d,"price":150.25,"size":100,"venue":"XNAS","pad":"%s"}\n'


class Bench:
    def __init__(self, bin_folder, folder, seconds, rounds, events):
        self.bin, self.folder = bin_folder, pathlib.Path(folder)
        self.seconds, self.rounds, self.events = seconds, rounds, events
        self.count = 0

    def tool(self, name):
        return str(self.bin / name)

    def server_options(self, kind):
        """`kind`: memory, or a value of --store-sync."""
        options = ["--listen", "127.0.0.1:0", "--history", str(4 * self.events), "--history-bytes", "2GiB"]
        options += ["--history-total", "2GiB"]
        if kind == "memory":
            return options
        self.count += 1
        return [*options, "--store", str(self.folder / f"{self.count}.db"), "--store-sync", kind]

    def acknowledgements(self, kind, publishers, window):
        """(events a second, p50 and p99 of the acknowledgement in nanoseconds)"""
        out = self.folder / "result.json"
        command = [self.tool("wsbench"), "-S", "0", "-P", str(publishers), "--rate", "max", "--window", str(window)]
        command += ["-w", "1s", "-d", f"{self.seconds}s", "-q", "--out", f"json={out}"]
        command += ["--spawn", " ".join([self.tool("wsserve"), *self.server_options(kind)])]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        metrics = json.loads(out.read_text())["server"]["metrics"]
        return tuple(metrics[name]["median"] for name in ("pub.ack_rate", "pub.ack.p50", "pub.ack.p99"))

    def serve(self, kind):
        server = subprocess.Popen(
            [self.tool("wsserve"), *self.server_options(kind)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        return server, server.stdout.readline().decode().strip()

    def published_by_wspub(self, kind):
        """Events a second of one wspub with its defaults, from a file."""
        lines = self.folder / "lines.jsonl"
        if not lines.exists():
            lines.write_text("".join(LINE % (n, "x" * 60) for n in range(self.events)))
        server, url = self.serve(kind)
        begin = time.monotonic()
        subprocess.run([self.tool("wspub"), "-q", "-u", url, "bench", str(lines)], check=True)
        rate = self.events / (time.monotonic() - begin)
        return rate, server, url

    def replayed(self, url):
        """Events a second to one reader who reads and does nothing else."""
        host, port = url.removeprefix("ws://").rsplit(":", 1)
        with socket.create_connection((host, int(port))) as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            begin = time.monotonic()
            reader.sendall(
                b"GET /ws/bench?since=start HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: d3NraXQgZTJlIHRlc3RzIQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            last, tail = b'"offset":%d,"timestamp"' % self.events, b""
            while last not in tail:
                piece = reader.recv(1 << 20)
                assert piece, "the server closed the connection"
                tail = tail[-256:] + piece
            return self.events / (time.monotonic() - begin)

    def forget_memory(self, server, url):
        """Restarts the server on its store, so that nothing of it is in memory."""
        command = server.args
        server.terminate()
        server.wait()
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return server, server.stdout.readline().decode().strip()


def rate(value):
    return f"{value / 1e6:.2f} M/s" if value >= 1e6 else f"{value / 1e3:.0f} k/s"


def milliseconds(nanoseconds):
    return f"{nanoseconds / 1e6:.1f} ms"


def publish_table(bench):
    yield "| publishing 200 B events | memory | store, full | ratio | normal | off |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for publishers, window in PUBLISHERS:
        by_kind = {kind: [] for kind in ("memory", "full", "normal", "off")}
        for _ in range(bench.rounds):
            for kind, results in by_kind.items():
                results.append(bench.acknowledgements(kind, publishers, window))
        cells = {}
        for kind, results in by_kind.items():
            each = [statistics.median(column) for column in zip(*results)]
            cells[kind] = f"{rate(each[0])}, p50 {milliseconds(each[1])}, p99 {milliseconds(each[2])}"
        ratio = statistics.median(f[0] / m[0] for f, m in zip(by_kind["full"], by_kind["memory"]))
        name = f"{publishers} publisher{'s' * (publishers > 1)}, {window} on their way each"
        yield f"| {name} | {cells['memory']} | {cells['full']} | {ratio:.2f} | {cells['normal']} | {cells['off']} |"


def pipeline_table(bench):
    yield "| one reader, one writer | memory | store, full | ratio |"
    yield "| --- | --- | --- | --- |"
    rows = {"wspub with its defaults": ([], []), "replay to one reader": ([], [])}
    for _ in range(bench.rounds):
        for column, kind in enumerate(("memory", "full")):
            published, server, url = bench.published_by_wspub(kind)
            if kind == "full":
                server, url = bench.forget_memory(server, url)
            rows["wspub with its defaults"][column].append(published)
            rows["replay to one reader"][column].append(bench.replayed(url))
            server.terminate()
            server.wait()
    for name, (memory, store) in rows.items():
        ratio = statistics.median(s / m for s, m in zip(store, memory))
        yield f"| {name} | {rate(statistics.median(memory))} | {rate(statistics.median(store))} | {ratio:.2f} |"


def update(path, lines):
    text = pathlib.Path(path).read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    pathlib.Path(path).write_text("\n".join([before + BEGIN, "", *lines, "", END]) + after)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--update", metavar="FILE", help="put the tables into this document")
    parser.add_argument("--folder", default=".", help="where the store is made for the time of the measurement")
    parser.add_argument("--bin", default=ROOT / "build" / "release" / "bin", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="wskit-bench-") as folder:
        seconds, rounds, events = (2, 1, 300_000) if options.quick else (5, 3, 1_000_000)
        bench = Bench(options.bin.resolve(), folder, seconds, rounds, events)
        lines = []
        for table in (publish_table, pipeline_table):
            for line in table(bench):
                print(line, flush=True)
                lines.append(line)
            print()
            lines.append("")
    if options.update:
        update(options.update, lines[:-1])


if __name__ == "__main__":
    main()
