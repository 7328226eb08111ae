"""Proves: /echo returns all that RFC 6455 allows: sizes, fragments, control frames between, closings."""

import os

import pytest
from harness.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, encode
from harness.websocket import close_of

MIB = 1 << 20
SIZES = [0, 1, 125, 126, 127, 128, 65535, 65536, 65537, MIB - 1, MIB, MIB + 1]


@pytest.fixture
def server(stage):
    return stage.server("--echo", "--heartbeat", "1h")


def send_in_pieces(websocket, opcode, payload, size):
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
    raw = bytearray()
    for number, piece in enumerate(pieces):
        raw += encode(opcode if number == 0 else CONTINUATION, piece, fin=number == len(pieces) - 1)
    websocket.send(raw)


@pytest.mark.parametrize("offer", [None, "permessage-deflate"])
def test_every_size(server, offer):
    with server.open("/echo", deflate=offer) as websocket:
        for size in SIZES:
            binary, text = os.urandom(size), ("é漢😀x" * (size // 10 + 1)).encode()[:size].decode(
                errors="ignore"
            )
            websocket.send_frame(BINARY, binary)
            assert websocket.read_message() == (BINARY, binary)
            websocket.send_text(text)
            assert websocket.read_message() == (TEXT, text)
            if offer:
                websocket.send_compressed(text)
                assert websocket.read_message() == (TEXT, text)


def test_16_mib(server):
    # H10: the limits of /echo are its own, as protocol.md says.
    with server.open("/echo") as websocket:
        binary = os.urandom(16 * MIB)
        websocket.send_frame(BINARY, binary)
        assert websocket.read_message() == (BINARY, binary)
        text = "0123456789abcdef" * MIB
        websocket.send_text(text)
        assert websocket.read_message() == (TEXT, text)


def test_16_mib_in_pieces_of_many_sizes(server):
    binary = os.urandom(16 * MIB)
    for size in (4096, 65536, MIB, 5 * MIB):
        with server.open("/echo") as websocket:
            send_in_pieces(websocket, BINARY, binary, size)
            assert websocket.read_message() == (BINARY, binary), size


def test_a_message_of_65537_fragments(server):
    with server.open("/echo") as websocket:
        payload = os.urandom(65537)
        send_in_pieces(websocket, BINARY, payload, 1)
        assert websocket.read_message() == (BINARY, payload)
        websocket.send(
            encode(TEXT, fin=False) + encode(CONTINUATION, fin=False) * 65535 + encode(CONTINUATION)
        )
        assert websocket.read_message() == (TEXT, "")


def test_control_frames_between_fragments_are_answered_at_once(server):
    with server.open("/echo") as websocket:
        websocket.send_frame(TEXT, "first,", fin=False)
        for number in range(10):
            websocket.send_frame(PING, str(number))
            assert websocket.read_pong() == str(number).encode(), "before the message is whole"
            websocket.send_frame(PONG, "unasked")
            websocket.send_frame(CONTINUATION, f"{number},", fin=False)
        websocket.send_frame(CONTINUATION, "last")
        assert websocket.read_message() == (TEXT, "first,0,1,2,3,4,5,6,7,8,9,last")


def test_a_frame_cut_anywhere(server):
    raw = encode(BINARY, b"x" * 300) + encode(PING, b"y") + encode(TEXT, "z")
    for cut in range(1, len(raw)):
        with server.open("/echo") as websocket:
            websocket.send(raw[:cut])
            websocket.send(raw[cut:])
            assert websocket.read_message() == (BINARY, b"x" * 300)
            assert websocket.read_message() == (TEXT, "z")


def test_many_messages_at_once_are_answered_in_order(server):
    with server.open("/echo") as websocket:
        for _ in range(10):
            websocket.send(b"".join(encode(TEXT, str(number)) for number in range(500)))
            for number in range(500):
                assert websocket.read_message() == (TEXT, str(number))


def test_a_mask_of_zeroes_is_a_mask(server):
    with server.open("/echo") as websocket:
        websocket.send_frame(TEXT, "plain", mask=bytes(4))
        assert websocket.read_message() == (TEXT, "plain")


def test_every_valid_close_is_answered_in_kind(server):
    for code in (
        1000,
        1001,
        1002,
        1003,
        1007,
        1008,
        1009,
        1010,
        1011,
        1012,
        1013,
        1014,
        3000,
        3999,
        4000,
        4999,
    ):
        with server.open("/echo") as websocket:
            assert websocket.close(code, "because")[0] == code
    with server.open("/echo") as websocket:
        assert websocket.close(1000, "é" * 61 + "x")[0] == 1000
    with server.open("/echo") as websocket:
        websocket.send_frame(CLOSE)
        assert websocket.read_close()[0] in (1000, 1005)
        assert websocket.read_to_end() == []


def test_a_close_in_the_middle_of_a_message_ends_it(server):
    with server.open("/echo") as websocket:
        websocket.send_frame(TEXT, "unfinished", fin=False)
        websocket.send_frame(CLOSE, close_payload(1000))
        frames = websocket.read_to_end()
        assert [frame.opcode for frame in frames] == [CLOSE] and close_of(frames[0])[0] == 1000


def test_what_was_asked_before_a_close_is_answered_first(server):
    with server.open("/echo") as websocket:
        payload = os.urandom(2 * MIB)
        websocket.send(encode(BINARY, payload) + encode(CLOSE, close_payload(1000)))
        frames = websocket.read_to_end()
        assert b"".join(frame.payload for frame in frames[:-1]) == payload
        assert frames[-1].opcode == CLOSE
