"""Proves: `@…` is the server's own: nobody publishes to it, and patterns must begin with `@` to reach it."""

import json

import pytest
from harness.deadline import eventually
from harness.tokens import Issuer


def test_patterns_do_not_reach_into_it(server):
    with server.client() as client:
        reply = client.subscribe("**", "*", "*/*")
        assert [entry["channel"] for entry in reply["channels"]] == ["**", "*", "*/*"]
        client.publish("a", 1)
        assert client.take_events(1)[0].channel == "a"


def test_a_connection_may_listen_to_what_is_for_all_and_to_itself(server):
    with server.client() as client:
        own = f"@connection/{client.connected['connection']}"
        reply = client.subscribe("@all", own)
        assert [entry["channel"] for entry in reply["channels"]] == ["@all", own]


def test_what_is_for_others_is_forbidden(server):
    with server.client() as client, server.client() as other:
        for channel in (f"@connection/{other.connected['connection']}", "@user/somebody"):
            assert client.error("subscribe", channels=[channel])["code"] == "FORBIDDEN", channel
        client.still_works()


def test_nobody_publishes_into_it(server):
    with server.client() as client:
        client.subscribe("@all")
        for channel in ("@all", "@server/stats", "@x/y"):
            assert client.error("publish", channel=channel, type="t", data=1)["code"] == "FORBIDDEN", channel
        batch = [{"channel": "a", "type": "t", "data": 1}, {"channel": "@all", "type": "t", "data": 1}]
        client.subscribe("a")
        assert client.error("publish", events=batch)["code"] == "FORBIDDEN"
        client.publish("a", "next")
        assert client.take_events(1)[0].data == '"next"', "of the refused batch nothing was published"


def test_the_statistics_come_each_second_while_somebody_listens(server):
    with server.client() as client:
        client.publish("a", 1)
        client.subscribe("@server/stats")
        first, second = client.take_events(2)
        for event in (first, second):
            assert (event.channel, event.type) == ("@server/stats", "stats")
            stats = json.loads(event.data)
            assert stats["total_connections"] == 1 and stats["published"] == 1
        assert (first.offset, second.offset) == (1, 2), "nothing before anybody listened"
        assert json.loads(second.data)["uptime"] > json.loads(first.data)["uptime"]


# S5: without keys nobody could ever publish there.
def test_the_anonymous_may_be_granted_it(stage, tmp_path):
    config = tmp_path / "w.toml"
    config.write_text('[anonymous]\npublish = ["a", "@all", "@connection/*"]\n')
    server = stage.server("--config", str(config))
    with server.client() as one, server.client() as other:
        one.publish("@all", "for all")
        one.publish(f"@connection/{other.connected['connection']}", "for the other")
        assert [event.data for event in other.take_events(2)] == ['"for all"', '"for the other"']
        assert one.take_events(1)[0].data == '"for all"'
        error = one.error("publish", channel="@user/ann", data=1)
        assert error["code"] == "FORBIDDEN" and "[anonymous]" in error["message"]


# S5: a setting without effect is an error.
@pytest.mark.parametrize(
    "grant, why", [('publish = ["@server/*"]', "only @all, @user/"), ('subscribe = ["@all"]', "everybody may")]
)
def test_a_grant_that_grants_nothing_is_an_error(stage, tmp_path, grant, why):
    config = tmp_path / "w.toml"
    config.write_text(f"[anonymous]\n{grant}\n")
    done = stage.run("wsserve", "--config", str(config), "--check-config")
    assert done.code == 2 and "is of no use there: " in done.stderr and why in done.stderr, done.stderr


class TestBackEnds:
    """With tokens: an administrator, or a service that may, reaches users and connections."""

    @pytest.fixture
    def issuer(self, tmp_path):
        return Issuer(tmp_path)

    @pytest.fixture
    def server(self, stage, issuer):
        return stage.server("--threads", "4", *issuer.options)

    @pytest.fixture
    def open_as(self, server, issuer):
        return lambda user, **claims: server.client(f"/ws?token={issuer.token(user, **claims)}")

    @staticmethod
    def own(client):
        return f"@connection/{client.connected['connection']}"

    def test_an_event_to_a_user_reaches_all_connections_of_that_user_and_nobody_else(self, open_as):
        with open_as("ann") as first, open_as("ann") as second, open_as("bob") as other:
            with open_as("service", publish=["@user/*"]) as service:
                assert service.publish("@user/ann", {"n": 1}, type="update")["offset"] == 1
                service.publish("@user/bob", "for bob")
            for client in (first, second):
                event = client.take_events(1)[0]
                assert (event.channel, event.type, event.data) == ("@user/ann", "update", '{"n": 1}')
            assert other.take_events(1)[0].data == '"for bob"', "and nothing before"

    def test_an_event_to_all_reaches_every_connection_once_and_in_order(self, open_as):
        with open_as("root", admin=True) as root, open_as("ann") as ann, open_as("bob") as bob:
            bob.subscribe("@all")
            for number in range(20):
                root.publish("@all", number, type="notice")
            for client in (ann, bob, root):
                events = client.take_events(20)
                assert [(event.channel, event.offset, event.data) for event in events] == [
                    ("@all", number + 1, str(number)) for number in range(20)
                ]

    # S1
    def test_a_set_of_types_is_not_for_what_is_personal(self, server, issuer, open_as):
        with open_as("root", admin=True) as root:
            token = issuer.token("ann")
            with server.client(f"/ws/a?events=trade&token={token}") as by_address, open_as("ann") as by_command:
                by_command.subscribe("a", "@all")
                by_command.command("subscribe", events=["trade"])
                by_command.command("unsubscribe", events=["notification"])
                root.publish("@user/ann", "for ann", type="notification")
                root.publish("@all", "for all", type="notification")
                for client in (by_address, by_command):
                    assert [event.data for event in client.take_events(2)] == ['"for ann"', '"for all"']

    def test_an_event_to_a_connection_reaches_that_one_alone(self, open_as):
        with open_as("root", admin=True) as root, open_as("ann") as one, open_as("ann") as other:
            root.publish(self.own(one), "for one")
            root.publish(self.own(other), "for the other")
            assert one.take_events(1)[0].data == '"for one"'
            assert other.take_events(1)[0].data == '"for the other"'
            one.subscribe(self.own(one))
            root.publish(self.own(one), "again")
            root.publish("@user/ann", "marker")
            assert [event.data for event in one.take_events(2)] == ['"again"', '"marker"']

    def test_a_connection_has_one_name(self, open_as):
        with open_as("root", admin=True) as root:
            node, shard, number = (part for part in self.own(root).rsplit("-", 2))
            shard, number = int(shard), int(number)
            for other in (f"{shard + 256}-{number}", f"{shard ^ 1}-{number + 2**56}", f"{shard}-{2**63 + number}"):
                error = root.error("publish", channel=f"{node}-{other}", data=1)
                assert error["code"] == "NOT_FOUND", other
            root.publish(self.own(root), 1)
            assert root.take_events(1)[0].data == "1"

    # S10: acknowledged, it would be lost, and its channel would be kept.
    def test_who_has_left_is_not_found(self, issuer, open_as):
        with open_as("root", admin=True) as root:
            with open_as("ann") as ann:
                gone = self.own(ann)
                root.publish(gone, 1)
            stats = lambda: root.command("stats")["data"]
            eventually(lambda: stats()["total_connections"] == 1, "ann has left")
            channels = stats()["channels"]
            never = gone.rsplit("-", 1)[0] + "-4711"
            for channel in (gone, never, gone + "x", gone.replace("-", "-0"), "@connection/x", "@connection/x/y"):
                assert root.error("publish", channel=channel, data=1)["code"] == "NOT_FOUND", channel
            batch = [{"channel": "a", "data": 1}, {"channel": gone, "data": 1}]
            root.command("auth", token=issuer.token("root", admin=True, publish=["a"]))
            error = root.error("publish", events=batch)
            assert (error["code"], error["details"]["index"]) == ("NOT_FOUND", 1)
            assert stats()["channels"] == channels, "nothing was made"
            # Whose connections they are may come back, and read what was missed.
            assert root.publish("@user/nobody", 1)["offset"] == 1

    def test_over_http_too(self, server, issuer, open_as):
        token = issuer.token("root", admin=True)
        with open_as("ann") as ann, server.http() as http:
            http.send(
                "POST /publish/@user/ann?type=update HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                f"Authorization: Bearer {token}\r\n\r\n42"
            )
            assert http.read().json()["channel"] == "@user/ann"
            assert ann.take_events(1)[0].data == "42"

    def test_others_may_not(self, open_as, server, issuer):
        with open_as("ann", publish=["**"], subscribe=["**"]) as ann:
            for channel in ("@all", "@user/ann", "@user/bob", self.own(ann)):
                assert ann.error("publish", channel=channel, data=1)["code"] == "FORBIDDEN", channel
        with open_as("root", admin=True) as root:
            for channel in ("@server/stats", "@presence/room", "@x"):
                assert root.error("publish", channel=channel, data=1)["code"] == "FORBIDDEN", channel
        with open_as("service", publish=["@user/ann"]) as service:
            for channel in ("@all", "@user/bob", self.own(service)):
                assert service.error("publish", channel=channel, data=1)["code"] == "FORBIDDEN", channel

    @pytest.mark.parametrize("name", ["@server/stats", "@server/*"])
    def test_the_statistics_are_for_those_who_may_have_them_and_name_nobody(self, open_as, name):
        with open_as("ann") as ann, open_as("root", admin=True) as root:
            assert "for administrators" in ann.error("subscribe", channels=["@server/stats"])["message"]
            root.subscribe("@server/stats")
            with open_as("monitor", subscribe=[name]) as monitor:
                monitor.subscribe(name)
                for client in (monitor, root):
                    stats = json.loads(client.take_events(1)[0].data)
                    assert stats["unique_users"] >= 2 and stats["connections_by_user"] == {}

    def test_nothing_reaches_a_connection_that_has_not_said_who_it_is(self, server, open_as, issuer):
        with server.client() as nobody, open_as("root", admin=True, subscribe=["**"]) as root:
            root.publish("@all", "secret")
            root.publish(self.own(nobody), "secret")
            # Every shard answers behind what it had to hand over.
            assert root.command("presence", channel="x")["type"] == "presence"
            assert nobody.command("auth", token=issuer.token("ann"))["type"] == "authenticated"
            root.publish("@all", "marker")
            assert nobody.take_events(1)[0].data == '"marker"'
