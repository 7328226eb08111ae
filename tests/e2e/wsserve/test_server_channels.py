"""Proves: `@…` is the server's own: nobody publishes to it, and patterns must begin with `@` to reach it."""


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
