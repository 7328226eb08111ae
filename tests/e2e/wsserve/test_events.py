"""Proves: a stream of server-sent events brings what a WebSocket brings, and its ids bring a reader back."""

import random
import time
from urllib.parse import unquote

import pytest
from harness.deadline import eventually
from harness.event_source import EventSource


@pytest.fixture(params=["memory", "store"])
def server(request, stage, tmp_path):
    return stage.server(*(["--store", tmp_path / "e.db"] if request.param == "store" else []))


def open_stream(server, path, last_id=None, **options):
    return EventSource(server.address, path, last_id, **options)


def seen(messages):
    return [(message.event.channel, message.event.offset) for message in messages]


def refusal(server, path, status):
    response = server.get(path)
    assert response.status == status, response
    return response.json()["error"]


def test_an_event_comes_whole_with_its_position_as_the_id(server):
    with server.client() as publisher, open_stream(server, "/events/market/AAPL") as stream:
        entry = stream.subscribed()["channels"][0]
        assert (entry["channel"], entry["offset"], entry["replayed"]) == ("market/AAPL", 0, 0)
        ack = publisher.publish_text("market/AAPL", '{"n":12345678901234567890,\n  "b":[1, 2]}', "trade")
        message = stream.take(1)[0]
        assert message.name == "message"
        assert message.event.type == "trade" and message.event.channel == "market/AAPL"
        assert message.event.data == '{"n":12345678901234567890,   "b":[1, 2]}', "on one line"
        assert message.last_id == f"{ack['epoch']}:1"
        assert 1000 <= stream.retry <= 3000


def test_listeners_of_one_type_can_be_had(server):
    with server.client() as publisher, open_stream(server, "/events/a?named=true") as stream:
        stream.subscribed()
        publisher.publish("a", 1, type="trade")
        assert stream.take(1)[0].name == "trade"


def test_what_was_missed_comes_first(server):
    with server.client() as publisher:
        for number in range(5):
            publisher.publish("a", number)
        with open_stream(server, "/events/a?since=-2") as stream:
            entry = stream.subscribed()["channels"][0]
            assert entry["recovered"] and entry["replayed"] == 2
            publisher.publish("a", 5)
            assert seen(stream.take(3)) == [("a", 4), ("a", 5), ("a", 6)]


@pytest.mark.parametrize(
    "path", ["/events/a/b", "/events/a/*?since=start", "/events?channel=a/b&channel=a/c"]
)
def test_a_reader_comes_back_to_the_event_behind_its_last_id(server, path):
    """Cut after each event in turn, the reader misses none and sees none twice."""
    with server.client() as publisher:
        expected, got, last_id = [], [], None
        for round_number in range(6):
            with open_stream(server, path, last_id) as stream:
                stream.subscribed()
                for channel in ["a/b", "a/c"] if path != "/events/a/b" else ["a/b"]:
                    expected.append((channel, publisher.publish(channel, round_number)["offset"]))
                got += seen(stream.take(len(expected) - len(got)))
                last_id = stream.last_id
            # While nobody reads; from the third round on a channel that was not there before.
            away = ["a/b"] + (["a/new"] if round_number > 2 and "*" in path else [])
            for channel in away:
                expected.append((channel, publisher.publish(channel, "away")["offset"]))
        with open_stream(server, path, last_id) as stream:
            assert stream.subscribed()["channels"][0]["recovered"]
            got += seen(stream.take(len(expected) - len(got)))
            for channel in {channel for channel, _ in expected}:
                assert [each for each in got if each[0] == channel] == [
                    each for each in expected if each[0] == channel
                ]


@pytest.mark.parametrize("path", ["/events/a", "/events/*"])
def test_a_reader_that_saw_no_event_yet_misses_none(server, path):
    with server.client() as publisher:
        publisher.publish("a", "before")
        with open_stream(server, path + "?heartbeat=0.1") as stream:
            stream.subscribed()
            stream.wait_for_comment()
            assert stream.last_id
        publisher.publish("a", "while away")
        with open_stream(server, path, stream.last_id) as again:
            assert seen(again.take(1)) == [("a", 2)]


# H3: what a page cannot put into a header would end its stream for good.
def test_an_id_is_ascii_whatever_the_channels_are_called(server):
    names = ("žluť/100%", "x")
    with server.client() as publisher:
        with EventSource(server.address, "/events?channel=%C5%BElu%C5%A5/100%25&channel=x") as stream:
            stream.subscribed()
            for name in names:
                publisher.publish(name, 1)
            assert [each.event.channel for each in stream.take(2)] == list(names)
            last = stream.last_id
        assert last.isascii(), last
        publisher.publish(names[0], 2)
        for form in (last, unquote(last)):
            with EventSource(server.address, "/events?channel=%C5%BElu%C5%A5/100%25&channel=x", last_id=form) as stream:
                stream.subscribed()
                event = stream.take(1)[0].event
                assert (event.channel, event.data) == (names[0], "2"), form


def test_what_is_gone_is_declared(stage):
    server = stage.server("--history", "3")
    with server.client() as publisher:
        epoch = publisher.publish("a", 0)["epoch"]
        for number in range(1, 10):
            publisher.publish("a", number)
        for path in ("/events/a", "/events/*"):
            with open_stream(server, path, f"*{epoch}:2=a" if "*" in path else f"{epoch}:2") as stream:
                entry = stream.subscribed()["channels"][0]
                assert not entry["recovered"] and entry["replayed"] == 3
                gap = stream.read()
                assert gap.name == "@gap"
                assert gap.control == {"channel": "a", "offset": 10, "epoch": epoch, "oldest": 8}
                assert seen(stream.take(3)) == [("a", 8), ("a", 9), ("a", 10)]


def test_only_the_wanted_types_come(server):
    with server.client() as publisher, open_stream(server, "/events/a?events=x,y") as stream:
        assert stream.subscribed()["events"] == ["x", "y"]
        for kind in ("x", "z", "y"):
            publisher.publish("a", 1, type=kind)
        assert [message.event.type for message in stream.take(2)] == ["x", "y"]
        assert server.stats()["filtered"] == 1


def test_a_rate_merges_and_says_so(server):
    with server.client() as publisher, open_stream(server, "/events/a?max_rate=2") as stream:
        stream.subscribed()
        for number in range(20):
            publisher.publish("a", number, key="k")
        got, last = [], 0
        while last < 20:
            message = stream.take(1)[0]
            last = message.event.offset
            got.append(message)
        assert len(got) < 20 and '"merged":' in got[-1].data


def test_a_rate_does_not_make_ids_skip_what_waits(server):
    """One key waits for its time, and what comes behind it waits with it; the reader is cut and comes back."""
    with server.client() as publisher, open_stream(server, "/events/a?max_rate=0.01&heartbeat=0.1") as stream:
        stream.subscribed()
        publisher.publish("a", 1, key="slow")
        publisher.publish("a", 2, key="slow")
        publisher.publish("a", 3, key="other")
        assert seen(stream.take(1)) == [("a", 1)]
        stream.wait_for_comment()
        stream.wait_for_comment()
        assert stream.last_id.endswith(":1")
        last_id = stream.last_id
    with open_stream(server, "/events/a", last_id) as stream:
        assert seen(stream.take(2)) == [("a", 2), ("a", 3)]


def test_a_silent_stream_is_kept_alive(stage):
    server = stage.server("--heartbeat", "100ms")
    with open_stream(server, "/events/a") as stream:
        stream.subscribed()
        for _ in range(3):
            stream.wait_for_comment()


def test_a_slow_reader_is_cut_and_comes_back_without_a_gap(stage):
    server = stage.server("--queue-limit", "256KiB")
    with server.client() as publisher:
        slow = open_stream(server, "/events/a", receive_buffer=4096)
        slow.subscribed()
        published = 0

        def settled():
            """Whether the last one came to the stream: what is published meanwhile might come behind its end."""
            stats = server.stats()
            gone = stats["event_streams"] == 0
            return stats if gone or stats["delivered"] + stats["dropped"] == published else None

        while eventually(settled, "the event is counted")["event_streams"] == 1 and published < 1000:
            published += 1
            publisher.publish("a", "x" * 20_000)
        stats = eventually(
            lambda: (now := server.stats()) and now["event_streams"] == 0 and now, "the slow reader is gone"
        )
        assert stats["dropped"] > 0 and stats["closed_slow"] == 1
        got = seen(slow.take_until_end())
        assert got == [("a", offset) for offset in range(1, len(got) + 1)] and len(got) < published
        slow.socket.close()
        # One may have been published between the cut and the look at it.
        assert (
            len(got) <= stats["delivered"]
            and published - 1 <= stats["delivered"] + stats["dropped"] <= published
        )
        with open_stream(server, "/events/a", slow.last_id) as stream:
            assert stream.subscribed()["channels"][0]["recovered"]
            assert seen(stream.take(published - len(got))) == [
                ("a", offset) for offset in range(len(got) + 1, published + 1)
            ]
        eventually(lambda: server.stats()["queued_bytes"] == 0, "nothing waits any more")


def test_many_channels_are_read_without_a_hole_wherever_the_stream_is_cut(stage):
    """More channels than an id can hold: what comes again has been seen, and nothing is missed."""
    server = stage.server()
    pick = random.Random(20261121)
    names = [f"market/{'x' * 30}/{number}" for number in range(400)]
    with server.client() as publisher:
        got, newest, last_id = set(), {}, None
        for _ in range(6):
            with open_stream(server, "/events/market/**?since=start", last_id) as stream:
                stream.subscribed()
                for _ in range(300):
                    name = pick.choice(names)
                    newest[name] = publisher.publish(name, "y" * 50)["offset"]
                for message in stream.take(pick.randrange(250)):
                    got.add((message.event.channel, message.event.offset))
                last_id = stream.last_id
                assert len(last_id) < 4200
        wanted = {(name, offset) for name, last in newest.items() for offset in range(1, last + 1)}
        with open_stream(server, "/events/market/**?since=start", last_id) as stream:
            while got != wanted:
                got |= set(seen(stream.take(1)))


def test_a_leaving_server_says_when_to_come_back(stage):
    server = stage.server()
    with open_stream(server, "/events/a") as stream:
        stream.subscribed()
        server.stop()
        last = stream.take_until_end()[-1]
        assert last.name == "@close" and last.control["code"] == 1001
        assert last.control["reason"] == f"reconnect after {stream.retry} ms"


def test_a_restarted_server_with_a_store_goes_on(stage, tmp_path):
    server = stage.server("--store", tmp_path / "e.db")
    with server.client() as publisher:
        publisher.publish("a", 1)
        with open_stream(server, "/events/*?since=start") as stream:
            stream.take(1)
            last_id = stream.last_id
        publisher.publish("a", 2)
    server.stop()
    server = stage.server("--store", tmp_path / "e.db")
    with server.client() as publisher:
        publisher.publish("b", 1)
        with open_stream(server, "/events/*", last_id) as stream:
            assert stream.subscribed()["channels"][0]["recovered"]
            assert sorted(seen(stream.take(2))) == [("a", 2), ("b", 1)]


def test_a_full_server_ends_the_stream_and_says_when_to_come_back(stage):
    """Another status would end a browser's EventSource for good."""
    server = stage.server("--max-connections", "1")
    with server.client(), open_stream(server, "/events/a") as stream:
        last = stream.take_until_end()[-1]
        assert last.name == "@close" and last.control["code"] == 1013
        assert stream.retry == 10_000
    assert server.stats()["refused"] == 1


def test_refusals_are_answers(server):
    assert refusal(server, "/events/a//b", 400)["code"] == "BAD_CHANNEL"
    assert refusal(server, "/events", 400)["code"] == "BAD_CHANNEL"
    assert refusal(server, "/events/a?since=never", 400)["code"] == "BAD_REQUEST"
    assert refusal(server, "/events/@user/ann", 403)["code"] == "FORBIDDEN"
    with server.http() as http:
        http.send("POST /events/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        response = http.read()
        assert response.status == 405 and "GET" in response.headers["allow"]
        http.send("GET /events/a HTTP/1.1\r\nHost: x\r\nLast-Event-ID: *x\r\n\r\n")
        assert "Last-Event-ID" in http.read().json()["error"]["message"]
        http.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert http.read().status == 200


def test_head_tells_of_the_stream_and_opens_none(server):
    with server.http() as http:
        http.send("HEAD /events/a HTTP/1.1\r\nHost: x\r\n\r\n")
        response = http.read(head_only=True)
        assert response.headers["content-type"] == "text/event-stream"
        assert http.ended()
    assert server.stats()["event_streams"] == 0


def test_a_reader_that_leaves_leaves_nothing(server):
    for _ in range(20):
        with open_stream(server, "/events/a/*?since=start") as stream:
            stream.subscribed()
    eventually(
        lambda: (now := server.stats())
        and (now["event_streams"], now["total_connections"], now["subscriptions"], now["queued_bytes"])
        == (0, 0, 0, 0),
        f"nothing is left: {server.stats()}",
    )


def test_the_position_behind_a_long_replay_waits_for_nobody(stage):
    server = stage.server("--threads", "1", "--heartbeat", "1h", "--history-bytes", "64MiB")
    names = [f"{'p' * 60}/{number}" for number in range(20)]
    events = 400
    with server.client() as publisher:
        for number in range(events):
            publisher.publish(names[number % len(names)], "x" * 20_000)
    waits = []
    for _ in range(5):
        with EventSource(server.address, f"/events/{'p' * 60}/*?since=start") as source:
            source.subscribed()
            source.take(events)
            began = time.monotonic()
            source.wait_for_id()
            waits.append(time.monotonic() - began)
            assert all(f"{events // len(names)}={name}" in source.last_id for name in names)
    # A server that waited for its next deadline took up to ten seconds each time.
    assert min(waits) < 0.5, waits
