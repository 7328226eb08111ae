"""Proves: a subscriber that follows by the newest events stays, and what it gets adds up to what was published."""

import json

from harness.deadline import eventually

EVENT = "x" * 20_000
KEYS = 3


def parts(events):
    """(offset, first offset it stands for, how many it replaced, key) of each event."""
    for event in events:
        whole = json.loads(event.text)
        yield whole["offset"], whole.get("from", whole["offset"]), whole.get("merged", 0), whole.get("key")


def read_until(client, count):
    """Events until they stand for `count`."""
    events = []
    while sum(1 + merged for _, _, merged, _ in parts(events)) < count:
        events += client.take_events(1)
    return events


def test_a_slow_reader_of_a_latest_channel_stays_and_its_merges_add_up(stage):
    server = stage.server("--latest", "l/**", "--queue-limit", "256KiB")
    slow, publisher = server.client(receive_buffer=4096), server.client()
    slow.subscribe("l/a")
    published = 0
    while server.stats()["merged"] < 50 and published < 5000:
        for _ in range(10):
            publisher.publish("l/a", EVENT, key=f"k{published % KEYS}")
            published += 1
    assert server.stats()["closed_slow"] == 0
    seen = list(parts(read_until(slow, published)))
    offsets = [offset for offset, _, _, _ in seen]
    assert offsets == sorted(set(offsets)), "in the channel's order"
    assert sum(1 + merged for _, _, merged, _ in seen) == published
    assert all(first <= offset for offset, first, _, _ in seen)
    newest = {key: offset for offset, _, _, key in seen}
    assert sorted(newest.values()) == list(range(published - KEYS + 1, published + 1)), "the newest of each key came"
    assert server.stats()["merged"] == sum(merged for _, _, merged, _ in seen)
    slow.still_works()


def test_an_event_that_fills_most_of_the_queue_gives_way_to_the_next_one(stage):
    server = stage.server("--latest", "l/**", "--queue-limit", "30KB")
    slow, publisher = server.client(receive_buffer=4096), server.client()
    slow.subscribe("l/a")
    published = 0
    while (stats := server.stats())["merged"] < 5 and stats["closed_slow"] == 0 and published < 5000:
        for _ in range(10):
            publisher.publish("l/a", EVENT)
            published += 1
    assert server.stats()["closed_slow"] == 0
    assert list(parts(read_until(slow, published)))[-1][0] == published


def test_a_rate_asked_for_is_kept_and_nothing_is_passed_over(stage):
    server = stage.server()
    spared, publisher = server.client("/ws?max_rate=5"), server.client()
    spared.subscribe("a")
    for number in range(100):
        publisher.publish("a", number)
    seen = list(parts(read_until(spared, 100)))
    assert len(seen) < 20
    assert seen[-1][0] == 100
    assert sum(1 + merged for _, _, merged, _ in seen) == 100


def test_too_many_keys_are_a_slow_consumer(stage):
    server = stage.server("--queue-limit", "100KiB")
    spared, publisher = server.client("/ws?max_rate=0.001"), server.client()
    spared.subscribe("a")
    for number in range(40):
        for each in range(2):
            publisher.publish("a", EVENT, key=f"k{number}")
    eventually(lambda: server.stats()["closed_slow"] == 1, "the one that waits for too much is closed")
    publisher.still_works()


def test_a_wrong_pace_is_refused_and_named(stage):
    server = stage.server()
    with server.client() as client:
        assert client.error("subscribe", channels=["a"], max_rate=0)["code"] == "BAD_COMMAND"
        assert "conflate" in client.error("subscribe", channels=["a"], conflate="yes")["message"]
        client.still_works()


# R14
def test_an_operator_bounds_the_pace(stage):
    server = stage.server("--min-pace", "30/m", "--max-pace", "20")
    with server.client("/ws?max_rate=20") as client:
        for rate in (0.4, 20.5):
            error = client.error("subscribe", channels=["a"], max_rate=rate)
            assert error["code"] == "BAD_COMMAND", error
            assert "from 0.5 to 20 " in error["message"] and "--min-pace" in error["message"], error
        client.subscribe("a", max_rate=0.5)
    assert server.get("/events/a?max_rate=21").status == 400
    result = stage.run("wsserve", "--min-pace", "5", "--max-pace", "2")
    assert result.code == 2 and "--min-pace is above --max-pace" in result.stderr
    assert "must be from 0.001 to 1000000" in stage.run("wsserve", "--max-pace", "2M").stderr


def test_an_endpoint_has_no_pace_that_the_bounds_refuse(stage):
    file = stage.home / "wsserve.toml"
    endpoint = '[[endpoint]]\npath = "/live"\nchannels = ["a"]\ndefaults = { max_rate = 50 }\n'
    file.write_text(f"max-pace = 20\n{endpoint}", encoding="ascii")
    result = stage.run("wsserve", "--config", str(file), "--check-config")
    assert result.code == 2 and "max_rate is from 0.001 to 20 " in result.stderr, result
