"""Proves: the example engine's run goes whole through wspub, wsserve and wstap, and its accounting adds up."""

import gzip
import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from harness.process import binary

CANDLES = Path(__file__).parents[3] / "examples" / "data" / "eurusd-1h-2017-2018.csv.gz"
START_CASH = 10_000


@pytest.fixture(name="run")
def run_of_the_engine(stage):
    """What the engine prints, line by line."""
    engine = subprocess.run(
        [binary("backtest_engine"), "--run", "demo"],
        input=gzip.decompress(CANDLES.read_bytes()),
        stdout=subprocess.PIPE,
        check=True,
    )
    return engine.stdout


def test_the_trades_add_up_to_the_result(run):
    events = [json.loads(line) for line in run.splitlines()]
    types = Counter(event["type"] for event in events)
    assert events[0]["type"] == "session_initialized" and events[-1]["type"] == "session_completed"
    assert types["candle"] == events[0]["data"]["candles"] == 5000
    assert types["position_opened"] == types["position_closed"] == types["ai_decision"] > 0
    assert types["progress"] == 50
    result = events[-1]["data"]
    trades = [event["data"]["pnl"] for event in events if event["type"] == "position_closed"]
    assert result["trades"] == len(trades)
    assert result["wins"] == sum(pnl > 0 for pnl in trades)
    assert result["pnl"] == pytest.approx(sum(trades), abs=0.005)
    assert result["equity"] == pytest.approx(START_CASH + sum(trades), abs=0.005)


def test_a_front_end_sees_the_whole_run(stage, run):
    server = stage.server()
    tap = stage.tool(
        "wstap", "-u", server.url, "backtest/*", "-o", "data", "--until-event", "session_completed"
    )
    server.wait_for_subscriptions(1)
    published = stage.run("wspub", "-u", server.url, "backtest/{run}", stdin=run)
    assert published.code == 0, published.stderr
    assert tap.wait() == 0, tap.stderr
    sent = [line[line.index(b'"data":') + len(b'"data":') : -1] for line in run.splitlines()]
    assert tap.stdout.splitlines() == sent


def test_bad_candles_are_named(stage):
    engine = subprocess.run(
        [binary("backtest_engine")],
        input=b"Time,Open,High,Low,Close,Volume\n2017-04-19 09:00:00,1,2,x,4,5\n",
        capture_output=True,
        check=False,
    )
    assert engine.returncode == 2
    assert b"line 2" in engine.stderr and b"'x'" in engine.stderr
