"""Proves: a handshake that does not come to its end is ended by --handshake-timeout, however slowly it goes on."""

import threading
import time

from harness.bystander import Bystander
from harness.deadline import DEADLINE, SLOW
from harness.frames import TEXT, encode
from harness.websocket import WebSocket, handshake

REQUEST = handshake()
TIMEOUT = ("--handshake-timeout", f"{2 * SLOW}s")


def wait_for_the_end(connection):
    """Reads until the server ends the connection, and returns what it said."""
    connection.settimeout(DEADLINE)
    said = b""
    try:
        while piece := connection.recv(65536):
            said += piece
    except ConnectionResetError:
        pass
    return said


def test_half_open_ones_are_ended(stage):
    server = stage.server(*TIMEOUT)
    base = server.descriptors()
    with Bystander(server) as bystander:
        connections = []
        for cut in (0, 1, 3, 10, len(REQUEST) // 2, len(REQUEST) - 2, len(REQUEST) - 1):
            for _ in range(20):
                connection = server.connect()
                connection.sendall(REQUEST[:cut])
                connections.append(connection)
        bystander.sees_rounds(2)
        for connection in connections:
            said = wait_for_the_end(connection)
            assert b"101" not in said.split(b"\r\n")[0]
            connection.close()
    assert server.descriptors() <= base + 1


def test_one_that_goes_on_byte_by_byte_is_ended_as_well(stage):
    server = stage.server(*TIMEOUT)
    with Bystander(server), server.connect() as connection:
        ended = threading.Event()

        def drip():
            padding = REQUEST[:-2] + b"X-Padding: " + b"x" * 8000
            try:
                for position in range(len(padding)):
                    connection.sendall(padding[position : position + 1])
                    if ended.wait(0.05):
                        return
            except OSError:
                pass

        thread = threading.Thread(target=drip)
        thread.start()
        wait_for_the_end(connection)
        ended.set()
        thread.join()


def test_a_connection_that_asks_nothing_more_is_ended(stage):
    server = stage.server("--idle-timeout", "500ms")
    with server.http() as http:
        for _ in range(3):
            http.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert http.read().status == 200
        assert http.ended()
    stats = server.stats()
    assert (stats["idle_timeouts"], stats["handshake_timeouts"]) == (1, 0), stats


def test_a_further_request_has_its_own_time(stage):
    server = stage.server("--handshake-timeout", f"{SLOW}s", "--idle-timeout", "1h")
    with server.http() as http:
        http.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert http.read().status == 200
        with server.connect() as other:
            wait_for_the_end(other)
        http.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert http.read().status == 200, "between requests it may wait for an hour"
        http.send("GET /healthz")
        assert http.ended(), "but not in the middle of one"
    assert server.stats()["handshake_timeouts"] == 2


def test_an_upgraded_connection_has_no_such_limit(stage):
    server = stage.server(*TIMEOUT)
    with server.client() as client:
        with server.connect() as other:
            wait_for_the_end(other)
        client.still_works()


def test_a_slow_one_that_ends_in_time_is_served(stage):
    server = stage.server("--handshake-timeout", "1h")
    with Bystander(server):
        websocket = WebSocket(server.address, path=None)
        raw = REQUEST + encode(TEXT, '{"action":"ping","id":1}')
        for position in range(len(raw)):
            websocket.send(raw[position : position + 1])
            if position % 50 == 0:
                time.sleep(0.001)
        websocket.read_upgrade()
        assert '"connected"' in websocket.read_message()[1]
        assert '"pong"' in websocket.read_message()[1]


def test_many_at_once_leave_room_for_others(stage):
    server = stage.server(*TIMEOUT)
    connections = [server.connect() for _ in range(500)]
    with server.client() as client:
        client.still_works()
    for connection in connections:
        wait_for_the_end(connection)
        connection.close()


# H1
def test_a_trailer_of_any_length_ends_only_its_own_connection(server):
    head = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    with Bystander(server) as bystander:
        for tail in (b"0\r\nX: " + b"a" * 66_000, b"0;" + b"e" * 100_000, b"0\r\n" + b"n" * 66_000 + b": x"):
            with server.connect() as connection:
                try:
                    connection.sendall(head + tail + b"\r\n\r\n")
                except (BrokenPipeError, ConnectionResetError):
                    pass  # it was refused before all of it was sent
                assert b" 200 " not in wait_for_the_end(connection).split(b"\r\n")[0]
            bystander.sees_rounds(1)
