"""Proves: what a disk or a person did to the store's file costs the events it touched, and nothing else (R4, R6, U1)."""

import json
import sqlite3

import pytest
from harness.deadline import eventually

OFFSET = 8796093022207


def change(path, sql):
    with sqlite3.connect(path) as database:
        database.execute(sql)
    database.close()


@pytest.fixture
def damaged(stage, tmp_path):
    """A server on a store of which two events of `c` are no events any more; `d` is whole."""
    path = tmp_path / "events.db"
    server = stage.server("--store", path)
    with server.client() as client:
        for channel in ("c", "d"):
            for number in range(1, 7):
                client.publish(channel, number)
    assert "all events are kept" in server.log
    server.stop()
    change(
        path,
        "UPDATE events SET data = '{broken' WHERE id IN (SELECT channels.id << 43 | column1 "
        "FROM channels, (VALUES (3), (4)) WHERE name = 'c')",
    )
    return stage.server("--store", path)


# R6
def test_a_reader_is_told_of_a_gap_and_goes_on_behind_it(damaged):
    with damaged.client() as client:
        client.subscribe("c", since="start")
        assert [event.offset for event in client.take_events(4)] == [1, 2, 5, 6]
        gap = client.wait_for_control("gap")["data"]
        assert gap["channel"] == "c"
        assert (gap["offset"], gap["oldest"]) == (4, 5)
        assert client.publish("c", 7)["epoch"] == gap["epoch"]
        assert [event.offset for event in client.take_events(1)] == [7]
        client.subscribe("d", since="start")
        assert [event.offset for event in client.take_events(6)] == [1, 2, 3, 4, 5, 6]


# R6
def test_a_page_of_history_passes_over_it(damaged):
    with damaged.client() as client:
        page = client.expect("history", client.command("history", channel="c", since="start", limit=100))
        assert [event["offset"] for event in page["events"]] == [1, 2, 5, 6]
        assert (page["recovered"], page["complete"]) == (False, True)
        page = client.expect("history", client.command("history", channel="c", since="start", limit=3))
        assert [event["offset"] for event in page["events"]] == [1, 2, 5]
        assert (page["recovered"], page["complete"]) == (False, False)
        page = client.expect("history", client.command("history", channel="d", since="start"))
        assert len(page["events"]) == 6


# R6
def test_readiness_says_degraded_and_metrics_count(damaged):
    assert json.loads(damaged.get("/readyz").body) == {"ready": True}
    assert len(json.loads(damaged.get("/history/c").body)) == 4
    answer = damaged.get("/readyz")
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "ready": True,
        "degraded": "2 events in the store are missing or damaged",
    }
    assert b"wskit_store_damaged_events 2" in damaged.get("/metrics").body
    eventually(lambda: "events 3 to 4 of c are missing or damaged" in damaged.log, "a line tells of it")


# R4
def test_a_store_that_is_taken_away_takes_no_events(stage, tmp_path):
    path = tmp_path / "events.db"
    server = stage.server("--store", path)
    with server.client() as client:
        client.publish("a", 1)
        for part in tmp_path.glob("events.db*"):
            part.unlink()
        assert client.error("publish", channel="a", type="t", data=2)["code"] == "UNAVAILABLE"
    ready = server.get("/readyz")
    assert ready.status == 503
    assert "was removed while it was open" in json.loads(ready.body)["reason"]


# U1
def test_a_store_keeps_everything_unless_a_limit_is_set(stage, tmp_path):
    path = tmp_path / "events.db"
    server = stage.server("--store", path)
    with server.client() as client:
        for begin in range(0, 3000, 500):
            events = [{"channel": "a", "type": "n", "data": number} for number in range(begin, begin + 500)]
            client.expect("published", client.command("publish", events=events))
        entry = client.subscribe("a", since="start")["channels"][0]
        assert (entry["recovered"], entry["replayed"]) == (True, 3000)
        assert [event.offset for event in client.take_events(3000)] == list(range(1, 3001))
    server.stop()
    server = stage.server("--store", path, "--history", "10")
    assert "at most 10 events of each are kept" in server.log
    with server.client() as client:
        entry = client.subscribe("a", since="start")["channels"][0]
        assert (entry["recovered"], entry["replayed"]) == (False, 10)
