"""Proves: missed events are replayed before live ones, without hole or repetition, or are declared as gone."""

import json
import threading

from harness.client import Event


def publish_numbers(client, channel, numbers):
    return [client.publish(channel, number) for number in numbers]


def offsets(events):
    return [event.offset for event in events]


def after(ack):
    return {"offset": ack["offset"], "epoch": ack["epoch"]}


def test_missed_events_come_after_the_reply_and_before_the_live_ones(server):
    with server.client() as client, server.client() as publisher:
        acks = publish_numbers(publisher, "a", range(10))
        entry = client.subscribe("a", since=after(acks[3]))["channels"][0]
        assert (entry["recovered"], entry["replayed"], entry["offset"]) == (True, 6, 10)
        publisher.publish("a", 10)
        assert offsets(client.take_events(7)) == list(range(5, 12))


def test_no_hole_and_no_repetition_at_the_seam(stage):
    server = stage.server("--threads", "4", "--history", "5000", "--queue-limit", "64MiB")
    total = 3000
    publisher = server.client()

    def publish():
        for number in range(total):
            publisher.send(action="publish", channel="a", type="t", data=number)
        publisher.still_works()

    thread = threading.Thread(target=publish)
    thread.start()
    clients = []
    for number in range(30):
        client = server.client()
        client.subscribe("a" if number % 2 else "*", since="start")
        clients.append(client)
    for client in clients:
        assert offsets(client.wait_for_events(total)) == list(range(1, total + 1))
        client.websocket.abort()
    thread.join()


def test_what_has_left_the_history_is_declared(stage):
    server = stage.server("--history", "5")
    with server.client() as client:
        acks = publish_numbers(client, "a", range(20))
        entry = client.subscribe("a", since=after(acks[9]))["channels"][0]
        assert entry["recovered"] is False and entry["oldest"] == 16
        assert offsets(client.take_events(5)) == [16, 17, 18, 19, 20]
        again = client.command("unsubscribe", channels=["a"])
        assert again["type"] == "unsubscribed"
        entry = client.subscribe("a", since=after(acks[14]))["channels"][0]
        assert (entry["recovered"], entry["replayed"]) == (True, 5)


def test_a_pattern_replays_each_of_its_channels(server):
    with server.client() as client, server.client() as publisher:
        one = publish_numbers(publisher, "m/one", range(5))
        two = publish_numbers(publisher, "m/two", range(5))
        positions = {"m/one": after(one[1]), "m/two": after(two[4])}
        entry = client.subscribe("m/*", since={"positions": positions})["channels"][0]
        assert (entry["recovered"], entry["replayed"]) == (True, 3)
        assert [(e.channel, e.offset) for e in client.take_events(3)] == [("m/one", n) for n in (3, 4, 5)]


def test_positions_as_text_in_the_address(server):
    with server.client() as publisher:
        epoch = publish_numbers(publisher, "a", range(10))[0]["epoch"]
        for since, first in (("start", 1), ("7", 8), (f"{epoch}:4", 5), ("-3", 8), ("-1h", 1)):
            with server.client(f"/ws/a?since={since}") as client:
                assert offsets(client.take_events(11 - first)) == list(range(first, 11)), since


def test_replayed_events_are_the_same_bytes(server):
    data = '{"z":1e400,"a":12345678901234567890,"s":"\\u00e9"}'
    with server.client("/ws/a") as live:
        live.publish_text("a", data)
        first = live.take_events(1)[0].text
        with server.client("/ws/a?since=start") as late:
            assert late.take_events(1)[0].text == first
        with server.open("/ws/a?since=start", deflate="permessage-deflate") as compressing:
            while '"offset":1,"timestamp"' not in (text := compressing.read_message()[1]):
                pass
            assert text == first
        assert server.get("/history/a").body.decode() == f"[{first}]\n"
        reply = live.command("history", channel="a")
        assert reply["data"]["offset"] == reply["data"]["oldest"] == 1


def test_filters_hold_for_what_is_replayed(server):
    with server.client() as client:
        for kind in ("wanted", "other", "wanted"):
            client.publish("a", None, type=kind)
        client.subscribe("a", since="start", events=["wanted"])
        assert offsets(client.take_events(2)) == [1, 3]


def test_the_history_over_http(server):
    with server.client("/ws/a") as client:
        publish_numbers(client, "a", range(10))
        live = [event.text for event in client.take_events(10)]
    assert server.get("/history/a").body.decode() == "[" + ",".join(live) + "]\n"
    page = server.get("/history/a?since=2&limit=3")
    assert offsets(Event(json.dumps(e, separators=(",", ":"))) for e in page.json()) == [3, 4, 5]
    assert server.get("/history/never").status == 404
    assert server.get("/history/a%20b").status == 400
    assert server.get("/history/a?limit=x").status == 400
    with server.http() as http:
        http.send("GET /history/a HTTP/1.1\r\nHost: x\r\nAccept: application/x-ndjson\r\n\r\n")
        response = http.read()
        assert response.headers["content-type"] == "application/x-ndjson"
        assert response.body.decode().splitlines() == live


def test_an_event_sent_again_is_published_once(server):
    with server.client() as client, server.client() as other:
        client.subscribe("a")
        first = client.publish("a", 1, dedup="x:1")
        assert "duplicate" not in first
        again = other.publish("a", 1, dedup="x:1")
        assert again == first | {"duplicate": True}
        assert other.publish("a", 2, dedup="x:2")["offset"] == 2
        assert other.publish("b", 1, dedup="x:1")["offset"] == 1, "each channel has its own"
        assert offsets(client.take_events(2)) == [1, 2]
        batch = [{"channel": "a", "type": "t", "data": n, "dedup": f"x:{n}"} for n in (2, 3, 3)]
        acks = client.command("publish", events=batch)["data"]
        assert [(ack["offset"], ack.get("duplicate", False)) for ack in acks] == [
            (2, True),
            (3, False),
            (3, True),
        ]
        assert server.stats()["published"] == 4


def test_memory_is_bounded(stage):
    server = stage.server("--history", "1000000", "--history-bytes", "1MiB", "--history-total", "4MiB")
    with server.client() as client:
        for number in range(200):
            client.publish(f"c/{number % 8}", "x" * 100_000)
        reply = client.command("history", channel="c/0", since="start")["data"]
        assert 0 < len(reply["events"]) <= 11 and reply["oldest"] > 1
