"""Proves: /metrics is what Prometheus reads, says what happened, and is documented name by name."""

import pathlib
import re

import pytest
from harness.certificates import Authority, need_openssl
from harness.deadline import eventually
from harness.event_source import EventSource

DOCS = pathlib.Path(__file__).parents[3] / "docs" / "operations.md"
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
SAMPLE = re.compile(r'([a-z0-9_]+)(?:\{((?:[a-z_]+="[^"\\\n]*",?)+)\})? (-?[0-9.e+-]+|NaN)')
# Of https://prometheus.io/docs/practices/naming/: base units, at the end of the name.
NOT_BASE_UNITS = (
    "milliseconds",
    "_ms",
    "micros",
    "kilobytes",
    "megabytes",
    "kib",
    "mib",
    "percent",
    "minutes",
)


class Metrics:
    """A scrape, parsed as strictly as the format is written."""

    def __init__(self, text):
        self.help, self.type, self.values, self.order = {}, {}, {}, []
        assert text.endswith("\n")
        for line in text.splitlines():
            if line.startswith("# HELP "):
                _, _, name, help_text = line.split(" ", 3)
                assert name not in self.help, f"two HELP lines of {name}"
                self.help[name] = help_text
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name not in self.type and name in self.help, name
                assert not any(key.startswith(name + "{") or key == name for key in self.values), name
                self.type[name] = kind
                self.order.append(name)
            else:
                match = SAMPLE.fullmatch(line)
                assert match, f"no sample: {line!r}"
                name, labels, value = match.groups()
                assert self.order[-1] == name, f"{name} does not stand behind its TYPE"
                key = f"{name}{{{labels}}}" if labels else name
                assert key not in self.values, f"{key} twice"
                self.values[key] = float(value)

    def __getitem__(self, key):
        return self.values[key]


def scrape(server):
    response = server.get("/metrics")
    assert response.status == 200, response
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Metrics(response.body.decode())


@pytest.fixture
def server(stage, tmp_path):
    return stage.server("--store", tmp_path / "e.db")


def documented():
    """{name: (type, meaning)} of the table in docs/operations.md."""
    section = DOCS.read_text(encoding="utf-8").split("\n## Metrics\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `([a-z_0-9]+)` \| (\w+) \| (.+?) \|", section, re.MULTILINE)
    assert len(rows) == len({name for name, _, _ in rows}), "a metric stands twice in the table"
    return {name: (kind, meaning) for name, kind, meaning in rows}


def test_every_metric_is_documented_and_every_documented_one_is_there(stage, tmp_path):
    need_openssl()
    authority = Authority(tmp_path)
    options = ["--store", tmp_path / "e.db", *authority.issue().served]
    metrics = scrape(stage.server(*options, tls=authority.trusting()))
    table = documented()
    assert set(metrics.type) == set(table)
    assert {name: kind for name, (kind, _) in table.items()} == metrics.type
    labels = set(re.findall(r'"([a-z_]+)"', " ".join(key for key in metrics.values if "version" not in key)))
    text = " ".join(meaning for _, meaning in table.values())
    assert not [label for label in labels if f"`{label}`" not in text], "each value of a label is explained"


def test_names_and_helps_are_as_prometheus_wants_them(server):
    metrics = scrape(server)
    for name, kind in metrics.type.items():
        assert NAME.fullmatch(name) and name.startswith(("wskit_", "process_")), name
        assert kind in ("counter", "gauge"), name
        assert (kind == "counter") == name.endswith("_total"), f"{name} is a {kind}"
        assert not any(unit in name for unit in NOT_BASE_UNITS), name
        assert not name.endswith(("_gauge", "_counter", "_count", "_sum", "_bucket")), name
        help_text = metrics.help[name]
        assert len(help_text) > 5 and not help_text.endswith("."), (name, help_text)
        assert any(
            key == name or key.startswith(name + "{") for key in metrics.values
        ), f"{name} has no value"


def test_says_what_happened(server):
    with server.client() as client, EventSource(server.address, "/events/a") as stream:
        client.subscribe("a", "b")
        for number in range(3):
            client.publish("a", number, dedup=f"{number}")
        client.publish("a", 0, dedup="0")
        client.error("publish", channel="@all", data=1)
        client.take_events(3)
        stream.take(3)
        assert server.get("/nothing").status == 404
        metrics = scrape(server)
    assert metrics["wskit_connections"] == 2 and metrics["wskit_event_streams"] == 1
    assert metrics["wskit_subscriptions"] == 3
    assert metrics["wskit_events_published_total"] == 3
    assert metrics["wskit_events_duplicate_total"] == 1
    assert metrics["wskit_events_delivered_total"] == 6
    assert metrics["wskit_commands_total"] == 6 and metrics["wskit_command_errors_total"] == 1
    assert metrics["wskit_http_errors_total"] == 1
    assert metrics["wskit_channels"] == 2
    assert metrics["wskit_store_available"] == 1 and metrics["wskit_store_events_written_total"] == 3
    assert metrics["wskit_draining"] == 0
    assert metrics["process_resident_memory_bytes"] > 1 << 20
    assert abs(metrics["process_open_fds"] - server.descriptors()) <= 4
    eventually(lambda: scrape(server)["wskit_connections"] == 0, "nobody is connected")


def test_has_every_counter_of_the_json(server):
    """One list for both: what one has, the other has with the same value."""
    with server.client() as client:
        client.publish("a", 1)
        stats, metrics = server.stats(), scrape(server)
    for name, metric in (
        ("published", "wskit_events_published_total"),
        ("total_connections", "wskit_connections"),
        ("commands", "wskit_commands_total"),
        ("closed_slow", 'wskit_connections_closed_total{reason="slow_consumer"}'),
        ("history_max_bytes", "wskit_history_limit_bytes"),
    ):
        assert stats[name] == metrics[metric], name
    numbers = [name for name, value in stats.items() if isinstance(value, int)]
    assert len([key for key in metrics.values if key.startswith("wskit_")]) >= len(numbers)


def test_totals_never_fall(stage):
    """What a slow reader is not given any more is taken out of `delivered`, but not out of the total."""
    server = stage.server("--queue-limit", "256KiB")
    slow, publisher = server.client(receive_buffer=4096), server.client()
    slow.subscribe("a")
    before = scrape(server)
    for _ in range(1000):
        publisher.publish("a", "x" * 20_000)
        now = scrape(server)
        for key, value in before.values.items():
            assert not key.split("{")[0].endswith("_total") or now[key] >= value, key
        before = now
        if now["wskit_connections"] == 1:
            break
    stats = server.stats()
    assert stats["dropped"] > 0
    assert now["wskit_events_delivered_total"] > stats["delivered"]


def test_without_a_store_there_are_no_metrics_of_it(stage):
    assert not [name for name in scrape(stage.server()).type if name.startswith("wskit_store_")]


def test_head_and_other_methods(server):
    with server.http() as http:
        http.send("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        response = http.read(head_only=True)
        assert response.status == 200 and int(response.headers["content-length"]) > 1000
        http.send("DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert http.read().status == 405
