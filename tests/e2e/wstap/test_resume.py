"""Proves: wstap comes back after a lost connection, resumes by position, and declares what it cannot have back."""

import json

from harness.scripted_server import ScriptedServer, event, subscribed

FAST = ("--backoff", "10ms..50ms")


def first_connection(server, stage, *options):
    tap = stage.tool("wstap", "-u", server.url, "-o", "data", *FAST, *options, "a")
    peer = server.peer()
    peer.wait_for_messages(1)
    subscribed(peer, {"a": (0, "e1", True)})
    for offset in (1, 2, 3):
        peer.send(event("a", offset, offset))
    tap.wait_for_lines(3)
    return tap, peer


def test_asks_for_what_comes_after_the_last_event_it_printed(stage):
    with ScriptedServer() as server:
        tap, peer = first_connection(server, stage)
        peer.drop()
        again = server.peer()
        command = again.wait_for_messages(1)[0]
        assert command["action"] == "subscribe" and command["channels"] == ["a"]
        assert '{"offset": 3, "epoch": "e1"}' in json.dumps(command["since"]), command
        subscribed(again, {"a": (3, "e1", True)})
        again.send(event("a", 4, 4))
        assert tap.wait_for_lines(4)[3] == b"4"
        assert "gap" not in tap.stderr


def test_declares_a_gap_when_events_are_gone(stage):
    with ScriptedServer() as server:
        tap, peer = first_connection(server, stage)
        peer.drop()
        again = server.peer()
        again.wait_for_messages(1)
        subscribed(again, {"a": (9, "e1", False)})
        again.send(event("a", 10, 10))
        tap.wait_for_lines(4)
        tap.wait_for_stderr(r"gap.*\ba\b|\ba\b.*gap")


def test_declares_a_gap_when_the_channel_has_begun_anew(stage):
    with ScriptedServer() as server:
        tap, peer = first_connection(server, stage)
        peer.drop()
        again = server.peer()
        again.wait_for_messages(1)
        subscribed(again, {"a": (0, "e2", False)})
        again.send(event("a", 1, "new"))
        assert tap.wait_for_lines(4)[3] == b'"new"'
        tap.wait_for_stderr("gap|epoch")


def test_declares_a_hole_within_a_connection(stage):
    with ScriptedServer() as server:
        tap, peer = first_connection(server, stage)
        peer.send(event("a", 6, 6))
        tap.wait_for_lines(4)
        tap.wait_for_stderr(r"gap.*\ba\b|\ba\b.*gap")


def test_comes_back_to_a_server_that_was_restarted(stage):
    server = stage.lasting_server()
    tap = stage.tool("wstap", "-u", server.url, "-o", "data", *FAST, "a", "m/*")
    server.wait_for_subscriptions(2)
    with server.client() as publisher:
        publisher.publish("a", 1)
        publisher.publish("m/x", 2)
    tap.wait_for_lines(2)
    server.kill()
    second = stage.restart(server)
    second.wait_for_subscriptions(2)
    with second.client() as publisher:
        publisher.publish("a", 3)
        publisher.publish("m/y", 4)
    tap.wait_for_lines(4)
    assert sorted(tap.stdout.split()[2:]) == [b"3", b"4"]
    tap.wait_for_stderr("gap|epoch")


def test_a_server_that_drains_says_when_to_come_back(stage):
    server = stage.lasting_server()
    tap = stage.tool("wstap", "-u", server.url, "-o", "data", *FAST, "a")
    server.wait_for_subscriptions(1)
    server.stop()
    second = stage.restart(server)
    second.wait_for_subscriptions(1)
    with second.client() as publisher:
        publisher.publish("a", 1)
    assert tap.wait_for_lines(1) == [b"1"]


def test_waits_for_a_server_that_is_not_there_yet_when_asked(stage):
    port = stage.reserve_port()
    tap = stage.tool("wstap", "-u", port.url, "--initial-retry", *FAST, "a", "-n", "1", "-o", "data")
    tap.wait_for_stderr("cannot reach")
    server = stage.server(listen=port.address)
    server.wait_for_subscriptions(1)
    with server.client() as publisher:
        publisher.publish("a", 1)
    assert tap.wait() == 0 and tap.stdout == b"1\n"


def test_a_cut_for_slowness_is_a_reason_to_come_back(stage):
    with ScriptedServer() as server:
        tap, peer = first_connection(server, stage)
        peer.close(4008, "slow consumer")
        again = server.peer()
        again.wait_for_messages(1)
        subscribed(again, {"a": (3, "e1", True)})
        again.send(event("a", 4, 4))
        tap.wait_for_lines(4)
