"""Proves: `@presence/<channel>` tells who joins and who leaves, once for a user, and nothing of a short absence."""

import json

import pytest
from harness.tokens import Issuer


@pytest.fixture
def server(stage):
    return stage.server("--threads", "4")


def watcher(server, channel="@presence/room/1", **options):
    client = server.client(**options)
    client.subscribe(channel)
    return client


def identity(client):
    return client.connected["connection"]


def told(event):
    return event.channel, event.type, json.loads(event.data)


def hearing(client):
    """Its address stands for one channel, which it hears now."""
    client.wait_for_control("subscribed")
    return client


def test_who_comes_and_goes_is_told_in_order(server):
    with watcher(server) as watching:
        for number in range(4):  # on every shard
            with hearing(server.client("/ws/room/1")) as client:
                member = {"connection": identity(client), "user": None}
                assert told(watching.take_events(1)[0]) == ("@presence/room/1", "join", member), number
            assert told(watching.take_events(1)[0]) == ("@presence/room/1", "leave", member), number


def test_subscribing_and_unsubscribing_count_as_well(server):
    with watcher(server) as watching, server.client() as client:
        client.subscribe("room/1", "room/2")
        assert told(watching.take_events(1)[0])[1] == "join"
        client.unsubscribe("room/1")
        assert told(watching.take_events(1)[0])[1] == "leave"


def test_who_was_there_before_is_told_of_when_leaving_only(server):
    with hearing(server.client("/ws/room/1")) as early, hearing(server.client("/ws/room/1")):
        with watcher(server) as watching:
            assert watching.command("presence", channel="room/1")["data"]["count"] == 2
            early.websocket.abort()
            event = watching.take_events(1)[0]
            assert told(event) == ("@presence/room/1", "leave", {"connection": identity(early), "user": None})


def test_a_pattern_watches_all_its_channels_and_others_are_not_told(server):
    with watcher(server, "@presence/room/*") as watching:
        with server.client() as client:
            client.subscribe("hall/1", "room/*", "room/1", "room/2")
            assert sorted(told(event)[:2] for event in watching.take_events(2)) == [
                ("@presence/room/1", "join"),
                ("@presence/room/2", "join"),
            ]


def test_watching_ends_and_begins_anew(server):
    with server.client() as client:
        for _ in range(30):
            with watcher(server) as watching:
                client.subscribe("room/1")
                assert told(watching.take_events(1)[0])[1] == "join"
                watching.unsubscribe("@presence/room/1")
                client.unsubscribe("room/1")
                client.still_works()


class TestUsers:
    @pytest.fixture
    def issuer(self, tmp_path):
        return Issuer(tmp_path)

    @pytest.fixture
    def server(self, stage, issuer):
        return stage.server("--threads", "4", *issuer.options)

    @pytest.fixture
    def open_as(self, server, issuer):
        return lambda user: hearing(
            server.client(f"/ws/room/1?token={issuer.token(user, subscribe=['room/1'], channels=[])}")
        )

    @pytest.fixture
    def watching(self, server, issuer):
        token = issuer.token("guard", subscribe=["room/1"])
        with server.client(f"/ws?token={token}") as client:
            client.subscribe("@presence/room/1")
            client.events.clear()
            yield client

    @staticmethod
    def next(watching):
        event = watching.take_events(1)[0]
        return event.type, json.loads(event.data)["user"]

    def test_a_user_joins_with_the_first_connection_and_leaves_with_the_last(self, watching, open_as):
        with open_as("ann"):
            assert self.next(watching) == ("join", "ann")
            with open_as("ann"), open_as("bob"):
                assert self.next(watching) == ("join", "bob")
            assert self.next(watching) == ("leave", "bob")
        assert self.next(watching) == ("leave", "ann")

    def test_a_page_that_is_loaded_again_is_not_told(self, watching, open_as):
        for _ in range(5):
            with open_as("ann") as last:
                pass
        with open_as("ann") as last, open_as("bob"):
            assert self.next(watching) == ("join", "ann")
            assert self.next(watching) == ("join", "bob")
            last.still_works()

    def test_it_is_for_those_who_may_hear_the_channel(self, server, issuer):
        with server.client(f"/ws?token={issuer.token('eve', subscribe=['hall/*'])}") as eve:
            for channel in ("@presence/room/1", "@presence/room/*", "@presence/**"):
                assert eve.error("subscribe", channels=[channel])["code"] == "FORBIDDEN", channel
            eve.subscribe("@presence/hall/*")
