"""Proves: what the comments in examples/front-ends/*.toml say is so."""

import itertools
import json
import pathlib
import subprocess

import pytest
from harness.capture import PATH as CAPTURE
from harness.deadline import eventually
from harness.process import binary
from harness.tokens import Issuer

FRONT_ENDS = pathlib.Path(__file__).parents[3] / "examples" / "front-ends"
CANDLES = CAPTURE.parent / "eurusd-1h-2017-2018.csv.gz"
RUN_EVENTS = 5430
PADDING = "x" * 20_000


def config(name):
    return ["--config", str(FRONT_ENDS / f"{name}.toml")]


def of(events):
    return [(event.channel, event.type, json.loads(event.data)) for event in events]


def fills_a_slow_connection(server, publish, enough):
    """Publishes until the server has merged something for the one that does not read, and returns how often."""
    for count in itertools.count(1):
        publish(count)
        assert count < 5000, server.stats()
        if count % 20 == 0 and server.stats()["merged"] >= enough:
            return count


# backtest.toml


def publish_run(stage, server, run):
    done = stage.shell(
        f"zcat {CANDLES} | backtest_engine --run {run} | wspub -q -u {server.url} 'backtest/{{run}}'"
    )
    assert done.wait() == 0, done.stderr


def test_who_looks_at_a_run_late_sees_it_from_its_first_event(stage):
    server = stage.server(*config("backtest"))
    publish_run(stage, server, "late")
    with server.client("/api/ws/stream/backtest/late") as client:
        offsets = [event.offset for event in client.take_events(RUN_EVENTS)]
    assert offsets == list(range(1, RUN_EVENTS + 1))


def test_a_run_is_kept_whole_and_its_channel_is_forgotten_after_its_last_event(stage, tmp_path):
    shown = subprocess.run(
        [binary("wsserve"), *config("backtest"), "--print-config"], capture_output=True, text=True, check=True
    ).stdout
    for value in ("history = 100000", 'history-ttl = "1d"', 'channel-ttl = "1d"'):
        assert value in shown
    # A day is one second here.
    text = (FRONT_ENDS / "backtest.toml").read_text().replace('"1d"', '"1s"')
    (tmp_path / "short.toml").write_text(f'channel-ttl = "1s"\n\n{text}')
    server = stage.server("--config", tmp_path / "short.toml", "--dedup-ids", "0")
    with server.client() as publisher:
        publisher.publish("backtest/old", 1)
    eventually(lambda: server.stats()["channels_forgotten"] == 1, "the channel to be forgotten")


# dashboard.toml


@pytest.fixture
def dashboard(stage, tmp_path):
    """The server where its comment has the secret made; with whoever signs with that."""
    made = stage.shell("openssl rand -hex 32 >jwt.secret && chmod 600 jwt.secret", cwd=tmp_path)
    assert made.wait() == 0, made.stderr
    issuer = Issuer(tmp_path)
    issuer.key = (tmp_path / "jwt.secret").read_text().strip()
    server = stage.server(*config("dashboard"), cwd=tmp_path)
    assert "secret" not in server.log, "warned of"
    return server, issuer


def test_a_dashboard_subscribes_types_and_says_nothing_of_channels(dashboard):
    server, issuer = dashboard
    engine = server.client(f"/ws?token={issuer.token('engine', publish=['**'])}")
    with server.client(f"/ws?token={issuer.token('ann')}") as tab:
        assert tab.connected["channels"] == ["dashboard", "@user/ann"]
        answer = tab.command("subscribe", events=["backtest_started", "backtest_progress"])["data"]
        assert [each["channel"] for each in answer["channels"]] == ["dashboard"]
        for kind in ("backtest_started", "trade", "backtest_progress", "backtest_failed"):
            engine.publish("backtest/7", {"id": 7}, type=kind)
        seen = of(tab.take_events(2))
    assert seen == [("dashboard", kind, {"id": 7}) for kind in ("backtest_started", "backtest_progress")]


def test_a_token_that_says_nothing_hears_the_dashboard_and_publishes_nothing(dashboard):
    server, issuer = dashboard
    with server.client(f"/ws?token={issuer.token('ann')}") as tab:
        assert tab.error("subscribe", channels=["backtest/7"])["code"] == "FORBIDDEN"
        assert tab.error("publish", channel="dashboard", data=1)["code"] == "FORBIDDEN"
        tab.subscribe("dashboard")


def test_a_dashboard_that_was_away_has_missed_nothing(dashboard):
    server, issuer = dashboard
    engine = server.client(f"/ws?token={issuer.token('engine', publish=['**'])}")
    begin = engine.publish("dashboard", 0)
    for number in range(1000):
        engine.publish("dashboard", number)
    since = f"{begin['epoch']}:{begin['offset']}"
    with server.client(f"/ws?token={issuer.token('ann')}&since={since}") as tab:
        channel = tab.wait_for_control("subscribed")["data"]["channels"][0]
        assert (channel["channel"], channel["recovered"], channel["replayed"]) == ("dashboard", True, 1000)


# live-trading.toml


def test_a_trading_screen_hears_the_symbols_it_asks_for_or_all_there_are(stage):
    server = stage.server(*config("live-trading"))
    address = "/api/ws/stream/live-trading"
    symbols = ("BTC-USD", "SOL-USD", "ETH-USD")
    with server.client(f"{address}?symbols=BTC-USD,ETH-USD") as two, server.client(address) as every:
        with server.client() as engine:
            for symbol in symbols:
                engine.publish(f"live-trading/{symbol}", symbol)
        assert [data for _, _, data in of(two.take_events(2))] == ["BTC-USD", "ETH-USD"]
        assert [data for _, _, data in of(every.take_events(3))] == list(symbols)


# market.toml


def test_alerts_appear_on_the_unified_feed_and_on_their_symbols(stage):
    server = stage.server(*config("market"))
    alert = {"symbol": "AAPL", "text": "up"}
    with server.client("/ws/unified") as unified, server.client("/ws/market/AAPL") as apple:
        with server.client() as engine:
            engine.publish("market/AAPL", {"price": 1}, type="market_data")
            engine.publish("alerts", alert, type="alert")
            engine.publish("alerts", alert, type="signal")
            engine.publish("alerts", alert, type="chatter")
            engine.publish("alerts", {"text": "of no symbol"}, type="alert")
            engine.publish("agents/news", "calm", type="agent_insight")
        assert of(apple.take_events(3)) == [
            ("market/AAPL", "market_data", {"price": 1}),
            ("market/AAPL", "alert", alert),
            ("market/AAPL", "signal", alert),
        ]
        assert of(unified.take_events(4)) == [
            ("unified", "alert", alert),
            ("unified", "signal", alert),
            ("unified", "alert", {"text": "of no symbol"}),
            ("unified", "agent_insight", "calm"),
        ]


def test_a_slow_screen_gets_the_newest_price_and_every_alert_that_has_an_id(stage):
    server = stage.server(*config("market"), "--queue-limit", "256KiB")
    screen, engine = server.client("/ws/market/AAPL", receive_buffer=4096), server.client()
    alerts = []

    def publish(count):
        price = {"symbol": "AAPL", "price": count, "depth": PADDING}
        engine.publish("market/AAPL", price, type="market_data")
        if count % 50 == 0:
            alerts.append(f"alert-{count}")
            engine.publish("alerts", {"id": alerts[-1], "symbol": "AAPL"}, type="alert")

    newest = fills_a_slow_connection(server, publish, enough=200)
    seen, prices = [], []
    while not prices or prices[-1] != newest or len(seen) < len(alerts):
        _, kind, data = of(screen.take_events(1))[0]
        (seen.append(data["id"]) if kind == "alert" else prices.append(data["price"]))
    assert seen == alerts
    assert len(prices) < newest
    assert server.stats()["closed_slow"] == 0


# sessions.toml


def test_each_tab_of_a_session_hears_the_same_in_the_same_order(stage):
    server = stage.server(*config("sessions"), "--threads", "2")
    engines = [server.client() for _ in range(2)]
    tabs = [server.client("/ws/session/42") for _ in range(4)]
    for number in range(50):
        for name, engine in enumerate(engines):
            engine.send(action="publish", channel="session/42", type="candle", data=[name, number])
    heard = [of(tab.take_events(100)) for tab in tabs]
    assert all(each == heard[0] for each in heard)


def test_a_tab_that_comes_back_misses_nothing(stage):
    server = stage.server(*config("sessions"))
    with server.client() as engine:
        begin = engine.publish("session/42", 0)
        for number in range(1, 4001):
            engine.send(action="publish", channel="session/42", data=number)
        engine.still_works()
    with server.client(f"/ws/session/42?since={begin['epoch']}:{begin['offset']}") as tab:
        assert [data for _, _, data in of(tab.take_events(4000))] == list(range(1, 4001))


def test_a_countdown_is_an_event_of_its_session_and_on_a_screen_of_its_own_only_the_newest_matters(stage):
    server = stage.server(*config("sessions"), "--queue-limit", "256KiB")
    tab, engine = server.client("/ws/session/42"), server.client()
    screen = server.client("/ws/session/42/countdown", receive_buffer=4096)

    def publish(count):
        engine.publish("session/42", {"left": -count, "padding": PADDING}, type="countdown_update")
        (heard,) = of(tab.take_events(1))
        assert heard[2]["left"] == -count

    newest = fills_a_slow_connection(server, publish, enough=50)
    seen = 0
    for seen in itertools.count(1):
        if of(screen.take_events(1))[0][2]["left"] == -newest:
            break
    assert seen < newest
    history = server.get("/history/session/42/countdown").json()
    assert [event["data"]["left"] for event in history] == [-newest]
