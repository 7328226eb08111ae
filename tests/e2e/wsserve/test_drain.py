"""Proves: SIGTERM closes each connection with 1001 and when to come back, and ends with 0 within a bound."""

import re
import signal

from harness import frames


def test_tells_each_connection_when_to_come_back(server):
    clients = [server.client() for _ in range(30)]
    server.process.signal(signal.SIGTERM)
    hints = []
    for client in clients:
        code, reason = client.websocket.read_close()
        assert code == 1001
        hints.append(int(re.fullmatch(r"reconnect after (\d+) ms", reason)[1]))
        client.websocket.send_frame(frames.CLOSE, frames.close_payload(1001))
        assert client.websocket.read_to_end() == []
        client.websocket.abort()
    assert len(set(hints)) > 10, f"the hints are spread over the clients: {sorted(hints)}"
    assert server.process.wait() == 0


def test_delivers_what_was_acknowledged_before_it_leaves(server):
    subscriber, publisher = server.client(), server.client()
    subscriber.subscribe("a")
    for number in range(500):
        publisher.publish("a", number)
    server.process.signal(signal.SIGTERM)
    assert [event.offset for event in subscriber.events_until_closed(1001)] == list(range(1, 501))
    publisher.websocket.abort()
    assert server.process.wait() == 0


def test_sigint_drains_as_well(server):
    client = server.client()
    server.process.signal(signal.SIGINT)
    assert client.websocket.read_close()[0] == 1001
    client.websocket.abort()
    assert server.process.wait() == 0


# H9: it was promised time to end.
def test_a_half_sent_request_is_answered(stage):
    server = stage.server("--threads", "1", "--drain", "1h")
    rests = {
        "GET /healthz HTTP/1.1\r\nHo": ("st: localhost\r\n\r\n", 200),
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\n": ("Host: localhost\r\n\r\n", 200),
        "POST /publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n4": ("2", 503),
    }
    halves = {begin: server.http() for begin in rests}
    for begin, http in halves.items():
        http.send(begin)
        if begin.startswith("GET / "):
            assert http.read().status == 200
    # A connection that asks nothing is let go of: the drain has reached all of its shard.
    idle = server.http()
    server.wait_for_connections(0)
    server.process.signal(signal.SIGTERM)
    assert idle.ended()
    for begin, http in halves.items():
        rest, status = rests[begin]
        http.send(rest)
        response = http.read()
        assert (response.status, response.headers["connection"]) == (status, "close"), begin
        assert http.ended()
    assert server.process.wait() == 0


def test_a_peer_that_never_answers_does_not_keep_it(stage):
    server = stage.server("--drain", "300ms")
    silent = [server.client() for _ in range(3)]
    half_open = server.connect()
    half_open.sendall(b"GET /ws HTTP/1.1\r\n")
    server.process.signal(signal.SIGTERM)
    assert server.process.wait() == 0
    for client in silent:
        assert client.websocket.read_close()[0] == 1001


def test_a_peer_that_never_reads_does_not_keep_it(stage):
    server = stage.server("--drain", "300ms", "--queue-limit", "64MiB")
    stalled = server.client(receive_buffer=4096)
    stalled.subscribe("a")
    publisher = server.client()
    for _ in range(40):
        publisher.publish("a", "x" * 500_000)
    server.process.signal(signal.SIGTERM)
    assert server.process.wait() == 0


def test_takes_no_new_connection_while_it_drains(stage):
    server = stage.server("--drain", "60s")
    client = server.client()
    server.process.signal(signal.SIGTERM)
    assert client.websocket.read_close()[0] == 1001
    try:
        late = server.connect()
        late.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert late.recv(4096) == b"", "served while draining"
    except OSError:
        pass  # Refused or reset: nobody listens any more.
    client.websocket.abort()
    assert server.process.wait() == 0


def test_a_second_signal_ends_it_at_once(stage):
    server = stage.server("--drain", "1h")
    client = server.client()
    server.process.signal(signal.SIGTERM)
    assert client.websocket.read_close()[0] == 1001
    server.process.signal(signal.SIGTERM)
    assert server.process.wait() in (0, -signal.SIGTERM, 128 + signal.SIGTERM)


def test_signals_that_come_with_the_end_do_not_put_it_off(stage):
    for _ in range(10):
        server = stage.server("--drain", "1h", "--threads", "1")
        with server.client():
            server.process.signal(signal.SIGTERM)
            server.process.wait_for_stderr("draining 1 connections")
            # Stopped, it finds them all at once when it goes on.
            server.process.signal(signal.SIGSTOP)
            for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
                server.process.signal(number)
            server.process.signal(signal.SIGCONT)
            assert server.process.wait() == 0
