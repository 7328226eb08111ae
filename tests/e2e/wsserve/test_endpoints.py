"""Proves: addresses of existing front ends are served from configuration alone, as is what they send there."""

import json
import signal

import pytest

FILE = """
default-channel = "unified"

[[endpoint]]
path = "/api/ws/stream/backtest/{id}"
channels = ["backtest/{id}"]
defaults = { since = "start" }

[[endpoint]]
path = "/api/ws/stream/live-trading"
channels = ["live-trading/{symbols}"]

[[endpoint]]
path = "/api/ws/alerts"
channels = ["alerts/{kinds}", "unified"]
defaults = { kinds = "*", events = ["alert"] }
"""


@pytest.fixture
def file(stage):
    path = stage.home / "wsserve.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.fixture
def server(stage, file):
    return stage.server("--config", str(file))


def subscribed_channels(client):
    return [each["channel"] for each in client.wait_for_control("subscribed")["data"]["channels"]]


def refusal(server, path):
    response = server.get(path)
    return response.status, response.json()["error"]["code"], response.json()["error"]["message"]


def test_a_variable_of_the_path_is_a_segment_of_the_channel(server):
    with server.client() as publisher, server.client("/api/ws/stream/backtest/bt-42") as client:
        assert client.connected["channels"] == ["backtest/bt-42"]
        assert subscribed_channels(client) == ["backtest/bt-42"]
        publisher.publish("backtest/bt-43", 0)
        publisher.publish("backtest/bt-42", {"progress": 0.5})
        event = client.take_events(1)[0]
        assert (event.channel, event.data) == ("backtest/bt-42", '{"progress": 0.5}')


def test_a_default_of_the_upgrades_own_parameters_gives_way_to_what_is_asked_for(server):
    with server.client() as publisher:
        for number in range(5):
            publisher.publish("backtest/b", number)
        with server.client("/api/ws/stream/backtest/b") as client:
            assert [event.data for event in client.take_events(5)] == list("01234")
        with server.client("/api/ws/stream/backtest/b?since=-2") as client:
            assert [event.data for event in client.take_events(2)] == list("34")


def test_a_list_in_the_query_is_one_channel_a_value(server):
    path = "/api/ws/stream/live-trading?symbols=BTC-USD,ETH-USD&heartbeat=0"
    with server.client() as publisher, server.client(path) as client:
        assert subscribed_channels(client) == ["live-trading/BTC-USD", "live-trading/ETH-USD"]
        for symbol in ("BTC-USD", "SOL-USD", "ETH-USD"):
            publisher.publish(f"live-trading/{symbol}", symbol)
        assert [event.channel for event in client.take_events(2)] == [
            "live-trading/BTC-USD",
            "live-trading/ETH-USD",
        ]


def test_defaults_stand_in_for_a_missing_list_and_for_a_filter(server):
    with server.client() as publisher, server.client("/api/ws/alerts") as client:
        assert subscribed_channels(client) == ["alerts/*", "unified"]
        publisher.publish("alerts/risk", 1, type="alert")
        publisher.publish("unified", 2, type="other")
        publisher.publish("unified", 3, type="alert")
        assert [event.data for event in client.take_events(2)] == ["1", "3"]
    with server.client("/api/ws/alerts?kinds=risk,signal") as client:
        assert subscribed_channels(client) == ["alerts/risk", "alerts/signal", "unified"]


def test_what_a_front_end_sends_there_works_as_everywhere(server):
    with server.client() as publisher, server.client("/api/ws/stream/live-trading?symbols=A") as client:
        reply = client.command("subscribe", events=["trade", "quote"])
        channels = [each["channel"] for each in reply["data"]["channels"]]
        assert channels == ["unified", "live-trading/A"], "the defaults, and what it has"
        publisher.publish("live-trading/A", 1, type="noise")
        publisher.publish("unified", 2, type="quote")
        publisher.publish("live-trading/A", 3, type="trade")
        assert [event.data for event in client.take_events(2)] == ["2", "3"]


# S7: there nothing is refused, for the front end must not change.
def test_parameters_that_mean_nothing_are_passed_over_and_counted(server):
    with server.client("/api/ws/stream/live-trading?symbols=A&userId=7&format=json") as client:
        assert subscribed_channels(client) == ["live-trading/A"]
    assert server.stats()["unknown_parameters"] == 2
    status, code, message = refusal(server, "/api/ws/stream/live-trading?symbols=A&since=1&since=2")
    assert (status, code) == (400, "BAD_REQUEST") and "since= stands there twice" in message


def test_a_bad_request_is_refused_before_the_upgrade_with_its_parameter(server):
    live = "/api/ws/stream/live-trading"
    assert refusal(server, live)[:2] == (400, "BAD_REQUEST")
    assert "symbols= is missing" in refusal(server, f"{live}?symbols=")[2]
    status, code, message = refusal(server, f"{live}?symbols=A,B%20C")
    assert (status, code) == (400, "BAD_CHANNEL") and message.startswith('symbols=: "B C"')
    assert refusal(server, f"{live}?symbols=%zz")[:2] == (400, "BAD_REQUEST")
    assert refusal(server, f"{live}?symbols=A&since=soon")[:2] == (400, "BAD_REQUEST")
    status, code, message = refusal(server, "/api/ws/stream/backtest/a%2Fb")
    assert (status, code) == (400, "BAD_CHANNEL") and "{id} in the path" in message
    assert refusal(server, "/api/ws/stream/backtest/x")[0] == 426
    assert refusal(server, "/api/ws/stream/backtest")[0] == 404
    with server.http() as http:
        http.send(
            f"POST {live}?symbols=A HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        response = http.read()
        assert (response.status, response.headers["allow"]) == (405, "GET, OPTIONS")


def test_a_list_stands_for_no_more_channels_than_a_connection_may_have(stage, file):
    server = stage.server("--config", str(file), "--max-channels", "3")
    with server.client("/api/ws/stream/live-trading?symbols=1,2,3") as client:
        assert len(subscribed_channels(client)) == 3
    status, code, message = refusal(server, "/api/ws/stream/live-trading?symbols=1,2,3,4")
    assert (status, code) == (400, "TOO_MANY_CHANNELS") and "--max-channels" in message


def test_a_reload_takes_up_addresses_and_open_connections_keep_theirs(server, file):
    with server.client() as publisher, server.client("/api/ws/stream/backtest/b") as old:
        file.write_text('[[endpoint]]\npath = "/v2/{id}"\nchannels = ["backtest/{id}"]\n', encoding="utf-8")
        server.process.signal(signal.SIGHUP)
        server.process.wait_for_stderr(r"reloaded .*: 0 rules, 1 endpoint \(changed\), 1 value changed")
        assert refusal(server, "/api/ws/stream/backtest/b")[0] == 404
        with server.client("/v2/b") as new:
            publisher.publish("backtest/b", 1)
            assert new.take_events(1) and old.take_events(1)


CONFLICTS = """[[endpoint]]
path = "/ws/market"
channels = ["a"]
[[endpoint]]
path = "/api/{x}"
channels = ["a/{x}"]
[[endpoint]]
path = "/api/live"
channels = ["b/{s}-x"]
defaults = { s = "*", t = 1 }
[[endpoint]]
path = "/v1"
chanels = ["b"]
"""


def test_check_config_names_each_conflict_with_line_and_column(stage, file):
    file.write_text(CONFLICTS, encoding="utf-8")
    run = stage.run("wsserve", "--config", file, "--check-config")
    assert run.code == 2
    lines = [line.removeprefix(f"wsserve: {file}:") for line in run.stderr.splitlines()]
    assert lines == [
        "2:8: path: the server's own addresses begin with /ws; choose another",
        "11:1: [[endpoint]] needs the key 'channels'",
        "13:1: unknown key 'chanels' in [[endpoint]]; did you mean 'channels'?",
        "10:1: no channel of this endpoint names {t}",
        f"8:1: /api/live and /api/{{x}} of {file}:5:1 are the same address for some requests; "
        "tell them apart by a fixed segment",
    ]


def test_print_config_shows_endpoints(stage, file):
    run = stage.run("wsserve", "--config", file, "--print-config")
    assert run.code == 0, run.stderr
    text = run.stdout.decode()
    assert f'path = "/api/ws/stream/live-trading"  # {file}:10\n' in text
    assert 'defaults = { "events" = ["alert"], "kinds" = "*" }' in text
    assert json.dumps(["live-trading/{symbols}"]) in text
