"""Proves: wstap ends where it was told to, and its exit code says why."""

from harness.deadline import SLOW
from harness.scripted_server import ScriptedServer, event, subscribed


def tapping(stage, server, *options):
    tap = stage.tool("wstap", "-u", server.url, "-o", "data", *options, "a")
    server.wait_for_subscriptions(1)
    return tap


def test_after_n_records(stage):
    server = stage.server()
    tap = tapping(stage, server, "-n", "3")
    with server.client() as publisher:
        for number in range(10):
            publisher.publish("a", number)
    assert tap.wait() == 0
    assert tap.stdout == b"0\n1\n2\n", "not one more, though they come in one packet"


def test_after_the_event_it_waits_for(stage):
    server = stage.server()
    tap = tapping(stage, server, "--until-event", "session_completed")
    with server.client() as publisher:
        publisher.publish("a", 1)
        publisher.publish("a", 2, type="session_completed")
        publisher.publish("a", 3)
    assert tap.wait() == 0
    assert tap.stdout == b"1\n2\n"


def test_with_5_when_the_time_is_over(stage):
    server = stage.server()
    tap = tapping(stage, server, "-n", "2", "-W", f"{3 * SLOW}s")
    with server.client() as publisher:
        publisher.publish("a", 1)
    assert tap.wait() == 5
    assert tap.stdout == b"1\n"


def test_when_nothing_comes_any_more(stage):
    server = stage.server()
    tap = tapping(stage, server, "--idle", f"{3 * SLOW}s")
    with server.client() as publisher:
        publisher.publish("a", 1)
    assert tap.wait() == 0
    assert tap.stdout == b"1\n"


def test_with_5_when_nothing_ever_came(stage):
    server = stage.server()
    assert tapping(stage, server, "--idle", "300ms").wait() == 5


def test_only_events_of_the_wanted_types_are_printed(stage):
    server = stage.server()
    tap = tapping(stage, server, "-e", "trade", "-e", "quote", "-n", "2")
    with server.client() as publisher:
        for kind in ("noise", "trade", "noise", "quote"):
            publisher.publish("a", kind, type=kind)
    assert tap.wait() == 0
    assert tap.stdout == b'"trade"\n"quote"\n'


def test_with_3_when_there_is_no_server(stage):
    url = stage.reserve_port().url
    tap = stage.run("wstap", "-u", url, "a")
    assert tap.code == 3
    assert url in tap.stderr and tap.stderr.count("\n") == 1


def test_with_4_when_it_is_refused(stage):
    server = stage.server()
    for url in (f"{server.url}/nothing", f"{server.url}/healthz"):
        tap = stage.run("wstap", "-u", url, "a")
        assert tap.code == 4, (url, tap.stderr)
    tap = stage.run("wstap", "-u", server.url, "@user/somebody")
    assert tap.code == 4 and "@user/somebody" in tap.stderr


def test_with_4_when_what_answers_speaks_no_websocket(stage):
    for answer in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
    ):
        with ScriptedServer(answer=answer) as server:
            tap = stage.run("wstap", "-u", server.url, "a", "--no-reconnect")
            assert tap.code == 4, (answer, tap.stderr)


def test_with_6_when_the_connection_is_lost_for_good(stage):
    server = stage.server()
    tap = tapping(stage, server, "--no-reconnect")
    server.kill()
    assert tap.wait() == 6
    server = stage.server()
    tap = tapping(stage, server, "--retries", "2", "--backoff", "10ms..20ms")
    server.kill()
    assert tap.wait() == 6


def test_with_2_for_what_it_does_not_understand(stage):
    for options in (["--no-such-option"], ["-n", "many"], ["-W", "soon"], ["-o", "xml"], ["-u", "ftp://x"]):
        tap = stage.run("wstap", *options, "a")
        assert tap.code == 2, (options, tap.stderr)
        assert tap.stdout == b""
    tap = stage.run("wstap", "a//b")
    assert tap.code in (2, 4) and "a//b" in tap.stderr


def test_with_8_when_what_it_prints_cannot_be_written(stage):
    server = stage.server()
    shell = stage.shell(f"wstap -u {server.url} a > /dev/full; echo $?")
    server.wait_for_subscriptions(1)
    with server.client() as publisher:
        publisher.publish("a", 1)
        assert shell.wait_for_lines(1)[0] == b"8", shell.stderr


def test_with_4_when_the_server_says_not_to_come_back(stage):
    for code in (4001, 4003):
        with ScriptedServer() as server:
            tap = stage.tool("wstap", "-u", server.url, "a", "--backoff", "10ms..10ms")
            peer = server.peer()
            peer.wait_for_messages(1)
            subscribed(peer, {"a": (0, "e", True)})
            peer.send(event("a", 1))
            tap.wait_for_lines(1)
            peer.close(code, "not you")
            assert tap.wait() == 4
            assert "not you" in tap.stderr


def test_a_full_disk_is_no_success_where_it_shows_only_at_the_end(stage):
    server = stage.server()
    with server.client() as publisher:
        publisher.publish("a", 1, type="last")
    for option in ("-n 1", "--until-event last", "--end"):
        shell = stage.shell(f"wstap -u {server.url} a --from start {option} > /dev/full; echo $?")
        assert shell.wait() == 0
        assert shell.stdout == b"8\n", (option, shell.stderr)
        assert "No space left on device" in shell.stderr
