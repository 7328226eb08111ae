"""Proves: after thousands of broken connections of every kind, descriptors and memory are back where they were."""

from harness.bystander import Bystander
from harness.deadline import eventually
from harness.frames import BINARY, CLOSE, PING, RSV1, RSV2, TEXT, close_payload, encode
from harness.sanitizer import SANITIZED
from harness.websocket import deflate, handshake

MIB = 1 << 20
ROUNDS = 10 if SANITIZED else 40


def each_kind(server):
    """One connection of every kind that ends badly, given back while it is open."""
    connection = server.connect()
    yield connection
    connection = server.connect()
    connection.sendall(handshake()[:50])
    yield connection
    connection = server.connect()
    connection.sendall(b"\xff" * 100)
    yield connection
    connection = server.connect()
    connection.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
    yield connection
    for raw in (
        b"",
        encode(TEXT, "x", reserved=RSV2),
        encode(TEXT, b"\xff"),
        encode(TEXT, "unfinished", claimed=100_000),
        encode(TEXT, "x" * 50_000, fin=False),
        encode(PING, "x") * 100,
        encode(CLOSE, close_payload(1000)),
        encode(TEXT, '{"action":"subscribe","channels":["a","b/*","**"],"id":1}'),
        encode(TEXT, '{"action":"publish","channel":"a","type":"t","data":"' + "x" * 10_000 + '"}'),
    ):
        websocket = server.open()
        websocket.send(raw)
        yield websocket.socket
    for offer in ("permessage-deflate", "permessage-deflate; client_no_context_takeover"):
        websocket = server.open("/echo", deflate=offer)
        websocket.send(encode(BINARY, deflate(bytes(100_000)), reserved=RSV1))
        yield websocket.socket
        websocket = server.open("/ws/**", deflate=offer)
        websocket.send(encode(TEXT, deflate('{"action":"stats"}')[:-3], reserved=RSV1))
        yield websocket.socket


def test_nothing_stays_behind(stage):
    server = stage.server("--echo", "--threads", "2")

    def rounds(count):
        for _ in range(count):
            connections = list(each_kind(server)) + list(each_kind(server))
            for connection in connections:
                connection.close()
        server.wait_for_connections(1)

    with Bystander(server):
        rounds(5)
        memory, descriptors = server.private_bytes(), server.descriptors()
        rounds(ROUNDS)
        eventually(lambda: server.descriptors() <= descriptors, "the descriptors are back")
        if not SANITIZED:
            grown = server.private_bytes() - memory
            assert grown < 8 * MIB, f"{grown / MIB:.1f} MiB more than before"
        assert server.stats()["subscriptions"] == 1
