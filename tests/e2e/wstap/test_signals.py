"""Proves: SIGINT and SIGTERM end wstap in good order and by that signal, so that the shell sees it."""

import signal

from harness.scripted_server import ScriptedServer, event, subscribed


def test_the_shell_sees_the_signal_and_goes_no_further(stage):
    server = stage.server()
    shell = stage.shell(f"wstap -u {server.url} a; echo after")
    server.wait_for_subscriptions(1)
    shell.signal_group(signal.SIGINT)
    assert shell.wait() == -signal.SIGINT
    assert b"after" not in shell.stdout


def test_what_was_received_is_printed_and_the_connection_is_closed(stage):
    for number in (signal.SIGINT, signal.SIGTERM):
        with ScriptedServer() as server:
            tap = stage.tool("wstap", "-u", server.url, "a", "-o", "data")
            peer = server.peer()
            peer.wait_for_messages(1)
            subscribed(peer, {"a": (0, "e", True)})
            for offset in range(1, 101):
                peer.send(event("a", offset, offset))
            tap.wait_for_lines(100)
            tap.signal(number)
            assert tap.wait() == -number
            peer.wait_for_end()
            assert peer.close_frame[0] == 1000
            assert tap.stdout == b"".join(b"%d\n" % offset for offset in range(1, 101))


def test_a_signal_ends_it_while_it_tries_to_reconnect(stage):
    server = stage.server()
    tap = stage.tool("wstap", "-u", server.url, "a", "--backoff", "1h..1h")
    server.wait_for_subscriptions(1)
    server.kill()
    tap.wait_for_stderr("lost the connection")
    tap.signal(signal.SIGINT)
    assert tap.wait() == -signal.SIGINT


def test_a_second_signal_ends_it_though_nobody_reads(stage):
    """The first one waits for the reader to take what was received."""
    server = stage.server("--queue-limit", "64MiB")
    tap = stage.tool("wstap", "-u", server.url, "a", unread=True)
    server.wait_for_subscriptions(1)
    with server.client() as publisher:
        for _ in range(20):
            publisher.publish("a", "x" * 100_000)
    tap.signal(signal.SIGTERM)
    server.wait_for_connections(0)
    tap.signal(signal.SIGTERM)
    assert tap.wait() == -signal.SIGTERM


def test_sigusr1_is_answered_with_a_line_and_changes_nothing(stage):
    server = stage.server()
    tap = stage.tool("wstap", "-u", server.url, "a", "-q", "-o", "data", "-n", "2")
    server.wait_for_subscriptions(1)
    with server.client() as publisher:
        publisher.publish("a", 1)
        tap.wait_for_lines(1)
        tap.signal(signal.SIGUSR1)
        tap.wait_for_stderr(r"^wstap: .*1.*\n")
        publisher.publish("a", 2)
        assert tap.wait() == 0
    assert tap.stderr.count("\n") == 1
    assert tap.stdout == b"1\n2\n"
