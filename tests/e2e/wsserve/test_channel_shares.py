"""Proves: no address and no user makes more of the server's channels than their share, and others still get theirs."""

import signal

from harness.deadline import eventually
from harness.tokens import Issuer, bearer

PROXY = "127.0.0.8"
FLAG = "--max-server-channels-per-client"


def reader(server, address, path="/ws"):
    """Somebody behind the proxy."""
    return server.client(path, headers=[("X-Forwarded-For", address)], source=PROXY)


def refused(error, limit):
    assert error["code"] == "TOO_MANY_CHANNELS" and error["details"]["limit"] == limit, error
    assert f"({FLAG})" in error["message"], error
    return error["message"]


def test_readers_of_one_address_leave_room_for_others(stage):
    server = stage.server("--trusted-proxy", PROXY, "--max-server-channels", "8", FLAG, "3")
    first, second = reader(server, "203.0.113.9"), reader(server, "203.0.113.9")
    first.subscribe("a", "b")
    message = refused(second.error("subscribe", channels=["c", "d"]), 3)
    assert "one address" in message
    other = reader(server, "203.0.113.10")
    other.subscribe("c", "d", "e")
    second.subscribe("a", "b", "c", "d", "*/x")
    stats = server.stats()
    assert stats["refused_channels_client"] == 1 and stats["refused_channels_server"] == 0, stats
    assert server.get("/metrics").body.decode().count('wskit_channels_refused_total{limit="client"} 1') == 1
    server.process.wait_for_stderr("refused by a limit on subscriptions or channels: 203.0.113.9")


def test_names_that_nobody_hears_any_more_make_room(stage):
    server = stage.server("--trusted-proxy", PROXY, FLAG, "2")
    with reader(server, "203.0.113.9") as client:
        client.subscribe("a", "b")
        refused(client.error("subscribe", channels=["c"]), 2)
        client.unsubscribe("a", "b")
        eventually(lambda: server.stats()["channels"] == 0, "the names are forgotten")
        client.subscribe("c", "d")


def test_a_user_has_one_share_over_all_connections_and_a_publish_counts(stage):
    issuer = Issuer(stage.home)
    server = stage.server(*issuer.options, FLAG, "2")
    ann = bearer(issuer.token("ann", publish=["**"]))
    with server.client(headers=ann) as one, server.client(headers=ann) as two:
        # Her own @user/ann is none of them.
        one.publish("a", 1)
        two.publish("b", 1)
        assert "one user" in refused(one.error("publish", channel="c", type="t", data=1), 2)
        with server.client(headers=bearer(issuer.token("bob", publish=["**"]))) as bob:
            bob.publish("c", 1)
        one.publish("c", 2)
    response = server.get(f"/history/c?token={issuer.token('ann')}")
    assert [event["data"] for event in response.json()] == [1, 2]


def test_what_an_administrator_publishes_counts_to_nobody(stage):
    server = stage.server(FLAG, "2")
    with server.client() as engine:
        for number in range(50):
            engine.publish(f"run/{number}", number)
        engine.subscribe("not/yet", "nor/this")
        refused(engine.error("subscribe", channels=["nor/that"]), 2)
        engine.publish("not/yet", 1)
        engine.subscribe("nor/that")


def test_the_share_is_a_quarter_unless_it_is_set(stage):
    server = stage.server("--max-server-channels", "12", "--max-channels", "2")
    with server.client() as one, server.client() as two:
        one.subscribe("a", "b")
        two.subscribe("c")
        refused(two.error("subscribe", channels=["d"]), 3)
    server = stage.server("--max-server-channels", "12", "--max-channels", "5")
    with server.client() as client:
        client.subscribe("a", "b", "c", "d", "e")


def test_routes_count_to_the_publisher(stage):
    issuer = Issuer(stage.home)
    file = stage.home / "routes.toml"
    file.write_text('[[route]]\nfrom = "alerts"\nto = ["by/{/id}"]\n', encoding="ascii")
    server = stage.server(*issuer.options, "--config", str(file), FLAG, "3")
    with server.client(headers=bearer(issuer.token("ann", publish=["**"]))) as ann:
        # alerts, by/0 and by/1 are hers.
        for number in range(4):
            ann.publish("alerts", {"id": number})
    metrics = server.get(f"/metrics?token={issuer.token('ann')}").body.decode()
    assert 'wskit_route_failures_total{reason="server_full"} 2' in metrics, metrics


def test_a_reload_changes_the_share(stage):
    file = stage.home / "wsserve.toml"
    file.write_text("[limits]\nmax-server-channels-per-client = 1\n", encoding="ascii")
    server = stage.server("--config", str(file))
    with server.client() as client:
        client.subscribe("a")
        refused(client.error("subscribe", channels=["b"]), 1)
        file.write_text("[limits]\nmax-server-channels-per-client = 2\n", encoding="ascii")
        server.process.signal(signal.SIGHUP)
        server.process.wait_for_stderr("reloaded")
        client.subscribe("b")
