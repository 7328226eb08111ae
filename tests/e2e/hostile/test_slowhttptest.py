"""Proves: slowhttptest's slow headers, slow bodies and slow reading leave the service to others intact."""

import re
import shutil

import pytest
from harness.bystander import Bystander
from harness.client import Client
from harness.deadline import SLOW, eventually
from harness.websocket import WebSocket

CONNECTIONS = 400
SECONDS = round(2 * SLOW)
# Many connections at once, each with another byte once in a second.
PACE = ["-c", str(CONNECTIONS), "-r", str(CONNECTIONS), "-i", "1", "-l", str(SECONDS)]
MODES = {
    "slow headers": (["-H"], "/ws"),
    "slow body": (["-B", "-s", "8192", "-f", "application/x-ndjson"], "/publish/a"),
    "slow read": (
        ["-X", "-w", "8", "-y", "16", "-n", "1", "-z", "4", "-k", "3"],
        "/history/large?limit=10000",
    ),
}


@pytest.fixture(params=MODES)
def attack(request, stage):
    """Starts the attack on a server; from 127.0.0.1."""
    program = shutil.which("slowhttptest")
    assert program, "slowhttptest is missing: run scripts/deps.sh --tests"
    options, path = MODES[request.param]

    def start(server):
        url = f"http://127.0.0.1:{server.port}{path}"
        return stage.process([program, *options, *PACE, "-u", url])

    return start


def filled(server):
    """Something that takes its time to read."""
    with WebSocket(server.address, source="127.0.0.2") as websocket:
        client = Client(websocket)
        for _ in range(10):
            client.publish("large", "x" * 90_000)


def serves(server):
    """A newcomer from another address gets everything: a WebSocket, its events, the counters as an answer."""
    with WebSocket(server.address, "/ws/news", source="127.0.0.3") as websocket:
        client = Client(websocket)
        client.publish("news", 1)
        client.wait_for_events(1)
        return client.expect("stats", client.command("stats"))


def ended(process):
    process.wait()
    return re.sub(r"\x1b\[[0-9;]*m", "", process.stdout.decode(errors="replace") + process.stderr)


def test_others_are_served_and_the_slow_ones_are_ended(stage, attack):
    server = stage.server("--handshake-timeout", f"{SLOW}s", "--threads", "2")
    filled(server)
    with Bystander(server):
        process = attack(server)
        served_under_attack = 0
        while process.running:
            stats = serves(server)
            served_under_attack += stats["accepted"] > CONNECTIONS // 4
        assert served_under_attack > 0
        said = ended(process)
        assert re.search(r"service available:\s+YES", said), said[-2000:]
        eventually(lambda: serves(server)["handshake_timeouts"] > 0, "the slow ones were ended")
    server.wait_for_connections(0)


def test_an_address_holds_no_more_than_its_limit(stage, attack):
    server = stage.server(
        "--max-connections-per-address", "50", "--handshake-timeout", "1h", "--threads", "2"
    )
    filled(server)
    before = server.descriptors()
    process = attack(server)
    most, stats = 0, serves(server)
    while process.running:
        most = max(most, server.descriptors() - before)
        stats = serves(server)
    ended(process)
    assert stats["refused_address"] + stats["dropped_connections"] > 0, stats
    assert most <= 2 * 50 + 5, "as many are served, and as many are told that they are too many"
