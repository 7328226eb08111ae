"""Proves: what is sent behind a question that the store answers waits in little memory, and is lost with no promise."""

import contextlib
import fcntl
import json
import signal
import socket

import pytest
from harness import frames
from harness.deadline import eventually
from harness.sanitizer import SANITIZED
from harness.tokens import Issuer, bearer
from harness.websocket import Closed, deflate

MIB = 1 << 20
EVENTS = 8000
LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture
def server(stage, tmp_path):
    """Of the channel's history the memory holds the least part."""
    server = stage.server(
        *("--store", tmp_path / "events.db", "--history", "100000", "--history-total", "16KiB"),
        *("--threads", "1", "--heartbeat", "1h"),
    )
    with server.client() as client:
        for _ in range(EVENTS // 500):
            events = [{"channel": "a", "type": "n", "data": "x" * 1000} for _ in range(500)]
            client.expect("published", client.command("publish", events=events))
    return server


def question(identity, limit=1):
    return json.dumps({"action": "history", "id": identity, "channel": "a", "since": "start", "limit": limit})


def answers(client, count):
    return [json.loads(client.websocket.read_message()[1]) for _ in range(count)]


def in_one_read(server, websocket, raw):
    """The server finds it all when it looks at the socket."""
    server.process.signal(signal.SIGSTOP)
    try:
        websocket.send(raw)
    finally:
        server.process.signal(signal.SIGCONT)


def test_what_waits_is_not_inflated(server):
    commands = 80
    with server.client(deflate="permessage-deflate; client_no_context_takeover") as client:
        raw = frames.encode(frames.TEXT, deflate(question("q")), reserved=frames.RSV1)
        for number in range(commands):
            command = json.dumps({"action": "ping", "id": number}) + " " * 1_000_000
            raw += frames.encode(frames.TEXT, deflate(command), reserved=frames.RSV1)
        assert len(raw) < 128 << 10, "what the server reads at a time"
        base = server.peak_bytes()
        in_one_read(server, client.websocket, raw)
        assert [answer["id"] for answer in answers(client, commands + 1)] == ["q", *range(commands)]
        if not SANITIZED:
            assert server.peak_bytes() - base < 24 * MIB, "80 MB were never there"


def test_many_questions_among_other_commands_are_answered_in_their_order(server):
    with server.client() as client:
        raw, expected = b"", []
        for number in range(300):
            raw += frames.encode(frames.TEXT, question(f"q{number}"))
            raw += frames.encode(frames.TEXT, json.dumps({"action": "ping", "id": f"p{number}"}))
            expected += [f"q{number}", f"p{number}"]
        in_one_read(server, client.websocket, raw)
        assert [answer["id"] for answer in answers(client, len(expected))] == expected


def test_a_frame_of_which_a_part_waits_is_whole_in_the_end(server):
    with server.client() as client:
        ping = frames.encode(frames.TEXT, '{"action":"ping","id":"p"}')
        for cut in range(1, len(ping)):
            in_one_read(server, client.websocket, frames.encode(frames.TEXT, question("q")) + ping[:cut])
            client.websocket.send(ping[cut:])
            assert [answer["id"] for answer in answers(client, 2)] == ["q", "p"]


def test_one_who_closes_behind_its_question_is_answered_first(server):
    with server.client() as client:
        raw = frames.encode(frames.TEXT, question("q"))
        raw += frames.encode(frames.CLOSE, frames.close_payload(1000))
        raw += frames.encode(frames.TEXT, '{"action":"publish","id":"late","channel":"b","type":"n"}')
        in_one_read(server, client.websocket, raw)
        assert answers(client, 1)[0]["id"] == "q"
        assert client.websocket.read_close()[0] == 1000
    assert server.get("/history/b").status == 404, "nothing is carried out behind the end"


def test_a_server_that_leaves_acknowledges_nothing_that_its_subscribers_do_not_get(server):
    questions = 20
    with server.client() as subscriber, server.client() as publisher:
        subscriber.subscribe("b")
        raw = b"".join(frames.encode(frames.TEXT, question(n, 1000)) for n in range(questions))
        raw += frames.encode(frames.TEXT, '{"action":"publish","id":"late","channel":"b","type":"n","data":1}')
        before = server.stats()["commands"]
        in_one_read(server, publisher.websocket, raw)
        eventually(lambda: server.stats()["commands"] > before, "the first question is asked")
        server.process.signal(signal.SIGTERM)
        try:
            publisher.reply("late")
            acknowledged = 1
        except Closed as closed:
            assert closed.code == 1001
            acknowledged = 0
        delivered = len(subscriber.events_until_closed(1001))
        assert delivered >= acknowledged
    assert server.process.wait() == 0


def forgetful_server(stage, database, *options):
    """What its memory holds of a history is next to nothing: the store is asked."""
    return stage.server("--store", database, "--history", "100000", "--history-total", "1KiB", *options)


def fill(client, events, size):
    for _ in range(events):
        client.publish("a", "x" * size)


@contextlib.contextmanager
def no_reads(database):
    """Nobody can begin to read the file meanwhile; SQLite tries again for some ten seconds."""
    # The read marks of the write-ahead log: https://sqlite.org/walformat.html#wal_locks
    with open(f"{database}-shm", "r+b") as shared:
        fcntl.lockf(shared, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 123)
        yield


def test_a_channel_that_is_forgotten_while_the_store_is_asked_has_lost_its_place(stage, tmp_path):
    database = tmp_path / "events.db"
    server = forgetful_server(stage, database, "--channel-ttl", "1s", "--max-server-channels", "2")
    with server.client() as client, server.client() as other:
        fill(client, events=20, size=500)
        with no_reads(database):
            client.send(action="subscribe", id="s", channels=["a", "@presence/p"], since={"time": LONG_AGO})
            eventually(lambda: server.stats()["channels_forgotten"] >= 1, "@presence/p is forgotten")
            other.subscribe("@presence/q")
        refusal = client.expect("error", client.reply("s"))
        assert refusal["code"] == "TOO_MANY_CHANNELS" and "@presence/p" in refusal["message"]
        client.still_works()


PAGE = "GET /history/a?since=start&limit=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_a_request_that_waits_for_the_store_is_complete(stage, tmp_path):
    database = tmp_path / "events.db"
    server = forgetful_server(stage, database, "--handshake-timeout", "2s")
    with server.client() as client:
        fill(client, events=20, size=500)
    with server.http() as http:
        with no_reads(database):
            http.send(PAGE)
            with server.connect() as idle:
                assert idle.recv(1) == b"", "one that sends no request is let go meanwhile"
        assert http.read().json()[0]["offset"] == 1


def test_a_request_that_waits_for_the_store_is_answered_before_the_server_leaves(stage, tmp_path):
    database = tmp_path / "events.db"
    server = forgetful_server(stage, database, "--threads", "1", "--drain", "60s")
    with server.client() as client:
        fill(client, events=20, size=500)
        with server.http() as http:
            with no_reads(database):
                http.send(PAGE)
                server.stats()  # It came later, to the same thread, and is answered.
                server.process.signal(signal.SIGTERM)
                assert client.websocket.read_close()[0] == 1001
            assert http.read().json()[0]["offset"] == 1
    assert server.process.wait() == 0


def test_so_is_one_that_waits_behind_an_answer_that_is_being_written(stage, tmp_path):
    database = tmp_path / "events.db"
    room = ("--max-message", "20MiB", "--queue-limit", "64MiB")
    server = forgetful_server(stage, database, "--threads", "1", "--drain", "60s", *room)
    with server.client() as client:
        fill(client, events=120, size=100_000)
        with server.http() as http:
            http.send(PAGE.replace("limit=1", "limit=120"))
            http.socket.recv(1, socket.MSG_PEEK)  # It is being written: more than the sockets hold.
            with no_reads(database):
                http.send(PAGE)
                server.stats()  # It came later, to the same thread.
                server.process.signal(signal.SIGTERM)
                assert client.websocket.read_close()[0] == 1001
                assert len(http.read().json()) == 120
            assert len(http.read().json()) == 1
    assert server.process.wait() == 0


def test_a_user_beyond_its_limit_is_not_let_in_while_the_close_waits(stage, tmp_path):
    issuer = Issuer(stage.home)
    config = tmp_path / "wsserve.toml"
    config.write_text('[access]\nallow-anonymous = true\n[anonymous]\npublish = ["a"]\n', encoding="utf-8")
    server = stage.server(
        *("--config", config, "--store", tmp_path / "events.db", "--max-connections-per-user", "1"),
        *issuer.options,
    )
    token = issuer.token("ann")
    with server.client(headers=bearer(token)), server.client() as late:
        raw = b""
        for command in (
            {"action": "publish", "id": "p", "channel": "a", "type": "n", "data": 1},
            {"action": "auth", "id": "t", "token": token},
        ):
            raw += frames.encode(frames.TEXT, json.dumps(command))
        in_one_read(server, late.websocket, raw)
        answer = answers(late, 1)[0]
        assert (answer["id"], answer["type"]) == ("p", "published")
        with pytest.raises(Closed) as closed:
            late.websocket.read_message()
        assert closed.value.code == 1013


# R14: each channel has to wait for the disk, and none of the others is looked at for it.
def test_many_channels_are_replayed_from_the_store_side_by_side(stage, tmp_path):
    server = stage.server(
        *("--store", tmp_path / "many.db", "--history", "100000", "--history-total", "16KiB", "--threads", "1")
    )
    names = [f"many/{number}" for number in range(400)]
    with server.client() as publisher:
        for data in range(3):
            events = [{"channel": name, "type": "n", "data": data} for name in names]
            publisher.expect("published", publisher.command("publish", events=events))
        with server.client() as client:
            entry = client.subscribe("many/*", since="start")["channels"][0]
            assert entry["recovered"] and entry["replayed"] == 3 * len(names)
            offsets = {}
            for event in client.take_events(3 * len(names)):
                offsets.setdefault(event.channel, []).append(event.offset)
            assert offsets == {name: [1, 2, 3] for name in names}
            publisher.publish(names[7], "live")
            assert client.take_events(1)[0].offset == 4
        with server.client() as client:
            client.subscribe(*names, since="start")
            client.unsubscribe(*names[:-2])
            # Of a channel that left and came back the replay begins anew.
            client.events = [event for event in client.events if event.channel != names[0]]
            client.subscribe(names[0], since="start")
            publisher.publish(names[-1], "live")
            assert [event.offset for event in client.take_events_of(names[-1], 4)] == [1, 2, 3, 4]
            assert [event.offset for event in client.take_events_of(names[-2], 3)] == [1, 2, 3]
            assert [event.offset for event in client.take_events_of(names[0], 3)] == [1, 2, 3]
