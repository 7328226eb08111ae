"""Proves: an event that a producer sends again is published once, and one that nobody remembers is refused."""

import sqlite3

import pytest
from harness.deadline import eventually


@pytest.fixture(params=["memory", "store"])
def server(request, stage, tmp_path):
    return stage.server(*(["--store", tmp_path / "e.db"] if request.param == "store" else []))


def publish(client, channel, sequence, producer="p", data=1):
    return client.publish(channel, data, producer=producer, sequence=sequence)


def refused(client, channel, sequence, producer="p"):
    error = client.error("publish", channel=channel, data=1, producer=producer, sequence=sequence)
    assert error["code"] == "BAD_EVENT", error
    return error


def test_the_greeting_says_that_sequences_are_known(server):
    with server.client() as client:
        assert client.connected["features"] == ["gap", "sequence"]


def test_an_event_sent_again_is_answered_with_its_first_offset(server):
    with server.client("/ws/a") as client, server.client() as other:
        first = publish(client, "a", 3)
        assert "duplicate" not in first
        publish(client, "a", 8)
        assert publish(other, "a", 3) == first | {"duplicate": True}, "on another connection too"
        assert publish(other, "a", 3, producer="q")["offset"] == 3, "each producer has its own"
        assert publish(other, "b", 3)["offset"] == 1, "each channel has its own"
        assert [event.offset for event in client.take_events(3)] == [1, 2, 3]
    assert server.stats()["duplicates"] == 1


def test_a_late_one_is_accepted_and_one_older_than_all_is_refused(server):
    with server.client() as client:
        publish(client, "a", 10)
        publish(client, "a", 20)
        assert publish(client, "a", 15)["offset"] == 3
        assert publish(client, "a", 15)["duplicate"]
        error = refused(client, "a", 9)
        assert error["details"] == {"sequence": 9, "oldest": 10}
        assert "remembered" in error["message"] and '"a"' in error["message"]
        assert publish(client, "a", 21)["offset"] == 4, "and nothing of it was published"


def test_a_batch_is_recognised_event_by_event_and_refused_as_a_whole(server):
    with server.client("/ws/**") as client:
        batch = [{"channel": channel, "data": n, "sequence": n} for n, channel in enumerate("abab", 5)]
        assert [ack["offset"] for ack in client.command("publish", producer="p", events=batch)["data"]] == [
            1,
            1,
            2,
            2,
        ]
        again = [*batch[2:], {"channel": "c", "data": 9, "sequence": 9}]
        acks = client.command("publish", producer="p", events=again)["data"]
        assert [ack.get("duplicate", False) for ack in acks] == [True, True, False]
        bad = [{"channel": "c", "data": 10, "sequence": 10}, {"channel": "b", "data": 1, "sequence": 1}]
        error = client.error("publish", producer="p", events=bad)
        assert (error["code"], error["details"]) == ("BAD_EVENT", {"index": 1, "sequence": 1, "oldest": 6})
        assert publish(client, "c", 11)["offset"] == 2, "nothing of the refused batch is there"
        assert len(client.take_events(6)) == 6


def test_the_window_is_bounded_in_number_time_and_producers(stage):
    server = stage.server("--dedup-ids", "3", "--dedup-producers", "2", "--dedup-ttl", "1s")
    with server.client() as client:
        for sequence in range(1, 6):
            publish(client, "a", sequence)
        assert refused(client, "a", 2)["details"]["oldest"] == 3
        assert publish(client, "a", 3)["duplicate"]
        evicted = server.stats()["dedup_evicted"]
        for producer in ("q", "r"):
            publish(client, "a", 1, producer=producer)
        assert server.stats()["dedup_evicted"] == evicted + 3, "p was quiet for longest"
        assert "duplicate" not in publish(client, "a", 5), "and is new again"
        assert server.stats()["dedup_bytes"] > 0
        eventually(lambda: server.stats()["dedup_bytes"] == 0, "all of it has grown too old")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restarted_server_remembers(stage, tmp_path, end):
    options = ["--store", tmp_path / "e.db"]
    server = stage.server(*options)
    with server.client() as client:
        acks = [publish(client, "a", sequence, data=sequence) for sequence in range(10, 20)]
        publish(client, "a", 7, producer="q")
        client.publish("a", "x", dedup="d")
    with sqlite3.connect(f"file:{tmp_path}/e.db?mode=ro", uri=True) as file:
        rows = file.execute("SELECT producer, sequence, dedup FROM event_log ORDER BY offset").fetchall()
    assert rows == [*[("p", n, None) for n in range(10, 20)], ("q", 7, None), (None, None, '"d"')]
    getattr(server, end)()
    with stage.server(*options).client() as client:
        assert publish(client, "a", 14) == acks[4] | {"duplicate": True}
        assert publish(client, "a", 7, producer="q")["duplicate"]
        assert client.publish("a", "x", dedup="d")["duplicate"]
        assert refused(client, "a", 9)["details"]["oldest"] == 10
        assert publish(client, "a", 20)["offset"] == 13


def test_a_file_of_the_version_before_is_brought_up_to_date(stage, tmp_path):
    options = ["--store", tmp_path / "e.db"]
    server = stage.server(*options)
    with server.client() as client:
        first = client.publish("a", 1, dedup="d")
    server.stop()
    with sqlite3.connect(tmp_path / "e.db") as file:
        version = file.execute("PRAGMA user_version").fetchone()[0]
        file.executescript(
            "DROP VIEW event_log; ALTER TABLE events DROP COLUMN producer; ALTER TABLE events DROP COLUMN sequence;"
            "CREATE VIEW event_log AS SELECT 1 AS channel; PRAGMA user_version = 2"
        )
    with stage.server(*options).client() as client:
        assert client.publish("a", 1, dedup="d") == first | {"duplicate": True}
        assert publish(client, "a", 1)["offset"] == 2
        assert publish(client, "a", 1)["duplicate"]
    with sqlite3.connect(f"file:{tmp_path}/e.db?mode=ro", uri=True) as file:
        assert file.execute("PRAGMA user_version").fetchone()[0] == version
        assert file.execute("SELECT sequence FROM event_log ORDER BY offset").fetchall() == [(None,), (1,)]


def test_a_post_says_producer_and_sequence_in_its_query(server):
    with server.http() as http:

        def post(target, body, content_type="application/json"):
            http.send(
                f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            )
            return http.read()

        first = post("/publish/a?producer=p%C3%A9&sequence=7", "1").json()
        assert post("/publish/a?producer=p%C3%A9&sequence=7", "1").json() == {**first, "duplicate": True}
        lines = '{"sequence":7,"data":1}\n{"sequence":8,"data":2}\n'
        acks = post("/publish/a?producer=p%C3%A9", lines, "application/x-ndjson").json()
        assert [(ack["offset"], ack.get("duplicate", False)) for ack in acks] == [(1, True), (2, False)]
        for query, body, content_type in [
            ("producer=p", "1", "application/json"),
            ("sequence=1", "1", "application/json"),
            ("producer=p&sequence=x", "1", "application/json"),
            ("producer=p&sequence=01", "1", "application/json"),
            ("producer=p&sequence=1&dedup=d", "1", "application/json"),
            ("producer=p&sequence=9", lines, "application/x-ndjson"),
            ("producer=p", '{"sequence":9,"producer":"q","data":1}\n', "application/x-ndjson"),
            ("", lines, "application/x-ndjson"),
        ]:
            answer = post(f"/publish/a?{query}", body, content_type)
            assert answer.status == 400, (query, answer)
            assert "sequence" in answer.body.decode() or "producer" in answer.body.decode(), answer.body
        error = post("/publish/a?producer=p%C3%A9&sequence=2", "1")
        assert (error.status, error.json()["error"]["code"]) == (400, "BAD_EVENT")
