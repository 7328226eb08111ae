"""Proves: floods of pings are answered where they are read, bounded where not, and disturb nobody."""

from harness.bystander import Bystander
from harness.deadline import SLOW, eventually
from harness.frames import PING, PONG, encode
from harness.sanitizer import SANITIZED

MIB = 1 << 20
FLOOD = b"".join(encode(PING, f"{number:0125}") for number in range(2000))


def test_one_that_is_read(stage):
    server = stage.server("--heartbeat", "1h")
    with Bystander(server), server.client() as client:
        for _ in range(20):
            client.websocket.send(FLOOD)
            while (frame := client.websocket.read_frame()).payload != f"{1999:0125}".encode():
                assert frame.opcode == PONG
        client.still_works()


def test_one_that_is_not_read(stage):
    server = stage.server("--heartbeat", f"{3 * SLOW}s")
    with Bystander(server):
        base = server.private_bytes()
        client = server.client(receive_buffer=4096)
        client.websocket.socket.settimeout(2)
        sent = 0
        try:
            while sent < 256 * MIB:
                client.websocket.send(FLOOD)
                sent += len(FLOOD)
        except OSError:
            pass
        if not SANITIZED:
            assert server.private_bytes() - base < 32 * MIB
        client.websocket.abort()
        eventually(lambda: server.stats()["total_connections"] == 1, "the flooder is gone")


def test_many_at_once(stage):
    server = stage.server("--heartbeat", "1h", "--threads", "2")
    with Bystander(server) as bystander:
        clients = [server.client() for _ in range(10)]
        for client in clients:
            client.websocket.send(FLOOD)
        bystander.sees_rounds(2)
        for client in clients:
            while client.websocket.read_frame().payload != f"{1999:0125}".encode():
                pass
            client.still_works()
