#!/usr/bin/env python3
"""Measures the table of docs/benchmarks.md: every case beside the limit of the machine.

    bench/table.py                             the whole table, about 10 minutes
    bench/table.py --quick                     a look, about 2 minutes
    bench/table.py --only 64-in-flight idle    some cases by name
    bench/table.py --update docs/benchmarks.md
    bench/table.py --against OLD/wsserve       every case beside another wsserve, instead of the limit

Needs the release build, and a machine on which nothing else runs: what disturbs it is said in
the last column, and a disturbed case is worth nothing. Server and limit take turns; a cell is
the median of the rounds, a ratio the median of the ratios by round.
"""

import argparse
import datetime
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- table: bench/table.py -->", "<!-- end of table -->"
AGAINST = "<!-- against: bench/table.py --against -->", "<!-- end of against -->"


class Case:
    """One row: how it is measured, and what must come out."""

    def __init__(self, name, title, options, *targets, limit=True, shards=1):
        self.name, self.title, self.options, self.targets = name, title, options, targets
        self.limit, self.shards = limit, shards


class Target:
    """A number of a result and the bound that it must keep. `ratio`: server / limit."""

    def __init__(self, metric, sign, bound, ratio=False):
        self.metric, self.sign, self.bound, self.ratio = metric, sign, bound, ratio

    def value(self, result):
        table = result["ratio"] if self.ratio else result["server"]["metrics"]
        return table.get(self.metric, {}).get("median")

    def met(self, value):
        return value is not None and (value >= self.bound if self.sign == ">=" else value <= self.bound)

    def text(self):
        return f"{self.sign} {show(self.metric, self.bound, self.ratio)}{' x limit' if self.ratio else ''}"


CLOSED = ["--rate", "max"]
CASES = [
    Case("16-in-flight", "closed loop, 1 channel x 1000, 16 in flight",
         [*CLOSED, "--window", "16"], Target("delivery.rate", ">=", 0.9, ratio=True)),
    Case("64-in-flight", "the same, 64 in flight",
         [*CLOSED, "--window", "64"], Target("delivery.rate", ">=", 0.7, ratio=True)),
    Case("2k-events", "2 KB events, 16 in flight",
         [*CLOSED, "--window", "16", "--size", "2KiB"], Target("delivery.rate", ">=", 0.8, ratio=True)),
    Case("5000-subscribers", "5000 subscribers, 16 in flight",
         [*CLOSED, "--window", "16", "-S", "5000"], Target("delivery.rate", ">=", 0.85, ratio=True)),
    Case("1000-channels", "1000 channels x 1, 4 publishers, 512 in flight",
         [*CLOSED, "-K", "1000", "-P", "4", "--window", "128"], Target("delivery.rate", ">=", 0.85, ratio=True)),
    Case("open-loop", "open loop, 100 events/s x 1000",
         ["--rate", "100"],
         Target("server.cpu_us_per_delivery", "<=", 1.15, ratio=True),
         Target("delivery.latency.p50", "<=", 1.2, ratio=True),
         Target("delivery.latency.p99", "<=", 1.2, ratio=True)),
    Case("two-shards", "two shards on two cores, 16 in flight, against one on one",
         [*CLOSED, "--window", "16"], Target("delivery.rate", ">=", 1.7, ratio=True), limit=False, shards=2),
    Case("idle", "10,000 idle connections",
         ["idle", "-S", "10000", "--hold", "3s"],
         Target("server.rss_per_conn", "<=", 1024), Target("server.cpu", "<=", 0.01)),
    Case("subscribed", "the same, each with one exact subscription",
         ["idle", "-S", "10000", "-K", "1", "--hold", "3s"], Target("server.rss_per_conn", "<=", 900), limit=False),
    Case("connect", "connect, 10,000 connections",
         ["connect", "-S", "10000"], Target("server.cpu_us_per_conn", "<=", 2, ratio=True)),
    Case("acks", "publish to acknowledgement, 64 outstanding",
         [*CLOSED, "-S", "0", "--window", "64"], Target("pub.ack_rate", ">=", 300_000)),
]


def show(metric, value, ratio=False):
    """A number as people read it."""
    if value is None:
        return "-"
    if ratio:
        return f"{value:.2f}"
    if metric.endswith("rate"):
        return f"{value / 1e6:.2f} M/s" if value >= 1e6 else f"{value / 1e3:.0f} k/s"
    if "cpu_us" in metric:
        return f"{value:.2f} us"
    if ".latency." in metric or ".ack." in metric:
        return f"{value / 1e6:.2f} ms" if value >= 1e6 else f"{value / 1e3:.0f} us"
    if "rss" in metric:
        return f"{value:.0f} B"
    return f"{value:.3f}"


def spread(entry, metric, ratio=False):
    """`median (least .. most)`."""
    if not entry:
        return "-"
    low, high = show(metric, entry["least"], ratio), show(metric, entry["most"], ratio)
    return f"{show(metric, entry['median'], ratio)} ({low} .. {high})"


class Bench:
    """Runs wsbench and keeps what it wrote."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.bin = (ROOT / arguments.build / "bin").resolve()
        self.out = pathlib.Path(arguments.out or tempfile.mkdtemp(prefix="wsbench-"))
        self.out.mkdir(parents=True, exist_ok=True)
        for tool in ("wsbench", "wsserve"):
            if not (self.bin / tool).exists():
                sys.exit(f"table.py: {self.bin / tool} is not built: scripts/build.sh release")

    def server(self, shards, binary="wsserve"):
        return self.arguments.server or f"{binary} --listen 127.0.0.1:0 --threads {shards}"

    def command(self, case, shards, server_cpus, client_cpus, rounds, binary="wsserve"):
        timed = case.options[0] not in ("idle", "connect")
        words = ["wsbench", *case.options]
        if timed:
            words += ["-w", "500ms" if self.arguments.quick else "1s", "-d", "1s" if self.arguments.quick else "3s"]
        words += ["--rounds", str(rounds)]
        if case.limit and not self.arguments.against:
            words.append("--limit")
        return [*words, "--spawn", self.server(shards, binary), "--server-cpu", server_cpus, "--cpu", client_cpus]

    def run(self, words, name):
        path = self.out / f"{name}.json"
        environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"}
        done = subprocess.run([*words, "--out", f"json={path}"], env=environment, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            sys.exit(f"table.py: {shlex.join(words)}\nended with {done.returncode}\n{done.stdout}{done.stderr}")
        return json.loads(path.read_text(encoding="utf-8"))

    def measure(self, case):
        rounds = self.arguments.rounds or (3 if self.arguments.quick else 5)
        if case.shards == 1:
            words = self.command(case, 1, self.arguments.server_cpu, self.arguments.cpu, rounds)
            return words, self.run(words, case.name)
        return self.measure_shards(case, rounds)

    def measure_against(self, case):
        """Another wsserve and this one in turns."""
        arguments = self.arguments
        rounds = arguments.rounds or (3 if arguments.quick else 5)
        other = shlex.quote(str(pathlib.Path(arguments.against).resolve()))
        cpus = (arguments.server_cpu, arguments.cpu)
        olds, news = [], []
        for turn in range(rounds):
            pair = [("old", self.command(case, 1, *cpus, 1, other), olds), ("new", self.command(case, 1, *cpus, 1), news)]
            # Whoever comes first is not always the same.
            for name, words, results in pair if turn % 2 == 0 else reversed(pair):
                results.append(self.run(words, f"{case.name}-{name}-{turn}"))
        return combine(olds, news)

    def measure_shards(self, case, rounds):
        """One shard and two in turns, the client on the same CPUs for both."""
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) < 4:
            return None, None
        client = ",".join(str(cpu) for cpu in cpus[2:])
        one = self.command(case, 1, str(cpus[0]), client, 1)
        two = self.command(case, 2, f"{cpus[0]},{cpus[1]}", client, 1)
        pairs = [(self.run(one, f"one-shard-{turn}"), self.run(two, f"two-shards-{turn}")) for turn in range(rounds)]
        return two, combine([pair[0] for pair in pairs], [pair[1] for pair in pairs])


def combine(ones, twos):
    """Runs of one round each as one result, in which the other server stands for the limit."""

    def entry(values):
        values = sorted(values)
        middle = len(values) // 2
        median = values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
        return {"median": median, "least": values[0], "most": values[-1]}

    def of(results, metric):
        return [result["server"]["metrics"][metric]["median"] for result in results]

    names = twos[0]["server"]["metrics"]
    ratios = {
        metric: entry([two / one for one, two in zip(of(ones, metric), of(twos, metric))])
        for metric in names
        if all(of(ones, metric))
    }
    flags = {key: any(result["flags"][key] for result in ones + twos) for key in twos[0]["flags"]}
    return {
        "server": {"metrics": {name: entry(of(twos, name)) for name in names}},
        "limit": {"metrics": {name: entry(of(ones, name)) for name in names}},
        "ratio": ratios,
        "flags": flags,
        "environment": twos[0]["environment"],
    }


def doubts(result):
    """Why the row may be wrong."""
    flags = result["flags"]
    found = [name.replace("_", " ") for name in ("client_limited", "disturbed") if flags.get(name)]
    return ", ".join(found)


def cost(result):
    """CPU per delivery against the limit's: what stays true when others use the machine."""
    for metric in ("server.cpu_us_per_delivery", "server.cpu_us_per_ack"):
        if metric in result["ratio"]:
            return show(metric, result["ratio"][metric]["median"], ratio=True)
    return ""


def rows_of(case, result):
    """The table's lines for one case, one for each target."""
    for index, target in enumerate(case.targets):
        server = result["server"]["metrics"].get(target.metric)
        limit = (result.get("limit") or {"metrics": {}})["metrics"].get(target.metric)
        ratio = result["ratio"].get(target.metric)
        met = target.met(target.value(result))
        yield [case.title if index == 0 else "", f"`{target.metric}`", spread(server, target.metric),
               spread(limit, target.metric), spread(ratio, target.metric, ratio=True), target.text(),
               "yes" if met else "**no**", cost(result) if index == 0 else "", doubts(result) if index == 0 else ""]


def table(bench, cases):
    """Measures and returns (markdown, whether every target was met)."""
    heads = ["case", "what", "server", "limit", "server / limit", "target", "met", "CPU each, server / limit", "doubts"]
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    commands, all_met, environment = [], True, None
    for case in cases:
        print(f"table.py: {case.name} ...", file=sys.stderr, flush=True)
        words, result = bench.measure(case)
        if result is None:
            lines.append(f"| {case.title} | | needs four CPUs | | | | | | |")
            continue
        environment = result["environment"]
        commands.append(shlex.join(words))
        for row in rows_of(case, result):
            print("  " + " | ".join(cell for cell in row[1:] if cell), file=sys.stderr, flush=True)
            all_met = all_met and row[6] == "yes"
            lines.append(f"| {' | '.join(row)} |")
    # The word behind the language tells the test that walks through the pages to leave them out.
    fence = "```sh not run: ten minutes on a machine that does nothing else"
    return "\n".join([*lines, "", machine(environment), "", "The commands:", "", fence, *commands, "```"]), all_met


COSTS = ["server.cpu_us_per_delivery", "server.cpu_us_per_conn", "server.cpu_us_per_ack", "server.rss_per_conn",
         "delivery.rate", "pub.ack_rate", "delivery.latency.p99"]


def against(bench, cases):
    """Every case with the other wsserve and this one: markdown."""
    heads = ["case", "what", "old", "new", "new / old", "doubts"]
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    environment = None
    for case in cases:
        if case.shards != 1:
            continue
        print(f"table.py: {case.name} ...", file=sys.stderr, flush=True)
        result = bench.measure_against(case)
        environment = result["environment"]
        title = case.title
        for metric in COSTS:
            if metric not in result["ratio"]:
                continue
            cells = [title, f"`{metric}`", spread(result["limit"]["metrics"][metric], metric),
                     spread(result["server"]["metrics"][metric], metric),
                     spread(result["ratio"][metric], metric, ratio=True), doubts(result)]
            print("  " + " | ".join(cell for cell in cells[1:] if cell), file=sys.stderr, flush=True)
            lines.append(f"| {' | '.join(cells)} |")
            title = ""
    return "\n".join([*lines, "", machine(environment)])


def machine(environment):
    """One line on what it was measured."""
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True,
                            check=False).stdout.strip()
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return (f"{today}, {environment['cpu']}, {environment['cores']} cores, {environment['kernel']}, "
            f"{environment['compiler']}, {environment['build']}, wskit {environment['version']}"
            + (f" ({commit})" if commit else "") + ". In the row of two shards the limit is one shard.")


def update(path, text, begin=BEGIN, end=END):
    """Puts the table between the marks of a document."""
    document = pathlib.Path(path).read_text(encoding="utf-8")
    if begin not in document or end not in document:
        sys.exit(f"table.py: {path} has no lines '{begin}' and '{end}'")
    before, rest = document.split(begin, 1)
    after = rest.split(end, 1)[1]
    pathlib.Path(path).write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--rounds", type=int, help="rounds of each case (5; 3 with --quick)")
    parser.add_argument("--only", nargs="+", metavar="CASE", choices=[case.name for case in CASES],
                        help="only these: " + " ".join(case.name for case in CASES))
    parser.add_argument("--build", default="build/release", help="where the tools were built (build/release)")
    parser.add_argument("--server", metavar="COMMAND", help="measure this command instead of wsserve")
    parser.add_argument("--against", metavar="WSSERVE",
                        help="measure beside this wsserve, an older one, instead of the limit")
    parser.add_argument("--server-cpu", default="0", metavar="LIST", help="CPUs of server and limit (0)")
    parser.add_argument("--cpu", default=f"1-{max(os.cpu_count() - 1, 1)}", metavar="LIST",
                        help="CPUs of the client (the rest)")
    parser.add_argument("--out", metavar="DIR", help="keep the JSON results there")
    parser.add_argument("--update", metavar="FILE", help="write the table into this document")
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    cases = [case for case in CASES if not arguments.only or case.name in arguments.only]
    if arguments.against:
        text = against(Bench(arguments), cases)
        if arguments.update:
            update(arguments.update, text, *AGAINST)
        else:
            print(text)
        return 0
    text, all_met = table(Bench(arguments), cases)
    if arguments.update:
        update(arguments.update, text)
    else:
        print(text)
    return 1 if arguments.check and not all_met else 0


if __name__ == "__main__":
    sys.exit(main())
