"""Proves: names, patterns, filters and the upgrade's path select exactly the events they say, each once."""

import json
from urllib.parse import quote


def selected(client, publisher, channels, probe="probe/end"):
    """Publishes one event to each channel and returns those of them that `client` gets."""
    for channel in channels:
        publisher.publish(channel, channel)
    client.subscribe(probe)
    publisher.publish(probe, "end")
    got = []
    while (event := client.take_events(1)[0]).channel != probe:
        got.append(event.channel)
    client.unsubscribe(probe)
    return got


CHANNELS = [
    "market",
    "market/AAPL",
    "market/BTC-USD",
    "market/eu/SAP",
    "agents/news",
    "marketing/x",
    "münze/ü",
    "a",
]


def test_patterns_select_by_segments(server):
    expected = {
        "market/AAPL": ["market/AAPL"],
        "*": ["market", "a"],
        "market/*": ["market/AAPL", "market/BTC-USD"],
        "market/**": ["market/AAPL", "market/BTC-USD", "market/eu/SAP"],
        "*/news": ["agents/news"],
        "*/*": ["market/AAPL", "market/BTC-USD", "agents/news", "marketing/x", "münze/ü"],
        "*/eu/*": ["market/eu/SAP"],
        "**": CHANNELS,
        "münze/*": ["münze/ü"],
    }
    with server.client() as publisher:
        for pattern, channels in expected.items():
            with server.client() as client:
                client.subscribe(pattern)
                assert selected(client, publisher, CHANNELS) == channels, pattern


def test_a_pattern_selects_channels_that_come_later(server):
    with server.client() as client, server.client() as publisher:
        client.subscribe("late/*")
        publisher.publish("late/one", 1)
        publisher.publish("late/two", 2)
        assert [event.channel for event in client.take_events(2)] == ["late/one", "late/two"]


def test_an_event_comes_once_however_often_it_is_selected(server):
    with server.client() as client, server.client() as publisher:
        client.subscribe("market/AAPL", "market/*", "**")
        client.subscribe("market/AAPL")
        assert selected(client, publisher, ["market/AAPL"] * 3) == ["market/AAPL"] * 3
        client.unsubscribe("market/AAPL")
        assert selected(client, publisher, ["market/AAPL"]) == ["market/AAPL"], "the patterns still select it"
        client.unsubscribe("**", "market/*")
        assert selected(client, publisher, ["market/AAPL"]) == []


def test_the_path_of_the_upgrade_subscribes(server):
    for path, channels in (
        ("/ws/market/AAPL", ["market/AAPL"]),
        ("/ws/market/*", ["market/AAPL", "market/BTC-USD"]),
        ("/ws/market/%2A", ["market/AAPL", "market/BTC-USD"]),
        ("/ws/a", ["a"]),
        ("/ws/" + quote("münze/ü"), ["münze/ü"]),
        ("/ws/**", CHANNELS),
    ):
        with server.client(path) as client, server.client() as publisher:
            assert len(client.connected["channels"]) == 1, path
            assert selected(client, publisher, CHANNELS) == channels, path


def test_a_path_that_names_no_channel_is_refused(server):
    for path in ("/ws/a//b", "/ws/a/", "/ws/a/**/b", "/ws/" + "x" * 256, "/ws/%20", "/ws/%zz"):
        with server.http() as http:
            http.send(
                f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            response = http.read()
            assert response.status == 400, (path, response)
            assert "BAD_CHANNEL" in json.dumps(response.json()) or response.json(), response


def test_default_channels_are_subscribed_where_none_is_named(stage):
    server = stage.server("--default-channel", "news", "--default-channel", "market/*")
    with server.client() as publisher:
        with server.client() as client:
            assert sorted(client.connected["channels"]) == ["market/*", "news"]
            assert selected(client, publisher, ["news", "market/A", "other"]) == ["news", "market/A"]
        with server.client("/ws/other") as client:
            assert client.connected["channels"] == ["other"]
            assert selected(client, publisher, ["news", "market/A", "other"]) == ["other"]
            reply = client.command("subscribe")
            assert sorted(entry["channel"] for entry in reply["data"]["channels"]) == ["market/*", "news"]
            assert selected(client, publisher, ["news", "other"]) == ["news", "other"]


def test_the_reply_says_where_each_channel_stands(server):
    with server.client() as client:
        published = [client.publish("a", number) for number in range(3)][-1]
        reply = client.subscribe("a", "never/used", "a/*")
        entries = {entry["channel"]: entry for entry in reply["channels"]}
        assert list(entries) == ["a", "never/used", "a/*"], "in the order of the command"
        assert entries["a"]["offset"] == 3 and entries["a"]["epoch"] == published["epoch"]
        assert entries["never/used"]["offset"] == 0
        assert entries["a/*"]["offset"] is None


def test_unsubscribe_says_what_it_ended(server):
    with server.client() as client, server.client() as publisher:
        client.subscribe("a", "b", "c/*")
        assert client.unsubscribe("a", "c/*")["channels"] == ["a", "c/*"]
        assert selected(client, publisher, ["a", "b", "c/d"]) == ["b"]


def test_only_the_event_types_asked_for_come(server):
    with server.client() as client, server.client() as publisher:
        assert client.subscribe("a", events=["trade", "x.y:z-1"])["events"] == ["trade", "x.y:z-1"]
        for kind in ("trade", "quote", "x.y:z-1", "trad", "trades"):
            publisher.publish("a", kind, type=kind)
        publisher.publish("a", "end", type="trade")
        assert [event.type for event in client.take_events(3)] == ["trade", "x.y:z-1", "trade"]


# S3
def test_sets_of_types_add_up_until_some_are_unsubscribed(server):
    with server.client("/ws/a?events=started") as client, server.client() as publisher:

        def passing():
            for kind in ("started", "progress", "done", "other"):
                publisher.publish("a", None, type=kind)
            publisher.publish("b", "marker")
            types = []
            while (event := client.take_events(1)[0]).channel != "b":
                types.append(event.type)
            return types

        client.subscribe("b")
        client.command("unsubscribe", channels=["b"])
        client.subscribe("b", events=["message"])
        assert client.command("subscribe", events=["progress"])["data"]["events"] == ["message", "progress", "started"]
        assert passing() == ["started", "progress"]
        assert client.subscribe("a", events=["done"])["events"] == ["done", "progress", "started"]
        assert passing() == ["started", "progress", "done"]
        client.command("unsubscribe", channels=["a"], events=["progress"])
        assert passing() == ["started", "done"]
        assert client.subscribe("a", events=["progress"])["events"] == ["done", "progress", "started"]
        client.command("unsubscribe", channels=["a"])
        client.subscribe("a", events=["other"])
        assert passing() == ["other"], "who leaves begins anew"


# S3
def test_the_first_set_of_types_narrows_what_was_subscribed_unasked(stage):
    server = stage.server("--default-channel", "a")
    with server.client() as client, server.client() as publisher:
        assert client.command("subscribe", events=["trade"])["data"]["events"] == ["trade"]
        assert client.command("subscribe", events=["done"])["data"]["events"] == ["done", "trade"]
        for kind in ("quote", "trade", "done"):
            publisher.publish("a", None, type=kind)
        assert [event.type for event in client.take_events(2)] == ["trade", "done"]
    with server.client() as client:
        client.subscribe("a")
        assert client.command("subscribe", events=["trade"])["data"]["events"] == [], "all were asked for"
    with server.client() as client:
        client.command("unsubscribe", events=["quote"])
        assert client.command("subscribe", events=["trade"])["data"]["events"] == [], "all but one were asked for"


# S3
def test_all_types_and_some_are_all(server):
    with server.client() as client, server.client() as publisher:
        client.subscribe("a")
        assert client.subscribe("a", events=["trade"])["events"] == []
        publisher.publish("a", None, type="quote")
        assert client.take_events(1)[0].type == "quote"


def test_offsets_show_what_a_filter_left_out(server):
    with server.client() as client, server.client() as publisher:
        client.subscribe("a", events=["wanted"])
        for kind in ("wanted", "other", "other", "wanted"):
            publisher.publish("a", None, type=kind)
        assert [event.offset for event in client.take_events(2)] == [1, 4]


def test_event_types_can_stand_in_the_path(server):
    with server.client("/ws/a?events=trade,progress") as client, server.client() as publisher:
        for kind in ("quote", "trade", "progress"):
            publisher.publish("a", None, type=kind)
        assert [event.type for event in client.take_events(2)] == ["trade", "progress"]


def test_a_publisher_that_subscribes_gets_its_own_events(server):
    with server.client() as client:
        client.subscribe("a")
        client.publish("a", 1)
        assert client.take_events(1)[0].data == "1"


def test_events_come_only_after_the_reply_to_the_subscription(server):
    with server.client() as publisher:
        for round_number in range(20):
            with server.client() as client:
                client.send(action="subscribe", id="s", channels=["a"])
                publisher.publish("a", round_number)
                _, first = client.websocket.read_message()
                assert '"type":"subscribed"' in first, first
                offset = json.loads(first)["data"]["channels"][0]["offset"]
                if offset == round_number:
                    assert client.take_events(1)[0].offset == offset + 1
                else:
                    assert offset == round_number + 1
