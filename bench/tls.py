#!/usr/bin/env python3
"""Measures what TLS costs: memory of idle connections, a handshake, and fan-out beside plain.

    bench/tls.py                       the tables of docs/benchmarks.md, about 3 minutes
    bench/tls.py --quick               a look, half a minute
    bench/tls.py --update docs/benchmarks.md

Needs the release build and openssl's command line, which makes the certificate (ECDSA, P-256).
One server core, the client on the others. Plain and TLS take turns in each round; a cell is the
median of the rounds, a ratio the median of the ratios by round.
"""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- tls: bench/tls.py -->", "<!-- end of tls -->"
IDLE = {"plain": 10_000, "TLS 1.3": 2_000}
LOADS = {
    "1 channel x 1000, 16 in flight": ["--rate", "max", "--window", "16"],
    "the same, 64 in flight": ["--rate", "max", "--window", "64"],
    "2 KB events, 16 in flight": ["--rate", "max", "--window", "16", "--size", "2KiB"],
    "open loop, 100 events/s x 1000": ["--rate", "100"],
}


class Bench:
    def __init__(self, bin_folder, folder, quick):
        self.bin, self.folder = bin_folder, pathlib.Path(folder)
        self.rounds, self.seconds = (1, 2) if quick else (3, 3)
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench"
        )
        names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
        subprocess.run([*command.split(), *names], cwd=folder, check=True, capture_output=True)

    def server(self, kind):
        tls = ["--tls-cert", str(self.folder / "cert.pem"), "--tls-key", str(self.folder / "key.pem")]
        return [
            str(self.bin / "wsserve"),
            "--listen",
            "127.0.0.1:0",
            "--threads",
            "1",
            *(tls if kind != "plain" else []),
        ]

    def wsbench(self, *options):
        out = self.folder / "result.json"
        pinned = ["--server-cpu", "0", "--cpu", "1-3", "--insecure", "-q", "--out", f"json={out}"]
        return subprocess.Popen([self.bin / "wsbench", *options, *pinned], stdout=subprocess.DEVNULL), out

    def measure(self, *options):
        process, out = self.wsbench(*options)
        if process.wait() != 0:
            raise SystemExit(f"wsbench {' '.join(options)} ended with {process.returncode}")
        metrics = json.loads(out.read_text())["server"]["metrics"]
        return {name: entry["median"] for name, entry in metrics.items()}

    def idle(self, kind):
        """(bytes of the process, bytes of the kernel, CPU microseconds to open) of each connection."""
        count = IDLE[kind]
        before = kernel_bytes()
        process, out = self.wsbench(
            "idle", "-S", str(count), "--hold", "4s", "--spawn", " ".join(self.server(kind))
        )
        most = 0
        while process.poll() is None:
            if sockets() >= count:  # both ends of each
                most = max(most, kernel_bytes() - before)
            time.sleep(0.2)
        metrics = json.loads(out.read_text())["server"]["metrics"]
        own, cpu = metrics["server.rss_per_conn"]["median"], metrics["server.cpu_us_per_conn"]["median"]
        return own, most / count / 2, cpu


def kernel_bytes():
    """What the kernel's caches hold: sockets, files, epoll entries."""
    return int(re.search(r"Slab:\s+(\d+) kB", pathlib.Path("/proc/meminfo").read_text())[1]) * 1024


def sockets():
    """Established connections of this machine, counted once."""
    return int(re.search(r"TCP: inuse (\d+)", pathlib.Path("/proc/net/sockstat").read_text())[1]) // 2


def rate(value):
    return f"{value / 1e6:.2f} M/s" if value >= 1e6 else f"{value / 1e3:.0f} k/s"


def kib(value):
    return f"{value:.0f} B" if value < 1024 else f"{value / 1024:.1f} KiB"


def idle_table(bench):
    yield "| idle connections | the process, each | the kernel, each end | CPU to open one |"
    yield "| --- | --- | --- | --- |"
    for kind, count in IDLE.items():
        rounds = [bench.idle(kind) for _ in range(bench.rounds)]
        own, kernel, cpu = (statistics.median(column) for column in zip(*rounds))
        yield f"| {count:,} {kind} | {kib(own)} | {kib(kernel)} | {cpu:.0f} us |"


def fanout_table(bench):
    yield "| 200 B events, one server core | plain | TLS 1.3 | CPU each, TLS / plain |"
    yield "| --- | --- | --- | --- |"
    for name, load in LOADS.items():
        results = {kind: [] for kind in IDLE}
        for _ in range(bench.rounds):
            for kind, values in results.items():
                options = [
                    *load,
                    "-w",
                    "1s",
                    "-d",
                    f"{bench.seconds}s",
                    "--spawn",
                    " ".join(bench.server(kind)),
                ]
                metrics = bench.measure(*options)
                values.append((metrics["delivery.rate"], metrics["server.cpu_us_per_delivery"]))
        ratio = statistics.median(tls[1] / plain[1] for plain, tls in zip(*results.values()))
        cells = []
        for values in results.values():
            deliveries, cpu = (statistics.median(column) for column in zip(*values))
            cells.append(f"{rate(deliveries)}, {cpu:.2f} us of CPU each")
        yield f"| {name} | {cells[0]} | {cells[1]} | {ratio:.2f} |"


def update(path, lines):
    before, rest = pathlib.Path(path).read_text(encoding="utf-8").split(BEGIN)
    text = "\n".join([before + BEGIN, "", *lines, END]) + rest.split(END)[1]
    pathlib.Path(path).write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--update", metavar="FILE", help="put the tables into this document")
    parser.add_argument("--bin", default=ROOT / "build" / "release" / "bin", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wskit-bench-") as folder:
        bench = Bench(options.bin.resolve(), folder, options.quick)
        lines = []
        for table in (idle_table, fanout_table):
            for line in table(bench):
                print(line, flush=True)
                lines.append(line)
            lines.append("")
    if options.update:
        update(options.update, lines)


if __name__ == "__main__":
    main()
