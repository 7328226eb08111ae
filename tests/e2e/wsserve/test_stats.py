"""Proves: the numbers at /ws/stats and of the `stats` command are the same, and add up."""

from harness.deadline import eventually

KEYS = {
    "total_connections",
    "unique_users",
    "connections_by_user",
    "channels",
    "subscriptions",
    "published",
    "delivered",
    "merged",
    "dropped",
    "queued_bytes",
    "uptime",
}


def test_has_every_number_the_protocol_names(server):
    assert KEYS <= set(server.stats()), KEYS - set(server.stats())


def test_counts_connections_channels_subscriptions_and_events(stage):
    server = stage.server("--threads", "2")
    clients = [server.client() for _ in range(5)]
    for client in clients[:4]:
        client.subscribe("a", "b/*")
    for number in range(10):
        clients[4].publish("a", number)
        clients[4].publish("b/c", number)
        clients[4].publish("nobody/listens", number)
    for client in clients[:4]:
        client.wait_for_events(20)
    stats = eventually(lambda: (now := server.stats())["delivered"] == 80 and now, "80 deliveries")
    assert stats["total_connections"] == 5
    assert stats["subscriptions"] == 8
    assert stats["published"] == 30
    assert stats["merged"] == 0 and stats["dropped"] == 0 and stats["queued_bytes"] == 0
    clients[0].unsubscribe("a")
    clients[1].websocket.close()
    server.wait_for_connections(4)
    assert server.stats()["subscriptions"] == 5


def test_the_command_says_the_same(server):
    with server.client() as client:
        client.subscribe("a")
        client.publish("a", 1)
        client.take_events(1)
        by_command = client.expect("stats", client.command("stats"))
        by_http = server.stats()
        assert set(by_command) == set(by_http)
        assert by_http["uptime"] >= by_command["uptime"] >= 0
        for name in KEYS - {"uptime"}:
            assert by_command[name] == by_http[name], name


def test_counts_what_never_had_a_subscriber(server):
    with server.client() as client:
        client.publish("a", 1)
        stats = server.stats()
        assert (stats["published"], stats["delivered"]) == (1, 0)
