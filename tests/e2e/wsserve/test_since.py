"""Proves: a subscriber that comes back is told truly whether it missed something."""


def test_a_reconnect_that_missed_nothing_is_recovered(server):
    with server.client() as client:
        position = client.publish("a", 1)
        since = {"offset": position["offset"], "epoch": position["epoch"]}
        entry = client.subscribe("a", since=since)["channels"][0]
        assert (entry["recovered"], entry["replayed"]) == (True, 0)
        client.publish("a", 2)
        assert client.take_events(1)[0].offset == 2


def test_without_a_history_one_that_missed_events_is_told_so(stage):
    server = stage.server("--history", "0")
    with server.client() as client:
        first = client.publish("a", 1)
        for number in range(3):
            client.publish("a", number)
        entry = client.subscribe("a", since={"offset": first["offset"], "epoch": first["epoch"]})["channels"][
            0
        ]
        assert (entry["recovered"], entry["replayed"], entry["offset"]) == (False, 0, 4)
        assert entry["oldest"] == 5
        client.publish("a", 5)
        assert client.take_events(1)[0].offset == 5


def test_a_position_of_another_epoch_is_never_recovered(server):
    with server.client() as client:
        position = client.publish("a", 1)
        since = {"offset": position["offset"], "epoch": "another" + position["epoch"]}
        assert client.subscribe("a", since=since)["channels"][0]["recovered"] is False


def test_a_position_ahead_of_the_channel_is_never_recovered(server):
    with server.client() as client:
        position = client.publish("a", 1)
        since = {"offset": position["offset"] + 1, "epoch": position["epoch"]}
        assert client.subscribe("a", since=since)["channels"][0]["recovered"] is False


def test_a_restarted_server_does_not_claim_to_know(stage):
    first = stage.lasting_server()
    with first.client() as client:
        before = client.publish("a", 1)
    first.kill()
    with stage.restart(first).client() as client:
        client.publish("a", 1)
        entry = client.subscribe("a", since={"offset": 1, "epoch": before["epoch"]})["channels"][0]
        assert entry["recovered"] is False and entry["epoch"] != before["epoch"]


def test_positions_for_a_pattern_recover_each_channel(server):
    with server.client() as client:
        one, two = client.publish("m/one", 1), client.publish("m/two", 1)
        positions = {ack["channel"]: {"offset": ack["offset"], "epoch": ack["epoch"]} for ack in (one, two)}
        reply = client.subscribe("m/*", since={"positions": positions})
        assert all(entry["recovered"] for entry in reply["channels"]), reply


def test_a_position_that_is_none_is_a_bad_command(server):
    with server.client() as client:
        for since in (7.5, [], {"offset": "x"}, {"offset": -1}, True):
            assert client.error("subscribe", channels=["a"], since=since)["code"] == "BAD_COMMAND", since
        client.still_works()


def test_a_pattern_lists_what_it_matches_where_it_is_asked_to(server):
    with server.client() as client:
        one, two = client.publish("m/one", 1), client.publish("m/two", 1)
        client.publish("m/two", 2)
        positions = {ack["channel"]: {"offset": ack["offset"], "epoch": ack["epoch"]} for ack in (one, two)}
        with server.client() as reader:
            entry = reader.subscribe("m/*", since={"positions": positions}, matched=True)["channels"][0]
            matched = {match.pop("channel"): match for match in entry["matched"]}
            assert matched == {
                "m/one": {"offset": 1, "epoch": one["epoch"], "recovered": True, "replayed": 0},
                "m/two": {"offset": 2, "epoch": two["epoch"], "recovered": True, "replayed": 1},
            }
            again = reader.subscribe("m/*", matched=True)["channels"][0]
            assert {match["channel"]: match["offset"] for match in again["matched"]} == {"m/one": 1, "m/two": 2}
        with server.client() as live:
            entry = live.subscribe("m/*", matched=True)["channels"][0]
            assert [match["recovered"] for match in entry["matched"]] == [False, False]
            assert "gaps" not in entry
            assert "matched" not in live.subscribe("n/*")["channels"][0]
        assert client.error("subscribe", channels=["m/*"], matched="yes")["code"] == "BAD_COMMAND"


def test_a_list_longer_than_a_message_is_left_out(stage):
    server = stage.server("--max-message", "4KiB")
    with server.client() as client:
        for number in range(40):
            client.publish(f"m/{number}", 1)
        assert "matched" not in client.subscribe("m/*", matched=True)["channels"][0]


def test_a_live_subscription_takes_no_part_in_a_replay_that_is_under_way(stage):
    """It has another filter than the one that asked for the replay, and wants what comes from its own position on."""
    server = stage.server("--history-bytes", "64MiB")
    with server.client() as publisher, server.client(receive_buffer=4096) as reader:
        for number in range(1000):
            publisher.publish("m/a", "x" * 20_000, type="odd" if number % 2 else "even")
        reader.subscribe("m/*", events=["odd"], since="start")
        assert reader.subscribe("m/a")["channels"][0]["offset"] == 1000
        publisher.publish("m/a", "last", type="even")
        events = reader.take_events(501)
        assert [event.type for event in events] == ["odd"] * 500 + ["even"]
        assert events[-1].offset == 1001


def test_a_full_server_does_not_claim_to_have_recovered_a_channel_that_it_cannot_make(stage):
    server = stage.server("--max-server-channels", "1")
    with server.client() as client:
        client.publish("elsewhere", 1)
        known = {"a/gone": {"offset": 5, "epoch": "E"}}
        entry = client.subscribe("a/*", since={"positions": known})["channels"][0]
        assert entry["recovered"] is False
        assert entry["replayed"] == 0
