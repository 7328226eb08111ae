"""Proves: the configurations of examples/front-ends serve front ends that know only their old addresses."""

import asyncio
import json
import pathlib
import urllib.request

import pytest
from harness.deadline import DEADLINE
from harness.tokens import Issuer

websockets = pytest.importorskip("websockets")

ROOT = pathlib.Path(__file__).parents[2]
FRONT_ENDS = ROOT / "examples" / "front-ends"
SCRIPT = pathlib.Path(__file__).parent / "front_ends.mjs"
SCENARIOS = {
    "dashboard": "dashboard",
    "market": "market",
    "live-trading": "liveTrading",
    "backtest": "backtest",
    "sessions": "sessions",
}


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path)


@pytest.fixture
def serve(stage, issuer):
    def start(name):
        options = issuer.options if name == "dashboard" else []
        return stage.server("--config", str(FRONT_ENDS / f"{name}.toml"), "--threads", "3", *options)

    return start


def test_there_is_a_scenario_for_each_configuration():
    assert {path.stem for path in FRONT_ENDS.glob("*.toml")} == set(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_front_end_with_npm_ws(stage, modules, issuer, serve, name):
    tokens = {
        "ann": issuer.token("ann", subscribe=["dashboard"]),
        "engine": issuer.token("engine", publish=["**"]),
    }
    env = stage.env(WSKIT_NODE_MODULES=modules)
    process = stage.process(["node", SCRIPT, SCENARIOS[name], serve(name).url, json.dumps(tokens)], env=env)
    assert process.wait() == 0, process.stderr


def publish(server, channel, kind, data, token=None):
    host, port = server.address
    request = urllib.request.Request(
        f"http://{host}:{port}/publish/{channel}?type={kind}",
        data=json.dumps(data).encode(),
        headers={
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        },
    )
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        assert answer.status == 200


async def open_python(server, path):
    """A connection of Debian's python3-websockets whose subscriptions are answered."""
    socket = await websockets.connect(server.url + path, open_timeout=DEADLINE)
    while json.loads(await socket.recv())["type"] != "subscribed":
        pass
    return socket


async def events(socket, count):
    found = []
    while len(found) < count:
        message = json.loads(await asyncio.wait_for(socket.recv(), DEADLINE))
        if "offset" in message:
            found.append((message["type"], message["channel"], message["data"]))
    return found


@pytest.mark.parametrize(
    "name, path, channels",
    [
        ("market", "/ws/market/AAPL", ["market/AAPL"]),
        (
            "live-trading",
            "/api/ws/stream/live-trading?symbols=BTC-USD,ETH-USD",
            ["live-trading/BTC-USD", "live-trading/ETH-USD"],
        ),
        ("backtest", "/api/ws/stream/backtest/bt-42", ["backtest/bt-42"]),
        ("sessions", "/ws/session/42", ["session/42"]),
    ],
)
def test_an_address_in_python(serve, name, path, channels):
    server = serve(name)

    async def scenario():
        socket = await open_python(server, path)
        for channel in channels:
            publish(server, channel, "trade", {"of": channel})
        assert await events(socket, len(channels)) == [
            ("trade", channel, {"of": channel}) for channel in channels
        ]
        await socket.close()

    asyncio.run(scenario())


def test_a_dashboard_in_python(serve, issuer):
    server = serve("dashboard")

    async def scenario():
        socket = await open_python(server, f"/ws?token={issuer.token('ann', subscribe=['dashboard'])}")
        await socket.send('{"action":"subscribe","events":["backtest_failed"]}')
        while json.loads(await socket.recv())["type"] != "subscribed":
            pass
        engine = issuer.token("engine", publish=["backtest/*"])
        publish(server, "backtest/1", "backtest_started", {}, engine)
        publish(server, "backtest/1", "backtest_failed", {"why": "no data"}, engine)
        assert await events(socket, 1) == [("backtest_failed", "dashboard", {"why": "no data"})]
        await socket.close()

    asyncio.run(scenario())
