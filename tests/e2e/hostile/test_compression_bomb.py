"""Proves: a message that inflates past the limit is closed with 1009 before it has been inflated."""

import zlib

from harness.bystander import Bystander
from harness.frames import BINARY, CONTINUATION, RSV1, TEXT, encode
from harness.sanitizer import SANITIZED

MIB = 1 << 20


def bomb(mib):
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    compressed = b"".join(machine.compress(bytes(MIB)) for _ in range(mib)) + machine.flush(zlib.Z_SYNC_FLUSH)
    return compressed[:-4]


def test_a_bomb_is_too_big(stage):
    server = stage.server("--echo", "--heartbeat", "1h")
    payload = bomb(512)
    assert len(payload) < MIB, "what is sent is within the limit"
    base = server.peak_bytes()
    with Bystander(server):
        for path in ("/ws", "/echo"):
            for _ in range(5):
                with server.open(path, deflate="permessage-deflate") as websocket:
                    websocket.send_frame(BINARY if path == "/echo" else TEXT, payload, reserved=RSV1)
                    assert websocket.read_close()[0] == 1009
                    websocket.read_to_end()
        if not SANITIZED:
            assert server.peak_bytes() - base < 96 * MIB, "512 MiB were never there"


def test_a_bomb_in_pieces_is_too_big(stage):
    server = stage.server("--heartbeat", "1h")
    payload = bomb(256)
    with Bystander(server), server.open(deflate="permessage-deflate") as websocket:
        pieces = [payload[at : at + 4096] for at in range(0, len(payload), 4096)]
        try:
            websocket.send(encode(TEXT, pieces[0], fin=False, reserved=RSV1))
            for piece in pieces[1:]:
                websocket.send(encode(CONTINUATION, piece, fin=piece is pieces[-1]))
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert websocket.read_close()[0] == 1009


def test_a_message_just_within_the_limit_passes_and_one_past_it_does_not(stage):
    server = stage.server("--echo", "--heartbeat", "1h")
    with server.open("/echo", deflate="permessage-deflate") as websocket:
        whole = "x" * (16 * MIB)
        websocket.send_compressed(whole)
        assert websocket.read_message() == (TEXT, whole)
        websocket.send_compressed(whole + "x")
        assert websocket.read_close()[0] == 1009
