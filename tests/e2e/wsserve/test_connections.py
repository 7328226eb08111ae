"""Proves: who is connected can be asked by `presence` and by administrators, who may also end connections."""

import datetime
import json

import pytest
from harness.deadline import eventually
from harness.tokens import Issuer


@pytest.fixture
def server(stage):
    return stage.server("--threads", "4")


def call(server, method, path, token=None):
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    with server.http() as http:
        http.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{authorization}\r\n")
        return http.read(head_only=method == "HEAD")


def listed(server, query=""):
    answer = call(server, "GET", f"/connections{query}").json()
    return {each["connection"]: each for each in answer["connections"]}


def identity(client):
    return client.connected["connection"]


def seconds_ago(text):
    then = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (datetime.datetime.now(datetime.timezone.utc) - then).total_seconds()


def test_presence_lists_who_hears_a_channel_by_name_or_by_pattern(server):
    with (
        server.client("/ws/room/1") as first,
        server.client("/ws/room/*") as second,
        server.client("/ws/room/2") as third,
    ):
        for client in (first, second, third):
            client.wait_for_control("subscribed")
        data = presence_of(third.command("presence", channel="room/1"))
        assert data["channel"] == "room/1" and data["count"] == 2
        assert sorted(map(json.dumps, data["connections"])) == sorted(
            json.dumps({"connection": identity(client), "user": None}) for client in (first, second)
        )
        first.unsubscribe("room/1")
        assert presence_of(third.command("presence", channel="room/1"))["count"] == 1
        assert presence_of(third.command("presence", channel="nobody/here")) == {
            "channel": "nobody/here",
            "connections": [],
            "count": 0,
        }


def presence_of(reply):
    assert reply["type"] == "presence", reply
    return reply["data"]


def test_replies_keep_their_order_behind_a_presence(server):
    with server.client() as client:
        client.send(action="presence", id="a", channel="x")
        client.send(action="ping", id="b")
        client.send(action="presence", id="c", channel="x")
        client.send(action="ping", id="d")
        order = []
        while len(order) < 4:
            order.append(json.loads(client.websocket.read_message()[1])["id"])
        assert order == ["a", "b", "c", "d"]


def test_the_list_of_connections_says_of_each_what_it_is_and_does(server):
    with server.client("/ws/room/1") as client, server.client() as publisher:
        client.wait_for_control("subscribed")
        for number in range(5):
            publisher.publish("room/1", number)
        client.take_events(5)
        client.still_works()
        found = listed(server)
        assert set(found) == {identity(client), identity(publisher)}
        one = found[identity(client)]
        assert one["subscriptions"] == ["room/1"] and one["user"] is None and one["kind"] == "websocket"
        assert one["address"].startswith("127.0.0.1:")
        assert one["delivered"] == 5 and one["messages_in"] == 1
        assert one["messages_out"] == 5 + 3, "connected, subscribed and pong"
        assert one["bytes_in"] > 100 and one["bytes_out"] > 500 and one["queued_bytes"] == 0
        assert 0 <= seconds_ago(one["last_seen"]) <= seconds_ago(one["connected_at"]) < 3600
        assert found[identity(publisher)]["messages_in"] == 5
        assert call(server, "GET", f"/connections/{identity(client)}").json()["connection"] == identity(
            client
        )
        assert set(listed(server, "?channel=room/1")) == {identity(client)}
        assert listed(server, "?user=ann") == {}
        answer = call(server, "GET", "/connections?limit=1").json()
        assert (len(answer["connections"]), answer["count"]) == (1, 2)


def test_one_connection_is_ended_with_4100(server):
    with server.client() as stays, server.client() as goes:
        answer = call(server, "DELETE", f"/connections/{identity(goes)}")
        assert (answer.status, answer.json()) == (200, {"disconnected": 1})
        goes.events_until_closed(4100)
        eventually(lambda: set(listed(server)) == {identity(stays)}, "only one is left")
        again = call(server, "DELETE", f"/connections/{identity(goes)}")
        assert (again.status, again.json()["error"]["code"]) == (404, "NOT_FOUND")
        assert call(server, "DELETE", "/connections?user=nobody").json() == {"disconnected": 0}
        stays.still_works()
    assert server.stats()["closed_by_administrator"] == 1


def test_the_list_of_channels_says_where_each_stands(server):
    with server.client("/ws/room/*") as one, server.client("/ws/room/1") as two, server.client() as publisher:
        one.wait_for_control("subscribed")
        two.wait_for_control("subscribed")
        publisher.publish("room/2", 1)
        publisher.publish("other", 1)
        answer = call(server, "GET", "/channels").json()
        assert answer["count"] == 3
        rooms = call(server, "GET", "/channels?pattern=room/*").json()["channels"]
        told = [(each["channel"], each["offset"], each["subscriptions"]) for each in rooms]
        assert told == [("room/1", 0, 2), ("room/2", 1, 1)]
        assert rooms[0]["delivery"] == "lossless" and rooms[0]["durable"] is False and rooms[0]["epoch"]
        assert len(call(server, "GET", "/channels?limit=1").json()["channels"]) == 1


def test_requests_that_make_no_sense_are_refused(server):
    for method, path, status in [
        ("DELETE", "/connections", 400),
        ("GET", "/connections?limit=0", 400),
        ("GET", "/connections?channel=a//b", 400),
        ("GET", "/channels?pattern=a*", 400),
        ("POST", "/connections", 405),
        ("DELETE", "/channels", 405),
        ("GET", "/connections/nobody", 404),
        ("GET", "/connections/", 404),
        ("GET", "/connectionsx", 404),
    ]:
        assert call(server, method, path).status == status, (method, path)
    response = call(server, "HEAD", "/connections")
    assert response.status == 200


def test_pipelined_requests_are_answered_in_their_order(server):
    with server.http() as http:
        for path in ("/connections", "/healthz", "/channels"):
            http.send(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
        assert list(http.read().json()) == ["connections", "count"]
        assert http.read().json() == {"status": "ok"}
        assert list(http.read().json()) == ["channels", "count"]


class TestUsers:
    """With tokens: ann has two connections, bob one, and root may administer."""

    @pytest.fixture
    def issuer(self, tmp_path):
        return Issuer(tmp_path)

    @pytest.fixture
    def server(self, stage, issuer):
        return stage.server("--threads", "4", *issuer.options)

    @pytest.fixture
    def open_as(self, server, issuer):
        def opened(user, path="/ws", **claims):
            token = issuer.token(user, subscribe=["room/*"], publish=["room/*"], **claims)
            return server.client(f"{path}?token={token}")

        return opened

    @pytest.fixture
    def root(self, issuer):
        return issuer.token("root", admin=True)

    def test_the_statistics_count_users(self, server, open_as, root):
        def figures():
            stats = call(server, "GET", "/ws/stats", root).json()
            return stats["total_connections"], stats["unique_users"], stats["connections_by_user"]

        with open_as("ann"), open_as("bob"):
            with open_as("ann"):
                assert figures() == (3, 2, {"ann": 2, "bob": 1})
            eventually(lambda: figures() == (2, 2, {"ann": 1, "bob": 1}), "one of ann's is gone")
        eventually(lambda: figures() == (0, 0, {}), "nobody is left")

    def test_a_user_is_counted_from_when_the_token_came(self, server, issuer, root):
        with server.client() as client:
            assert call(server, "GET", "/ws/stats", root).json()["unique_users"] == 0
            reply = client.command("auth", token=issuer.token("ann"))
            assert reply["type"] == "authenticated", reply
            assert call(server, "GET", "/ws/stats", root).json()["connections_by_user"] == {"ann": 1}

    def test_all_connections_of_a_user_are_ended_and_no_others(self, server, open_as, root):
        with open_as("ann") as first, open_as("ann") as second, open_as("bob") as other:
            answer = call(server, "GET", "/connections?user=ann", root).json()
            assert {each["connection"] for each in answer["connections"]} == {
                identity(first),
                identity(second),
            }
            assert {each["user"] for each in answer["connections"]} == {"ann"}
            assert call(server, "DELETE", "/connections?user=ann", root).json() == {"disconnected": 2}
            first.events_until_closed(4100)
            second.events_until_closed(4100)
            other.still_works()

    def test_administration_is_for_administrators(self, server, open_as, issuer):
        nobody, ann = None, issuer.token("ann", subscribe=["**"], publish=["**"])
        with open_as("bob") as bob:
            for method, path in [
                ("GET", "/connections"),
                ("GET", f"/connections/{identity(bob)}"),
                ("DELETE", f"/connections/{identity(bob)}"),
                ("DELETE", "/connections?user=bob"),
                ("GET", "/channels"),
            ]:
                assert call(server, method, path, nobody).status == 401, path
                refused = call(server, method, path, ann)
                assert (refused.status, refused.json()["error"]["code"]) == (403, "FORBIDDEN"), path
                assert "bob" not in refused.body.decode()
            bob.still_works()

    def test_presence_is_for_those_who_may_subscribe_the_channel(self, open_as):
        with open_as("ann", "/ws/room/1") as ann, open_as("bob") as bob:
            ann.wait_for_control("subscribed")
            assert presence_of(bob.command("presence", channel="room/1"))["connections"] == [
                {"connection": identity(ann), "user": "ann"}
            ]
            error = bob.error("presence", channel="secret/1")
            assert error["code"] == "FORBIDDEN" and error["details"] == {"channel": "secret/1"}
