"""Proves: a channel that nobody uses leaves the memory, and comes back as another one."""

from harness.deadline import eventually


def forgotten(server):
    return server.stats()["channels_forgotten"]


def wait_until_forgotten(server, channels):
    eventually(lambda: forgotten(server) >= channels, f"{channels} channels to be forgotten")


def test_an_empty_channel_is_forgotten_and_its_positions_are_not_taken_for_those_of_the_next_one(stage):
    server = stage.server("--channel-ttl", "1s", "--history", "0", "--dedup-ids", "0")
    with server.client() as publisher, server.client() as reader:
        for _ in range(3):
            publisher.publish("a", 1)
        before = reader.subscribe("a")["channels"][0]
        assert before["offset"] == 3
        reader.unsubscribe("a")
        wait_until_forgotten(server, 1)
        position = {"offset": 3, "epoch": before["epoch"]}
        after = reader.subscribe("a", since=position)["channels"][0]
        assert (after["offset"], after["recovered"]) == (0, False)
        assert after["epoch"] != before["epoch"]
        # A connection that had used it before goes on with the new one.
        assert publisher.publish("a", 1)["offset"] == 1
        assert reader.take_events(1)[0].offset == 1


def test_a_channel_with_subscribers_or_events_stays(stage):
    server = stage.server("--channel-ttl", "1s", "--dedup-ids", "0")
    with server.client() as reader:
        reader.subscribe("heard", "by/*")
        with server.client() as publisher:
            publisher.publish("held", 1)
            publisher.publish("by/pattern", 1)
            publisher.subscribe("unused")
        wait_until_forgotten(server, 1)
        assert server.stats()["channels"] == 3


def test_a_stored_channel_goes_on_where_it_was(stage, tmp_path):
    server = stage.server(
        "--channel-ttl", "1s", "--history-ttl", "1s", "--dedup-ttl", "1s", "--store", tmp_path / "events.db"
    )
    with server.client() as client:
        client.publish("a", 1)
        client.subscribe("@all")
        client.unsubscribe("@all")
        wait_until_forgotten(server, 1)
        assert client.publish("a", 2)["offset"] == 2
