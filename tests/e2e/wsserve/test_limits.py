"""Proves: each limit that a flag sets holds, is named when it is reached, and leaves room again afterwards."""

from harness.deadline import eventually


def test_connections(stage):
    server = stage.server("--max-connections", "3")
    clients = [server.client() for _ in range(3)]
    with server.open() as fourth:
        assert fourth.read_close()[0] == 1013
    for client in clients:
        client.still_works()
    clients[0].websocket.close()
    server.wait_for_connections(2)
    with server.client() as client:
        client.still_works()
    assert server.stats()["refused"] >= 1


def test_channels_of_a_connection(stage):
    server = stage.server("--max-channels", "3")
    with server.client() as client:
        client.subscribe("a", "b")
        client.subscribe("c/*")
        client.subscribe("a", "b", "c/*")
        error = client.error("subscribe", channels=["d"])
        assert error["code"] == "TOO_MANY_CHANNELS" and error["details"]["limit"] == 3
        client.unsubscribe("a")
        client.error("subscribe", channels=["d", "e"])
        assert server.stats()["channels"] == 2, "what was refused made no channel"
        client.subscribe("d")


def test_channels_of_the_server(stage):
    server = stage.server("--max-server-channels", "2")
    with server.client() as client:
        client.publish("a")
        client.subscribe("b")
        for action, fields in (
            ("publish", {"channel": "c", "type": "t", "data": 1}),
            ("subscribe", {"channels": ["c"]}),
            ("publish", {"events": [{"channel": name, "type": "t", "data": 1} for name in "abc"]}),
        ):
            error = client.error(action, **fields)
            assert error["code"] == "TOO_MANY_CHANNELS" and error["details"]["limit"] == 2, action
        assert client.publish("a")["offset"] == 2, "of the refused batch nothing was published"
    stats = server.stats()
    assert (stats["command_errors"], stats["refused_subscriptions"]) == (3, 0)


def test_events_of_a_batch(server):
    with server.client() as client:
        events = [{"channel": "a", "type": "t", "data": 1}] * 10_001
        assert client.error("publish", events=events)["code"] == "TOO_LARGE"
        assert len(client.command("publish", events=events[:10_000])["data"]) == 10_000


def test_names_of_one_command(server):
    with server.client() as client:
        names = [f"c/{number}" for number in range(10_001)]
        error = client.error("subscribe", channels=names)
        assert error["code"] == "TOO_MANY_CHANNELS" and error["details"]["limit"] == 10_000
        client.still_works()


def test_bytes_of_a_message(stage):
    server = stage.server("--max-message", "4KiB")
    with server.client() as client:
        client.websocket.send_text('{"action":"ping","id":1}'.ljust(4096))
        assert client.reply(1)["type"] == "pong"
        client.websocket.send_text('{"action":"ping","id":2}'.ljust(4097))
        assert client.websocket.read_close()[0] == 1009
    assert server.stats()["too_large"] == 1


# F18: cookies of other programs on localhost filled 8 KiB.
def test_bytes_of_a_header(stage):
    roomy, narrow = stage.server(), stage.server("--max-header", "2KiB")
    for server, size, status in ((roomy, 30_000, 200), (roomy, 33_000, 431), (narrow, 1_900, 200), (narrow, 2_100, 431)):
        with server.http() as http:
            http.send(f"GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: {'c' * size}\r\n\r\n")
            assert http.read().status == status, size
    for size in ("1023", "61KiB"):
        assert "must be from 1KiB to 60KiB" in stage.run("wsserve", "--max-header", size).stderr


def test_bytes_of_a_body(stage):
    server = stage.server("--max-body", "100")
    for size, status in ((100, 200), (101, 413)):
        with server.http() as http:
            head = f"POST /publish/a HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n"
            http.send(head + "1" * size)
            assert http.read().status == status, size
    assert server.stats()["too_large"] == 1


def test_a_server_full_of_channels_still_serves_them(stage):
    server = stage.server("--max-server-channels", "1")
    with server.client("/ws/**") as client:
        client.publish("only")
        client.error("publish", channel="other", type="t", data=1)
        client.publish("only")
        assert [event.channel for event in client.take_events(2)] == ["only", "only"]
    eventually(lambda: server.stats()["channels"] == 1, "one channel")


def test_bytes_of_all_dedup_ids(stage):
    server = stage.server("--dedup-total", "16KiB")
    with server.client() as client:
        for number in range(200):
            client.publish(f"c/{number % 2}", number, dedup=f"id {number}")
        assert client.publish("c/1", 199, dedup="id 199")["duplicate"]
        assert "duplicate" not in client.publish("c/0", 0, dedup="id 0")
    stats = server.stats()
    assert 0 < stats["dedup_bytes"] <= stats["dedup_max_bytes"] == 16 << 10, stats
    assert stats["dedup_evicted"] > 0
