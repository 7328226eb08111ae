"""Proves: wspub keeps to its window, resends in order under the same ids, and never claims too much."""

import signal

from harness.deadline import SLOW, eventually
from harness.scripted_server import ScriptedServer, control

FAST = ("--backoff", "10ms..50ms")


def started(stage, server, *options, lines=None):
    pub = stage.tool("wspub", "-u", server.url, *FAST, *options, "a")
    if lines is not None:
        pub.feed(b"".join(b"%d\n" % number for number in range(lines)))
    return pub, server.peer()


def acknowledge_all(peer, count, offset=0):
    """Acknowledges what comes until `count` events have been."""
    done = 0
    answered = 0
    while done < count:
        eventually(lambda: len(peer.publishes()) > answered, f"publishes after {done} events")
        for identity, events in peer.publishes()[answered:]:
            answered += 1
            done += len(events)
            if identity is not None:
                peer.acknowledge(identity, events, offset + done)


def values(events):
    return [event["data"] for event in events]


def test_the_window_bounds_what_is_in_flight_and_stops_reading(stage):
    with ScriptedServer() as server:
        pub, peer = started(stage, server, "--window", "8")
        pub.feed(b"".join(b'"%060d"\n' % number for number in range(100_000)))
        eventually(lambda: len(peer.published_events()) == 8, "the window is full")
        peer.send(control("heartbeat", {}))
        assert len(peer.published_events()) == 8
        with open(f"/proc/{pub.pid}/io", encoding="ascii") as io:
            read_bytes = int(io.readline().split()[1])
        assert read_bytes < 4 << 20, "the pipe slows the engine"
        identity, events = peer.publishes()[0]
        peer.acknowledge(identity, events, len(events))
        eventually(lambda: len(peer.published_events()) == 8 + len(events), "the window slides")
        pub.signal(signal.SIGKILL)
        pub.wait()


def test_all_acknowledged_is_0(stage):
    with ScriptedServer() as server:
        pub, peer = started(stage, server, lines=5000)
        acknowledge_all(peer, 5000)
        assert pub.wait() == 0, pub.stderr
        assert values(peer.published_events()) == list(range(5000))
        assert peer.close_frame[0] == 1000


def test_every_line_has_an_id_of_its_own_that_a_resend_keeps(stage):
    with ScriptedServer() as server:
        pub, peer = started(stage, server, "--window", "16", lines=40)
        eventually(lambda: len(peer.published_events()) == 16, "a window")
        first = peer.published_events()
        identity, events = peer.publishes()[0]
        peer.acknowledge(identity, events, len(events))
        acknowledged = len(events)
        peer.send(control("heartbeat", {}))
        peer.drop()

        again = server.peer()
        eventually(lambda: len(again.published_events()) >= 16 - acknowledged, "the window is resent")
        resent = again.published_events()
        dedup = {event["data"]: event["dedup"] for event in first}
        assert len(set(dedup.values())) == 16
        start = resent[0]["data"]
        assert start <= acknowledged, "nothing that was not acknowledged is passed over"
        for event in resent[: 16 - start]:
            assert event["dedup"] == dedup[event["data"]]
        acknowledge_all(again, 40 - start)
        assert values(again.published_events()) == list(range(start, 40)), "in order"
        assert pub.wait() == 0, pub.stderr


def test_without_an_answer_it_gives_the_connection_up_and_sends_again(stage):
    with ScriptedServer() as server:
        pub, peer = started(stage, server, "--ack-timeout", f"{2 * SLOW}s", lines=3)
        eventually(lambda: len(peer.published_events()) == 3, "the lines")
        peer.wait_for_end()
        again = server.peer()
        acknowledge_all(again, 3)
        assert pub.wait() == 0, pub.stderr
        assert values(again.published_events()) == [0, 1, 2]


def test_without_retries_unacknowledged_lines_are_not_0(stage):
    for options in (["--no-reconnect"], ["--retries", "0"]):
        with ScriptedServer() as server:
            pub, peer = started(stage, server, *options, lines=10)
            eventually(lambda: len(peer.published_events()) == 10, "the lines")
            peer.drop()
            assert pub.wait() in (6, 7), (options, pub.stderr)
            assert "10" in pub.stderr.splitlines()[-1]


def test_a_refused_event_is_not_acknowledged(stage):
    for code in ("FORBIDDEN", "TOO_LARGE", "BAD_EVENT"):
        with ScriptedServer() as server:
            pub, peer = started(stage, server, lines=1)
            eventually(lambda: len(peer.published_events()) == 1, "the line")
            identity, _ = peer.publishes()[0]
            peer.send(control("error", {"code": code, "message": f"{code} for a reason"}, identity))
            assert pub.wait() in (4, 7), (code, pub.stderr)
            assert f"{code} for a reason" in pub.stderr


def test_an_event_that_the_server_could_not_take_now_is_sent_again(stage):
    with ScriptedServer() as server:
        pub, peer = started(stage, server, lines=1)
        eventually(lambda: len(peer.published_events()) == 1, "the line")
        identity, _ = peer.publishes()[0]
        peer.send(control("error", {"code": "UNAVAILABLE", "message": "the engine is away"}, identity))

        def sent_again():
            return [(each, publish) for each in server.peers for publish in each.publishes()][1:]

        again, (identity, events) = eventually(sent_again, "the line is sent again")[0]
        assert values(events) == [0]
        again.acknowledge(identity, events, 1)
        assert pub.wait() == 0, pub.stderr


def test_a_signal_ends_it_with_a_true_count(stage):
    with ScriptedServer() as server:
        pub, peer = started(stage, server)
        pub.write(b"1\n2\n")
        acknowledge_all(peer, 2)
        pub.signal(signal.SIGINT)
        assert pub.wait() == -signal.SIGINT
        assert "2" in pub.stderr.splitlines()[-1]
        assert peer.close_frame[0] == 1000


def test_without_acknowledgements_none_is_waited_for(stage):
    with ScriptedServer() as server:
        pub, peer = started(stage, server, "--ack", "none", lines=100)
        eventually(lambda: len(peer.published_events()) == 100, "the lines")
        assert pub.wait() == 0, pub.stderr


def refuse_for_now(peer, code, details=None):
    """Says "not now" to everything that has come, and returns how many commands that were."""
    commands = peer.publishes()
    for identity, _ in commands:
        peer.send(
            control(
                "error", {"code": code, "message": "the disk is full", "details": details or {}}, identity
            )
        )
    return len(commands)


def test_while_nothing_can_be_stored_all_lines_wait_and_keep_their_order(stage):
    for code, details in (("UNAVAILABLE", None), ("RATE_LIMITED", {"retry_after": 0.05})):
        with ScriptedServer() as server:
            pub, peer = started(stage, server, "--window", "16", lines=200)
            eventually(lambda: len(peer.published_events()) == 16, "a window")
            refused = refuse_for_now(peer, code, details)
            eventually(lambda: len(peer.publishes()) == refused + 1, "the first one is tried again, alone")
            identity, events = peer.publishes()[refused]
            assert values(events) == [0]
            peer.acknowledge(identity, events, 1)
            eventually(lambda: len(peer.publishes()) > refused + 1, "the others follow")
            done, offset = refused + 1, 1
            while offset < 200:
                for identity, events in peer.publishes()[done:]:
                    assert values(events)[0] == offset, "in order"
                    done, offset = done + 1, offset + len(events)
                    peer.acknowledge(identity, events, offset)
                eventually(lambda: offset >= 200 or len(peer.publishes()) > done, f"more after {offset}")
            assert pub.wait() == 0, pub.stderr
            assert pub.stderr.count("cannot take events now: the disk is full") == 1, pub.stderr


def test_retries_of_what_cannot_be_stored_end_with_a_true_count(stage):
    with ScriptedServer() as server:
        pub, peer = started(stage, server, "--retries", "1", lines=3)
        eventually(lambda: len(peer.published_events()) == 3, "the lines")
        refused = refuse_for_now(peer, "UNAVAILABLE")
        eventually(lambda: len(peer.publishes()) > refused, "another attempt")
        identity, _ = peer.publishes()[refused]
        peer.send(control("error", {"code": "UNAVAILABLE", "message": "the disk is full"}, identity))
        assert pub.wait() == 7, pub.stderr
        assert "read 3, acknowledged 0, not published 3, sent again" in pub.stderr
