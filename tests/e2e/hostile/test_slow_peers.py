"""Proves: peers that send byte by byte, or do not read, cost the server their limit, and others nothing."""

import threading

from harness.bystander import Bystander
from harness.deadline import SLOW, eventually
from harness.frames import BINARY, TEXT, encode
from harness.sanitizer import SANITIZED
from harness.websocket import open_socket

MIB = 1 << 20


def test_commands_sent_byte_by_byte_are_answered(stage):
    server = stage.server("--heartbeat", "1h")
    with Bystander(server):
        clients = [server.client() for _ in range(8)]
        raw = encode(TEXT, '{"action":"publish","id":1,"channel":"a","type":"t","data":{"n":1}}')
        for position in range(len(raw)):
            for client in clients:
                client.websocket.send(raw[position : position + 1])
        assert sorted(client.reply(1)["data"]["offset"] for client in clients) == list(range(1, 9))


def test_unfinished_messages_hold_no_more_than_what_was_sent(stage):
    server = stage.server("--heartbeat", "1h", "--max-message", "16MiB")
    with Bystander(server):
        base = server.private_bytes()
        websockets = [server.open() for _ in range(50)]
        for websocket in websockets:
            websocket.send(encode(TEXT, '{"action":', claimed=16 * MIB))
        server.wait_for_connections(51)
        if not SANITIZED:
            assert server.private_bytes() - base < 32 * MIB, "a claimed length is not yet memory"


def test_a_reader_that_stalls_is_cut_at_its_limit(stage):
    server = stage.server("--queue-limit", "1MiB", "--heartbeat", "1h")
    with Bystander(server) as bystander:
        stalled = [server.client("/ws/a", receive_buffer=4096) for _ in range(10)]
        base = server.private_bytes()
        publisher = server.client()
        peak = 0
        for _ in range(200):
            publisher.publish("a", "x" * 100_000)
            peak = max(peak, server.private_bytes())
        bystander.sees_rounds(1)
        server.wait_for_connections(2)
        if not SANITIZED:
            assert peak - base < 48 * MIB, f"{(peak - base) / MIB:.0f} MiB for ten queues of 1 MiB"
        for client in stalled:
            client.websocket.abort()


def test_an_echo_nobody_reads_stops_being_filled(stage):
    server = stage.server("--echo", "--heartbeat", f"{3 * SLOW}s")
    with Bystander(server):
        base = server.private_bytes()
        websocket = server.open("/echo", receive_buffer=4096)
        websocket.socket.settimeout(2)
        raw = encode(BINARY, bytes(MIB))
        sent = peak = 0
        try:
            while sent < 512 * MIB:
                websocket.send(raw)
                sent += len(raw)
                peak = max(peak, server.private_bytes())
        except OSError:
            pass  # Closed, or no longer read from: both are bounds.
        assert sent < 512 * MIB, "all of it was taken from a peer that reads nothing"
        if not SANITIZED:
            assert peak - base < 128 * MIB, f"{(peak - base) / MIB:.0f} MiB for one connection"
        eventually(lambda: server.stats()["total_connections"] == 1, "it is ended by the heartbeat")
        websocket.abort()


def test_answers_over_http_that_nobody_reads_stop(stage):
    server = stage.server("--handshake-timeout", "1s")
    with Bystander(server):
        base = server.private_bytes()
        connection = open_socket(server.address, receive_buffer=4096)
        connection.settimeout(2)
        requests = b"GET /ws/stats HTTP/1.1\r\nHost: x\r\n\r\n" * 1000
        sent = 0
        try:
            while sent < 256 * MIB:
                connection.sendall(requests)
                sent += len(requests)
        except OSError:
            pass
        assert sent < 256 * MIB, "all of it was taken from a peer that reads nothing"
        if not SANITIZED:
            assert server.private_bytes() - base < 32 * MIB
        connection.close()


def test_a_body_that_comes_byte_by_byte_is_given_up(stage):
    server = stage.server("--handshake-timeout", "500ms")
    with Bystander(server), server.http() as http:
        http.send("POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        ended = threading.Event()

        def drip():
            try:
                while not ended.wait(0.02):
                    http.send(b"x")
            except OSError:
                pass

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            while http.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        ended.set()
        thread.join()


def test_large_answers_that_nobody_reads_are_not_piled_up(stage):
    """A command of 60 bytes can ask for a megabyte, and one packet holds two thousand of them."""
    server = stage.server("--threads", "1", "--heartbeat", "1h", "--history", "100")
    with Bystander(server) as bystander:
        with server.client() as publisher:
            for _ in range(10):
                publisher.publish("a", "x" * 100_000)
        base = server.peak_bytes()
        websocket = server.open(receive_buffer=4096)
        websocket.socket.settimeout(2)
        command = '{"action":"history","channel":"a","id":1}'
        try:
            for _ in range(20):
                websocket.send(encode(TEXT, command) * 1000)
        except OSError:
            pass  # Closed, or no longer read from: both are bounds.
        bystander.sees_rounds(2)
        if not SANITIZED:
            assert server.peak_bytes() - base < 64 * MIB, f"{(server.peak_bytes() - base) / MIB:.0f} MiB"
        websocket.abort()


def test_replays_that_nobody_reads_are_not_piled_up(stage):
    server = stage.server("--threads", "1", "--heartbeat", "1h", "--history", "100")
    with Bystander(server) as bystander:
        with server.client() as publisher:
            for number in range(200):
                publisher.publish(f"c/{number}", "x" * 100_000)
        base = server.peak_bytes()
        for _ in range(20):
            websocket = server.open("/ws/c/*?since=start", receive_buffer=4096)
            websocket.abort()
        stalled = [server.open("/ws/c/*?since=start", receive_buffer=4096) for _ in range(10)]
        server.wait_for_connections(11)
        bystander.sees_rounds(2)
        if not SANITIZED:
            assert server.peak_bytes() - base < 96 * MIB, f"{(server.peak_bytes() - base) / MIB:.0f} MiB"
        for websocket in stalled:
            websocket.abort()
