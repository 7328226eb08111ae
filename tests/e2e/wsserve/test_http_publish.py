"""Proves: an event published by a POST is the same as one from a WebSocket, and a bad one says what is wrong."""

import json
import signal
import sqlite3

import pytest
from harness.deadline import eventually
from harness.websocket import handshake


class Poster:
    """One connection that is kept."""

    def __init__(self, server):
        self.http = server.http()

    def post(self, target, body, content_type="application/json", method="POST"):
        body = body if isinstance(body, bytes) else body.encode()
        self.http.send(
            f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        return self.http.read()

    def publish(self, target, body, content_type="application/json"):
        response = self.post(target, body, content_type)
        assert response.status == 200, response
        return response.json()

    def refused(self, status, target, body, content_type="application/json"):
        response = self.post(target, body, content_type)
        assert response.status == status, response
        return response.json()["error"]


@pytest.fixture(params=["memory", "store"])
def server(request, stage, tmp_path):
    return stage.server(*(["--store", tmp_path / "e.db"] if request.param == "store" else []))


@pytest.fixture
def poster(server):
    return Poster(server)


NDJSON = "application/x-ndjson"


def test_the_body_is_the_data_byte_for_byte(server, poster):
    data = '{ "b":1.50, "a":123456789012345678901234567890,"c":"\\u00e9" }'
    with server.client() as reader:
        reader.subscribe("a/b")
        ack = poster.publish("/publish/a/b?type=trade&key=AAPL&timestamp=2026-01-02T03:04:05Z", data)
        assert ack == {"channel": "a/b", "offset": 1, "epoch": ack["epoch"]}
        event = reader.take_events(1)[0]
        assert (event.type, event.key, event.timestamp) == ("trade", "AAPL", "2026-01-02T03:04:05Z")
        assert event.data == data


def test_a_plain_text_becomes_a_string(server, poster):
    with server.client() as reader:
        reader.subscribe("a")
        poster.publish("/publish/a", 'says "hi"\n', "text/plain; charset=utf-8")
        event = reader.take_events(1)[0]
        assert (event.type, json.loads(event.data)) == ("message", 'says "hi"\n')


# S9: what fetch(url, {method: "POST", body: JSON.stringify(x)}) sends.
def test_json_that_calls_itself_a_text_is_json(server, poster):
    with server.client() as reader:
        reader.subscribe("a")
        for query, body, content_type, data in [
            ("", '{"price":1.50}', "text/plain;charset=UTF-8", '{"price":1.50}'),
            ("", "42\n", "text/plain", "42"),
            ("", "hello", "text/plain", '"hello"'),
            ("", "{not json", "text/plain", '"{not json"'),
            ("?as=text", "42", "text/plain", '"42"'),
            ("?as=text", "42", "application/json", '"42"'),
            ("?as=json", "42", "text/plain", "42"),
        ]:
            poster.publish(f"/publish/a{query}", body, content_type)
            assert reader.take_events(1)[0].data == data, (query, body, content_type)
        poster.publish("/publish/a?as=text", "1\r\n\nit is\n", NDJSON)
        assert [event.data for event in reader.take_events(2)] == ['"1"', '"it is"']
    assert "byte 0" in poster.refused(400, "/publish/a?as=json", "hello", "text/plain")["message"]
    assert "?as=text" in poster.refused(400, "/publish/a", "hello")["message"]
    assert "is not text or json" in poster.refused(400, "/publish/a?as=xml", "1")["message"]


# F10: the bytes of a packed body are not what was meant.
def test_a_packed_body_is_refused(server):
    with server.http() as http:
        http.send(
            b"POST /publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n"
            b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n\x1f\x8b"
        )
        response = http.read()
        assert (response.status, response.headers["accept-encoding"]) == (415, "identity")
        http.send(
            b"POST /publish/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
            b"2\r\n\x1f\x8b\r\n0\r\n\r\n"
        )
        assert http.read().status == 501
        assert http.ended()
    assert server.stats()["published"] == 0


def test_each_line_is_an_event(server, poster):
    lines = [
        '{"type":"trade","data":{"n":1},"key":"k"}',
        '{"n":2}',
        "",
        "3",
        '{"type":"x","channel":"elsewhere","offset":9,"timestamp":"2026-01-02T03:04:05Z","data":4}',
    ]
    with server.client() as reader:
        reader.subscribe("**")
        acks = poster.publish("/publish/a?type=default", "\n".join(lines), NDJSON)
        assert [ack["offset"] for ack in acks] == [1, 2, 3, 4]
        events = reader.take_events(4)
        assert [(e.channel, e.type, e.data) for e in events] == [
            ("a", "trade", '{"n":1}'),
            ("a", "default", '{"n":2}'),
            ("a", "default", "3"),
            ("a", "x", "4"),
        ]
        assert events[3].timestamp == "2026-01-02T03:04:05Z"


def test_lines_are_answered_with_an_array_even_if_there_is_one(poster):
    assert [ack["offset"] for ack in poster.publish("/publish/a", "1\n", NDJSON)] == [1]


def test_a_post_repeated_under_its_dedup_id_is_published_once(poster):
    first = poster.publish("/publish/a?dedup=order-1", "1")
    again = poster.publish("/publish/a?dedup=order-1", "1")
    assert again == {**first, "duplicate": True}


def test_a_client_that_waits_to_be_asked_for_its_body_is(server):
    head = "POST /publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    with server.http() as http:
        for offset in (1, 2):
            http.send(head)
            assert http.read(head_only=True).status == 100
            http.send("123")
            assert http.read().json()["offset"] == offset
        # Who did not wait is not asked; who sent two ahead is asked for the second one.
        http.send(head + "123" + head)
        assert http.read().json()["offset"] == 3
        assert http.read(head_only=True).status == 100
        http.send("123")
        assert http.read().json()["offset"] == 4


def test_posts_sent_ahead_are_answered_in_their_order(server):
    with server.http() as http:
        for number in range(50):
            body = str(number)
            http.send(
                f"POST /publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            )
        http.send("GET /history/a HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert [http.read().json()["offset"] for _ in range(50)] == list(range(1, 51))
        assert [event["data"] for event in http.read().json()] == list(range(50))


@pytest.mark.parametrize(
    "what_opens, status",
    [(handshake("/ws/a"), 101), (b"GET /events/a HTTP/1.1\r\nHost: localhost\r\n\r\n", 200)],
    ids=["websocket", "event stream"],
)
def test_what_opens_may_be_sent_behind_a_post(server, poster, what_opens, status):
    with server.http() as http:
        http.send(b"POST /publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1" + what_opens)
        assert http.read().json()["offset"] == 1
        assert http.read(head_only=True).status == status
        server.wait_for_subscriptions(1)
        assert poster.publish("/publish/a", "2")["offset"] == 2


def test_nothing_is_accepted_once_those_who_listen_are_about_to_leave(stage, tmp_path):
    store, config = tmp_path / "e.db", tmp_path / "wsserve.toml"
    config.write_text('[[channel]]\npattern = "live/*"\ndurable = false\n')
    server = stage.server("--store", store, "--config", config, "--drain", "1h")
    poster, client = Poster(server), server.client()
    poster.publish("/publish/live/a", "1")
    # An event that waits for the store keeps everybody from leaving.
    other = sqlite3.connect(store, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    client.send(action="publish", channel="a", type="t", data=1)
    eventually(lambda: server.stats()["store"]["queued_events"] == 1, "the event waits")
    server.process.signal(signal.SIGTERM)
    refused = eventually(
        lambda: (answer := poster.post("/publish/live/a", "1")).status != 200 and answer, "the server drains"
    )
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["error"]["code"] == "UNAVAILABLE"
    other.execute("ROLLBACK")
    client.events_until_closed(1001)
    client.websocket.abort()
    poster.http.socket.close()
    assert server.process.wait() == 0


@pytest.mark.parametrize(
    "target, body, content_type, status, code, says",
    [
        ("/publish/a", "{", "application/json", 400, "BAD_JSON", "byte 1"),
        ("/publish/a", "", "application/json", 400, "BAD_JSON", "byte 0"),
        ("/publish/a", '1},{"channel":"b","data":2', "application/json", 400, "BAD_JSON", "byte 1"),
        ("/publish/a", '{"n":1}\n{"n":', NDJSON, 400, "BAD_JSON", "line 2"),
        ("/publish/a", "\n\n", NDJSON, 400, "BAD_EVENT", "no line"),
        ("/publish/a", '1\n{"data":1,"dedupe":"x"}', NDJSON, 400, "BAD_COMMAND", 'line 2: an event has no member "dedupe"'),
        ("/publish/a", '{"data":1,"key":"x","key":"y"}', NDJSON, 400, "BAD_COMMAND", "twice"),
        ("/publish/a?dedupe=x", "1", "application/json", 400, "BAD_REQUEST", "did you mean dedup?"),
        ("/publish/a?dedup=x&dedup=y", "1", "application/json", 400, "BAD_REQUEST", "dedup= stands there twice"),
        ("/publish/a", '1\n\n{"type":"no type","data":1}', NDJSON, 400, "BAD_EVENT", "line 3: the type"),
        ("/publish/a", b'"\xff"', "application/json", 400, "BAD_JSON", "UTF-8"),
        ("/publish/a?type=no%20type", "1", "application/json", 400, "BAD_EVENT", "type"),
        ("/publish/a?timestamp=yesterday", "1", "application/json", 400, "BAD_EVENT", "timestamp"),
        ("/publish/a?key=%ff", "1", "application/json", 400, "BAD_EVENT", "UTF-8"),
        ("/publish/a/*", "1", "application/json", 400, "BAD_CHANNEL", "*"),
        ("/publish/@all", "1", "application/json", 403, "FORBIDDEN", "@all"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_published(server, poster, target, body, content_type, status, code, says):
    error = poster.refused(status, target, body, content_type)
    assert error["code"] == code and says in error["message"], error
    assert server.stats()["published"] == 0
    poster.publish("/publish/a", "1")


def test_one_event_is_not_called_a_batch(poster):
    assert poster.refused(400, "/publish/a?type=no%20type", "1")["message"].startswith("the type")


def test_only_a_post_publishes(poster):
    response = poster.post("/publish/a", "1", method="GET")
    assert (response.status, response.headers["allow"]) == (405, "POST, OPTIONS")


def test_a_body_that_is_too_long_is_refused(poster):
    assert poster.refused(413, "/publish/a", "1" * (1 << 21))["code"] == "TOO_LARGE"


def test_lines_of_any_ending_are_there_after_a_restart(stage, tmp_path):
    options = ("--store", tmp_path / "events.db")
    server = stage.server(*options)
    lines = b'{"price":1}\r\n  {"price":2}\t \n[3] \r\n' + b'{"data":{"price":4}}\r\n'
    assert len(Poster(server).publish("/publish/o", lines, NDJSON)) == 4
    deepest = "[" * 511 + "]" * 511
    Poster(server).publish("/publish/o", deepest)
    assert "nested" in Poster(server).refused(400, "/publish/o", f"[{deepest}]")["message"]
    server.stop()
    server = stage.server(*options)
    events = server.get("/history/o").json()
    assert [event["data"] for event in events[:4]] == [{"price": 1}, {"price": 2}, [3], {"price": 4}]
    assert len(events) == 5
    assert "degraded" not in server.get("/readyz").json()
