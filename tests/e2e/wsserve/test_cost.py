"""Proves: what one client names costs what it names, once, and its answers are bounded."""

import json
import threading

from harness.deadline import eventually


def names(prefix, count):
    return [f"{prefix}/{number}" for number in range(count)]


def test_a_name_that_is_said_twice_counts_once(server):
    """R1"""
    with server.client() as client:
        entries = client.subscribe(*["twice/*"] * 1000, *["twice/a"] * 1000, matched=True)["channels"]
        assert [entry["channel"] for entry in entries] == ["twice/*", "twice/a"]
        client.subscribe(*["twice/*"] * 5000)
        left = client.unsubscribe(*["twice/*"] * 1000, "twice/a", "twice/a")["channels"]
        assert left == ["twice/*", "twice/a"]


def test_an_answer_is_no_longer_than_a_message_may_be(stage):
    """R1: a list that does not fit is left out, or says how much of it is."""
    server = stage.server("--max-message", "8KiB", "--history", "1")
    with server.client() as client:
        for name in names("m", 200):
            client.publish(name, 1)
            client.publish(name, 2)
        few, many = client.subscribe("m/7", "m/*", matched=True)["channels"]
        assert "matched" not in many and few["offset"] == 2
        client.unsubscribe("m/*", "m/7")
        entry = client.subscribe("m/*", since={"time": "-1h"})["channels"][0]
        assert entry["recovered"] is False and entry["replayed"] == 200
        assert 0 < len(entry["gaps"]) and len(json.dumps(entry)) < 8192
        assert len(entry["gaps"]) + entry["more_gaps"] == 200
        assert len(client.take_events(200)) == 200


def test_patterns_that_match_the_same_channels_again_and_again_are_refused_where_each_is_told_of(stage):
    """R1"""
    server = stage.server("--history", "1")
    deep = "a/b/c/d/e/f"
    with server.client() as client:
        for part in range(20):
            events = [{"channel": f"{deep}/{part}-{number}", "type": "t", "data": 1} for number in range(100)]
            client.expect("published", client.command("publish", events=events))
        patterns = []
        for stars in range(64):
            segments = ["*" if stars >> place & 1 else word for place, word in enumerate(deep.split("/"))]
            patterns.append("/".join(segments) + "/*")
        for fields in ({"matched": True}, {"since": "start"}):
            error = client.error("subscribe", channels=patterns, **fields)
            assert error["code"] == "TOO_MANY_CHANNELS" and error["details"]["limit"] == 104_000
        assert len(client.subscribe(*patterns)["channels"]) == 64
        client.publish(f"{deep}/new", 1)
        assert client.take_events(1)[0].channel == f"{deep}/new"
        client.unsubscribe(*patterns)
        assert client.subscribe(patterns[5], since="start")["channels"][0]["replayed"] == 2001


def test_patterns_of_a_connection(stage):
    """R2"""
    server = stage.server("--max-patterns", "2")
    with server.client() as client:
        client.subscribe("a/*", "b", "c", "d/**")
        error = client.error("subscribe", channels=["e", "f/*"])
        assert error["code"] == "TOO_MANY_CHANNELS" and error["details"]["limit"] == 2
        assert "--max-patterns" in error["message"]
        client.subscribe("a/*", "e")
        client.unsubscribe("a/*")
        client.subscribe("f/*")


def test_a_thousand_patterns_beside_many_channels_serve_and_leave(stage):
    """R2: they are subscribed in slices, and hear everything; others are served meanwhile."""
    server = stage.server()
    with server.client() as reader, server.client() as other:
        for part in range(10):
            reader.subscribe(*names(f"j/{part}", 900))
            reader.unsubscribe(*names(f"j/{part}", 900))
        patterns = [f"*/{number}/*" for number in range(500)] + [f"*/*/{number}" for number in range(500)]
        reader.send(action="subscribe", id="long", channels=patterns)
        other.still_works()
        assert len(reader.reply("long")["data"]["channels"]) == 1000
        other.publish("j/3/700", 1)
        other.publish("new/501/7", 1)
        assert [event.channel for event in reader.take_events(2)] == ["j/3/700", "new/501/7"]
        reader.unsubscribe(*patterns)
        reader.expect_no_event_before("marker", other)


def test_a_channel_that_nobody_published_to_goes_with_its_last_subscriber(stage, tmp_path):
    """R3: and leaves nothing in the store; who comes back is told that nothing was missed."""
    rules = tmp_path / "wsserve.toml"
    rules.write_text('[[channel]]\npattern = "d/**"\ndurable = true\n')
    server = stage.server("--config", rules, "--store", tmp_path / "events.db")
    with server.client() as client, server.client() as other:
        before = {entry["channel"]: entry for entry in client.subscribe(*names("m", 300), *names("d", 300))["channels"]}
        other.subscribe("m/1", "d/1")
        client.unsubscribe(*before)
        eventually(lambda: server.stats()["channels"] == 2, "the channels that nobody hears to go")
        for name in ("m/1", "d/1", "m/2", "d/2"):
            position = {"offset": 0, "epoch": before[name]["epoch"]}
            entry = client.subscribe(name, since=position)["channels"][0]
            assert (entry["recovered"], entry["replayed"], entry["offset"]) == (True, 0, 0), name
        other.publish("d/2", 1)
        assert client.take_events(1)[0].offset == 1


def publish_for_ever(client, channels, stop):
    events = [{"channel": name, "type": "t", "data": 1} for name in channels] * 4
    while not stop.is_set():
        client.command("publish", events=events)


def check_positions(reader, positions):
    """The first event of each channel that comes behind the answer is the one behind its position."""
    reader.events.clear()
    for name, offset in positions.items():
        assert reader.take_events_of(name, 1)[0].offset == offset + 1, name


def test_a_position_that_is_told_stands_where_the_reader_joins(stage):
    """R15: at full rate, for every form of subscribing."""
    server = stage.server("--threads", "2", "--queue-limit", "64MiB")
    channels = names("n", 3)
    stop = threading.Event()
    publishers = [server.client() for _ in channels]
    threads = [
        threading.Thread(target=publish_for_ever, args=(client, [name], stop))
        for client, name in zip(publishers, channels)
    ]
    for client, name in zip(publishers, channels):
        client.publish(name)
    for thread in threads:
        thread.start()

    def matched(reader, pattern, **fields):
        entry = reader.subscribe(pattern, matched=True, **fields)["channels"][0]
        return {match["channel"]: match["offset"] - match["replayed"] for match in entry["matched"]}

    try:
        for _ in range(5):
            with server.client() as reader:
                check_positions(reader, matched(reader, "n/*"))
                # What it hears already.
                check_positions(reader, matched(reader, "n/*"))
                check_positions(reader, matched(reader, "*/*"))
                entries = reader.subscribe(*channels)["channels"]
                check_positions(reader, {entry["channel"]: entry["offset"] for entry in entries})
            with server.client() as reader:
                entries = reader.subscribe(*channels)["channels"]
                check_positions(reader, {entry["channel"]: entry["offset"] for entry in entries})
                check_positions(reader, matched(reader, "n/*"))
            with server.client() as reader:
                check_positions(reader, matched(reader, "n/*", since={"last": 5}))
            with server.client() as reader:
                entries = reader.subscribe(*channels, since={"last": 5})["channels"]
                check_positions(reader, {entry["channel"]: entry["offset"] - entry["replayed"] for entry in entries})
    finally:
        stop.set()
        for thread in threads:
            thread.join()
