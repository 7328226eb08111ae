"""Proves: `wskit.v1.cbor` says in CBOR what JSON says, to a library that nobody here wrote (Debian's cbor2)."""

import cbor2
import pytest
from harness import frames

CBOR = [("Sec-WebSocket-Protocol", "other, wskit.v1.cbor, wskit.v1.json")]
EMBEDDED_JSON = 262


class CborClient:
    """Commands and messages in CBOR."""

    def __init__(self, server, path="/ws"):
        self.websocket = server.open(path, headers=CBOR)
        self.connected = self.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.websocket.abort()

    def send(self, message):
        self.websocket.send_frame(frames.BINARY, cbor2.dumps(message))

    def read(self):
        opcode, payload = self.websocket.read_message()
        assert opcode == frames.BINARY
        return cbor2.loads(payload)

    def read_until(self, kind):
        while (message := self.read())["type"] != kind:
            pass
        return message


def embedded(text):
    return cbor2.CBORTag(EMBEDDED_JSON, text.encode())


def test_replies_and_events_say_the_same_as_in_json(server):
    with CborClient(server) as cbor, server.client() as json:
        assert cbor.websocket.response.headers["sec-websocket-protocol"] == "wskit.v1.cbor"
        assert cbor.connected["type"] == "connected"
        assert cbor.connected["data"].keys() == json.connected.keys()
        cbor.send({"action": "subscribe", "id": 7, "channels": ["a/*"], "matched": True})
        subscribed = cbor.read_until("subscribed")
        assert subscribed["id"] == 7
        assert subscribed["data"]["channels"][0]["channel"] == "a/*"
        json.publish_text("a/b", '{"n":  1.50}')
        event = cbor.read_until("message")
        assert event["channel"] == "a/b" and event["offset"] == 1
        assert event["data"] == embedded('{"n":  1.50}'), "not a byte of it was changed"


def test_publishes_what_others_get_as_it_was_written(server):
    with CborClient(server) as cbor, server.client() as json:
        json.subscribe("a")
        data = embedded('{"z":1.10,"a":[ ]}')
        cbor.send({"action": "publish", "id": "x", "channel": "a", "key": "k", "data": data})
        published = cbor.read_until("published")
        assert (published["id"], published["data"]["offset"]) == ("x", 1)
        values = [{"n": [1, -2, 0.5, None, "é\n"]}, embedded("null")]
        batch = [{"channel": "a", "data": value} for value in values]
        cbor.send({"action": "publish", "id": 2, "events": batch})
        assert [one["offset"] for one in cbor.read_until("published")["data"]] == [2, 3]
        events = json.take_events(3)
        assert [event.data for event in events] == ['{"z":1.10,"a":[ ]}', '{"n":[1,-2,0.5,null,"é\\n"]}', "null"]
        assert events[0].key == "k"


def test_histories_and_recoveries_keep_the_data_as_well(server):
    with server.client() as json:
        for number in range(3):
            json.publish_text("a", f'{{"n": {number}}}')
    expected = [embedded(f'{{"n": {number}}}') for number in range(3)]
    with CborClient(server) as cbor:
        cbor.send({"action": "history", "id": 1, "channel": "a"})
        page = cbor.read_until("history")["data"]
        assert [event["data"] for event in page["events"]] == expected
        cbor.send({"action": "subscribe", "id": 2, "channels": ["a"], "since": "start"})
        assert cbor.read_until("subscribed")["data"]["channels"][0]["replayed"] == 3
        assert [cbor.read()["data"] for _ in range(3)] == expected


def test_everyone_gets_a_burst_in_the_form_of_his_own(server):
    with (
        CborClient(server, "/ws/a") as one,
        CborClient(server, "/ws/**") as other,
        server.client("/ws/a") as json,
    ):
        for client in (one, other):
            client.send({"action": "ping"})
            client.read_until("pong")
        with server.client() as publisher:
            for number in range(200):
                publisher.send(action="publish", channel="a", data=number)
        assert [event.data for event in json.take_events(200)] == [str(number) for number in range(200)]
        expected = [embedded(str(number)) for number in range(200)]
        for client in (one, other):
            assert [client.read()["data"] for _ in range(200)] == expected


@pytest.mark.parametrize(
    "message, code",
    [
        (b"\xff", "BAD_JSON"),
        (b"\x81" * 100_000, "BAD_JSON"),
        (cbor2.dumps({"action": "publish", "channel": "a", "data": b"bytes"}), "BAD_JSON"),
        (cbor2.dumps({"action": "publish", "channel": "a", "data": embedded("{")}), "BAD_JSON"),
        (cbor2.dumps({"action": "publish", "channel": "a", "data": float("nan")}), "BAD_JSON"),
        (cbor2.dumps([]), "BAD_COMMAND"),
        (cbor2.dumps({"action": "fly", "id": 1}), "BAD_COMMAND"),
    ],
    ids=["a break", "too deep", "bytes", "no JSON", "not a number", "no object", "no action"],
)
def test_what_is_no_command_is_refused_and_hurts_nobody(server, message, code):
    with CborClient(server) as cbor:
        cbor.websocket.send_frame(frames.BINARY, message)
        assert cbor.read_until("error")["data"]["code"] == code
        cbor.send({"action": "ping", "id": 1})
        assert cbor.read_until("pong")["id"] == 1


def test_a_text_message_ends_a_connection_of_cbor(server):
    with CborClient(server) as cbor:
        cbor.websocket.send_text('{"action":"ping"}')
        assert cbor.websocket.read_close()[0] == 1003


def test_echo_speaks_no_dialect(stage):
    with stage.server("--echo").open("/echo", headers=CBOR) as websocket:
        assert websocket.response.headers["sec-websocket-protocol"] == "wskit.v1.json"
        websocket.send_text("hello")
        assert websocket.read_message() == (frames.TEXT, "hello")


def test_without_the_subprotocol_it_is_json(server):
    with server.open(headers=[("Sec-WebSocket-Protocol", "wskit.v1.json, wskit.v1.cbor")]) as websocket:
        assert websocket.response.headers["sec-websocket-protocol"] == "wskit.v1.json"
        assert websocket.read_message()[0] == frames.TEXT


def test_ids_that_cbor_would_change_come_back_as_they_were(server):
    with CborClient(server) as cbor:
        for identity in ("-0", "1e999", "12345678901234567890123", '"\\ud800"'):
            cbor.send({"action": "ping", "id": embedded(identity)})
            assert cbor.read_until("pong")["id"] == embedded(identity)
        cbor.send({"action": "ping", "id": 5.0})
        identity = cbor.read_until("pong")["id"]
        assert identity == 5 and isinstance(identity, float)


def test_a_message_that_is_too_large_as_json_is_refused(stage):
    server = stage.server("--max-message", "1KiB")
    with CborClient(server) as cbor:
        cbor.send({"action": "publish", "id": 1, "channel": "a", "data": [False] * 800})
        assert cbor.read_until("error")["data"]["code"] == "TOO_LARGE"
        cbor.send({"action": "ping", "id": 2})
        assert cbor.read_until("pong")["id"] == 2


def test_a_history_of_the_deepest_events_is_whole(server):
    deepest = "[" * 511 + "]" * 511
    with server.client() as json:
        json.publish_text("a", deepest)
        json.publish_text("a", "1")
    with CborClient(server) as cbor:
        cbor.send({"action": "history", "id": 1, "channel": "a"})
        events = cbor.read_until("history")["data"]["events"]
        assert [event["data"] for event in events] == [embedded(deepest), embedded("1")]
