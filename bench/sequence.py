#!/usr/bin/env python3
"""Measures what it costs the server that an event sent again is published once.

    bench/sequence.py                          the table of docs/benchmarks.md, about 2 minutes
    bench/sequence.py --dedup OLD/wspub        and the same with dedup ids, by a wspub that sends no sequences
    bench/sequence.py --update docs/benchmarks.md

One wspub publishes a file of lines to one channel, and to 500 by a field of the line. In each round the ways
take turns: unprotected (--no-dedup), with producer and sequence, with dedup ids. The CPU time is the server's,
by /proc/PID/stat from before wspub starts to after it has ended; a cell is the median of the rounds, a ratio
the median of the ratios by round. Needs the release build, and a machine on which nothing else runs.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- sequence: bench/sequence.py -->", "<!-- end of sequence -->"
LINE_BYTES = 190
CHANNELS = {"1 channel": ("m/all", 1), "500 channels": ("m/{symbol}", 500)}


def write_lines(path, lines, symbols):
    """Ticks of `symbols` in turn, each a line of LINE_BYTES."""
    with open(path, "w", encoding="ascii") as file:
        for number in range(lines):
            line = '{"symbol":"S%03d","n":%d,"price":%.2f,"pad":"' % (number % symbols, number, 100 + number % 977 / 7)
            file.write(line + "x" * (LINE_BYTES - 3 - len(line)) + '"}\n')


class Server:
    def __init__(self, command, cpu):
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, cpu),
        )
        self.url = self.process.stdout.readline().decode().strip()

    def ticks(self):
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        fields = stat[stat.rindex(")") + 2 :].split()
        return int(fields[11]) + int(fields[12])

    def rss(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def stats(self):
        with urllib.request.urlopen(self.url.replace("ws://", "http://") + "/ws/stats") as answer:
            return json.load(answer)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def run(options, folder, case, way):
    """One wspub against one server: CPU ticks, lines a second, bytes of memory."""
    channel, symbols = CHANNELS[case]
    wsserve = [options.bin / "wsserve", "--listen", "127.0.0.1:0", "--threads", "1"]
    server = Server(wsserve, options.server_cpus)
    wspub = options.dedup if way == "dedup ids" else options.bin / "wspub"
    command = [wspub, "-u", server.url, "--quiet", channel, folder / f"{symbols}.ndjson"]
    command += ["--window", str(options.window)] if options.window else []
    command += ["--no-dedup"] if way == "unprotected" else []
    before, begin = server.ticks(), time.monotonic()
    subprocess.run(
        [str(word) for word in command], check=True, preexec_fn=lambda: os.sched_setaffinity(0, options.client_cpus)
    )
    seconds, stats = time.monotonic() - begin, server.stats()
    result = {
        "ticks": server.ticks() - before,
        "rate": options.lines / seconds,
        "rss": server.rss(),
        "bytes": stats["dedup_bytes"] / min(options.lines, 10_000 * symbols),
    }
    assert stats["published"] == options.lines, stats
    server.stop()
    return result


def table(options):
    ways = ["unprotected", "sequences"] + (["dedup ids"] if options.dedup else [])
    rows = []
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = pathlib.Path(name)
        for _, symbols in CHANNELS.values():
            write_lines(folder / f"{symbols}.ndjson", options.lines, symbols)
        for case in CHANNELS:
            rounds = []
            for number in range(options.rounds):
                order = ways if number % 2 == 0 else ways[::-1]
                rounds.append({way: run(options, folder, case, way) for way in order})
                print(case, {way: rounds[-1][way]["ticks"] for way in ways}, file=sys.stderr)
            for way in ways:

                def median(figure, way=way, rounds=rounds):
                    return statistics.median(each[way][figure] for each in rounds)

                ratio = statistics.median(each[way]["ticks"] / each["unprotected"]["ticks"] for each in rounds)
                remembered = f"{median('bytes'):.0f} B" if way != "unprotected" else ""
                rows.append(
                    f"| {case} | {way} | {median('ticks') * 1e6 / os.sysconf('SC_CLK_TCK') / options.lines:.2f} us "
                    f"| {ratio:.2f} | {median('rate') / 1e6:.2f} M/s | {median('rss') / 2**20:.0f} MiB | {remembered} |"
                )
    head = "| case | protected by | server CPU a line | of unprotected | lines | server memory | a line remembered |"
    return "\n".join([head, "|" + " --- |" * 7, *rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin", metavar="DIR")
    parser.add_argument("--dedup", type=pathlib.Path, metavar="WSPUB", help="a wspub that sends dedup ids")
    parser.add_argument("--lines", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--window", type=int, default=16_384, metavar="N", help="of wspub; 0: its default")
    parser.add_argument("--folder", default="/dev/shm", metavar="DIR", help="for the files of lines")
    parser.add_argument("--update", type=pathlib.Path, metavar="FILE", help="writes the table into FILE")
    options = parser.parse_args()
    cpus = sorted(os.sched_getaffinity(0))
    options.server_cpus, options.client_cpus = {cpus[0]}, set(cpus[1:]) or {cpus[0]}
    result = table(options)
    print(result)
    if options.update:
        page = options.update.read_text(encoding="utf-8")
        begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
        options.update.write_text(f"{page[:begin]}\n\n{result}\n\n{page[end:]}", encoding="utf-8")


if __name__ == "__main__":
    main()
