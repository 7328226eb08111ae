"""Proves: an event of one channel is delivered to others by rule, once each, in order, and failures show."""

import json
import signal
import threading

import pytest
from harness.deadline import eventually

FILE = """
[[route]]
from = "alerts"
to = ["unified", "market/{/symbol}"]
when = { type = ["alert", "signal"], "/severity" = ["high", "critical"] }

[[route]]
from = "market/*"
to = "by-symbol/{2}/{type}"

[[route]]
from = "agents/**"
except = "agents/internal/*"
to = ["unified", "unified"]
"""


@pytest.fixture
def file(stage):
    path = stage.home / "wsserve.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.fixture
def server(stage, file):
    return stage.server("--config", str(file))


def alert(symbol="AAPL", severity="high", **more):
    return {"symbol": symbol, "severity": severity, **more}


def told(event):
    return event.channel, event.offset, event.type


def test_a_copy_is_an_event_of_its_channel_with_the_same_type_time_and_bytes(server):
    data = '{ "b" : 1.50, "symbol":"AAPL","severity":"high", "a":[1,2] }'
    with server.client("/ws/**") as subscriber, server.client() as publisher:
        publisher.publish("unified", "before")
        publisher.raw_command(
            '{"action":"publish","id":"x","channel":"alerts","type":"alert","key":"k",'
            f'"timestamp":"2020-01-01T00:00:00Z","data":{data}}}',
            "x",
        )
        events = subscriber.take_events(5)
    assert sorted(map(told, events)) == [
        ("alerts", 1, "alert"),
        ("by-symbol/AAPL/alert", 1, "alert"),
        ("market/AAPL", 1, "alert"),
        ("unified", 1, "message"),
        ("unified", 2, "alert"),
    ]
    copies = [event for event in events if event.type == "alert"]
    assert {(event.data, event.timestamp, event.key) for event in copies} == {
        (data, "2020-01-01T00:00:00Z", "k")
    }
    assert server.stats()["routed"] == 3
    assert server.stats()["published"] == 2


def test_conditions_decide(server):
    with server.client("/ws/unified") as subscriber, server.client() as publisher:
        publisher.publish("alerts", alert(n=1), type="alert")
        publisher.publish("alerts", alert(n=2), type="other")
        publisher.publish("alerts", alert(severity="low", n=3), type="alert")
        publisher.publish("alerts", alert(severity="critical", n=4), type="signal")
        publisher.publish("alerts", "no object", type="alert")
        publisher.publish("agents/internal/x", 5)
        publisher.publish("agents/a/b", 6)
        assert [event.data for event in subscriber.take_events(3)] == [
            json.dumps(alert(n=1)),
            json.dumps(alert(severity="critical", n=4)),
            "6",
        ], "and only once, though the route names unified twice"


def test_the_answer_is_the_sources_and_a_duplicate_is_not_delivered_again(server):
    with server.client("/ws/unified") as subscriber, server.client() as publisher:
        reply = publisher.publish("alerts", alert(), type="alert", dedup="1")
        assert (reply["channel"], reply["offset"]) == ("alerts", 1)
        assert publisher.publish("alerts", alert(), type="alert", dedup="1")["duplicate"]
        publisher.publish("alerts", alert(n=2), type="alert", dedup="2")
        assert [event.offset for event in subscriber.take_events(2)] == [1, 2]
    assert server.stats()["routed"] == 6


def test_a_copy_that_cannot_be_made_is_counted_and_the_others_are_delivered(server):
    with server.client("/ws/unified") as subscriber, server.client() as publisher:
        publisher.publish("alerts", {"severity": "high"}, type="alert")
        publisher.publish("alerts", alert(symbol=["A"]), type="alert")
        publisher.publish("alerts", alert(symbol="a/b"), type="alert")
        publisher.publish("alerts", alert(symbol="x" * 260), type="alert")
        assert len(subscriber.take_events(4)) == 4
    stats = server.stats()
    assert (stats["route_failures_no_value"], stats["route_failures_bad_channel"]) == (2, 2)


def test_a_channel_past_the_limit_of_the_server_is_counted(stage, file):
    server = stage.server("--config", str(file), "--max-server-channels", "2")
    with server.client("/ws/unified") as subscriber, server.client() as publisher:
        publisher.publish("alerts", alert(), type="alert")
        subscriber.take_events(1)
    assert server.stats()["route_failures_server_full"] == 1


def test_copies_keep_the_order_of_their_channel_whoever_publishes(stage, file):
    """Two connections on different shards: the copies stand in the source's order."""
    server = stage.server("--config", str(file), "--threads", "4")
    each, publishers = 1500, 3

    def publish(number):
        with server.client() as client:
            for begin in range(0, each, 50):
                events = [
                    {"channel": "agents/a", "type": "t", "data": [number, n]}
                    for n in range(begin, begin + 50)
                ]
                client.expect("published", client.command("publish", events=events))

    with server.client("/ws/agents/a") as source, server.client("/ws/unified") as copies:
        threads = [threading.Thread(target=publish, args=(number,)) for number in range(publishers)]
        for thread in threads:
            thread.start()
        originals = [event.data for event in source.take_events(each * publishers)]
        copied = [event.data for event in copies.take_events(each * publishers)]
        for thread in threads:
            thread.join()
    assert originals == copied


def test_an_event_over_http_and_one_in_a_batch_are_routed_too(server):
    with server.client("/ws/unified") as subscriber, server.client() as publisher:
        with server.http() as http:
            http.send("POST /publish/agents/h HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n7")
            assert http.read().json()["offset"] == 1
        events = [{"channel": f"agents/{n}", "data": n} for n in range(3)]
        publisher.expect("published", publisher.command("publish", events=events))
        assert [event.data for event in subscriber.take_events(4)] == ["7", "0", "1", "2"]


def test_a_reload_takes_up_routes_for_channels_that_exist(server, file):
    with server.client("/ws/**") as subscriber, server.client() as publisher:
        publisher.publish("agents/a", 1)
        assert len(subscriber.take_events(2)) == 2
        file.write_text('[[route]]\nfrom = "agents/*"\nto = "elsewhere"\n', encoding="utf-8")
        server.process.signal(signal.SIGHUP)
        server.process.wait_for_stderr(r"reloaded .*: 0 rules, 1 route \(changed\), no value changed")
        publisher.publish("agents/a", 2)
        assert sorted(event.channel for event in subscriber.take_events(2)) == ["agents/a", "elsewhere"]
        file.write_text('[[route]]\nfrom = "a"\nto = "a"\n', encoding="utf-8")
        server.process.signal(signal.SIGHUP)
        server.process.wait_for_stderr(
            r"toml:3:1: routes must not lead in a circle.*\n.*nothing was reloaded"
        )
        publisher.publish("agents/a", 3)
        assert len(subscriber.take_events(2)) == 2


def test_a_loop_is_refused_at_the_start_with_its_rules(stage, file):
    file.write_text(
        '[[route]]\nfrom = "a/*"\nto = "b/{/x}"\n[[route]]\nfrom = "b/**"\nto = ["c", "a/{2}"]\n',
        encoding="utf-8",
    )
    run = stage.run("wsserve", "--config", file, "--listen", "127.0.0.1:0")
    assert run.code == 2
    assert run.stderr.startswith(f"wsserve: {file}:3:1: routes must not lead in a circle")
    assert f"a/* to b/{{/x}} ({file}:3:1), b/** to c a/{{2}} ({file}:6:1), a/* to b/{{/x}}" in run.stderr


def test_check_config_names_what_is_wrong_in_routes(stage, file):
    file.write_text(
        '[[route]]\nfrom = "@all"\nto = "a/*"\nwhen = { "a..b" = 1 }\nexcpet = "x"\n[[route]]\nto = "x"\n',
        encoding="utf-8",
    )
    run = stage.run("wsserve", "--config", file, "--check-config")
    assert run.code == 2
    lines = [line.removeprefix(f"wsserve: {file}:") for line in run.stderr.splitlines()]
    assert [line.split(" ", 1)[0] for line in lines] == ["2:8:", "3:6:", "4:10:", "5:1:", "6:1:"]
    assert "did you mean 'except'?" in lines[3] and lines[4] == "6:1: [[route]] needs the key 'from'"


# --- With a store ------------------------------------------------------------

DURABLE = """
history = 100000
[[channel]]
pattern = ["live/*", "screen"]
durable = false

[[route]]
from = ["orders/*", "live/*"]
to = ["ledger", "screen"]
"""


@pytest.fixture
def durable(stage, tmp_path):
    path = tmp_path / "durable.toml"
    path.write_text(DURABLE, encoding="utf-8")
    return stage.lasting_server("--config", str(path), "--store", str(tmp_path / "events.db"))


def history(client, channel):
    return [
        (event["offset"], event["data"])
        for event in client.command("history", channel=channel, limit=1000)["data"]["events"]
    ]


def test_copies_of_durable_events_are_as_durable_after_a_kill(stage, durable):
    with durable.client("/ws/**") as subscriber, durable.client() as publisher:
        for number in range(20):
            assert publisher.publish("orders/a", number)["offset"] == number + 1
        events = subscriber.take_events(60)
        for channel in ("orders/a", "ledger", "screen"):
            assert [event.data for event in events if event.channel == channel] == [str(n) for n in range(20)]
    durable.kill()
    server = stage.restart(durable)
    with server.client() as client:
        assert history(client, "orders/a") == history(client, "ledger") == [(n + 1, n) for n in range(20)]
        assert client.publish("orders/b", 20)["offset"] == 1
        assert history(client, "ledger")[-1] == (21, 20)


def test_a_kill_among_routed_publishes_leaves_no_event_without_its_copy(stage, durable):
    total = 6000
    with durable.client() as publisher:
        for number in range(total):
            publisher.send(
                action="publish", channel=f"orders/{number % 3}", type="t", data=number, dedup=str(number)
            )
        eventually(lambda: durable.stats()["store"]["stored_events"] > 200, "something on disk")
        durable.kill()
    server = stage.restart(durable)
    with server.client() as client:
        sources = sorted(
            data
            for channel in ("orders/0", "orders/1", "orders/2")
            for data in history_if_any(client, channel)
        )
        assert sorted(history_if_any(client, "ledger")) == sources
        for number in range(total):
            client.send(
                action="publish", channel=f"orders/{number % 3}", type="t", data=number, dedup=str(number)
            )
        client.still_works()
        eventually(lambda: server.stats()["store"]["queued_events"] == 0, "all on disk")
        ledger = sorted(history_if_any(client, "ledger"))
    assert ledger == list(range(total)), "each once, though sent twice"


def history_if_any(client, channel):
    reply, found, after = client.command("history", channel=channel, limit=1000), [], 0
    while reply["type"] == "history" and reply["data"]["events"]:
        found += [event["data"] for event in reply["data"]["events"]]
        after = reply["data"]["events"][-1]["offset"]
        reply = client.command("history", channel=channel, limit=1000, since={"offset": after})
    return found


def test_a_channel_that_is_not_durable_does_not_wait_for_durable_copies(durable):
    with durable.client("/ws/**") as subscriber, durable.client() as publisher:
        assert publisher.publish("live/a", 1)["offset"] == 1
        assert sorted(event.channel for event in subscriber.take_events(3)) == ["ledger", "live/a", "screen"]
    assert durable.stats()["routed"] == 2
