"""Proves: every malformed frame of RFC 6455 gets its close code, after what was valid before is answered."""

import pytest
from harness.bystander import Bystander
from harness.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    close_payload,
    encode,
)
from harness.websocket import close_of, deflate

PROTOCOL_ERROR, INVALID_PAYLOAD, TOO_BIG = 1002, 1007, 1009

SHAPES = {
    "reserved bit 1 without an extension": (encode(TEXT, "x", reserved=RSV1), PROTOCOL_ERROR),
    "reserved bit 2": (encode(TEXT, "x", reserved=RSV2), PROTOCOL_ERROR),
    "reserved bit 3": (encode(TEXT, "x", reserved=RSV3), PROTOCOL_ERROR),
    "all reserved bits": (encode(TEXT, "x", reserved=RSV1 | RSV2 | RSV3), PROTOCOL_ERROR),
    "a reserved bit on a ping": (encode(PING, "x", reserved=RSV2), PROTOCOL_ERROR),
    "a reserved bit on a close": (encode(CLOSE, close_payload(1000), reserved=RSV3), PROTOCOL_ERROR),
    "a reserved bit on a continuation": (
        encode(TEXT, "x", fin=False) + encode(CONTINUATION, "x", reserved=RSV1),
        PROTOCOL_ERROR,
    ),
    **{
        f"opcode {code:#x}": (encode(code, "x"), PROTOCOL_ERROR)
        for code in (3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF)
    },
    "an unknown opcode in the middle of a message": (
        encode(TEXT, "x", fin=False) + encode(3),
        PROTOCOL_ERROR,
    ),
    "no mask": (encode(TEXT, "x", mask=False), PROTOCOL_ERROR),
    "no mask and no payload": (encode(TEXT, mask=False), PROTOCOL_ERROR),
    "a ping without a mask": (encode(PING, "x", mask=False), PROTOCOL_ERROR),
    "a close without a mask": (encode(CLOSE, close_payload(1000), mask=False), PROTOCOL_ERROR),
    "a continuation without a mask": (
        encode(TEXT, "x", fin=False) + encode(CONTINUATION, "x", mask=False),
        PROTOCOL_ERROR,
    ),
    "masked with another key than it says": (
        b"\x81\x84" + b"\x00\x00\x00\x00" + b"\xff\xfe\xfd\xfc",
        INVALID_PAYLOAD,
    ),
    "a ping of 126 bytes": (encode(PING, "x" * 126), PROTOCOL_ERROR),
    "a ping of 65536 bytes": (encode(PING, "x" * 65536), PROTOCOL_ERROR),
    "a pong of 126 bytes": (encode(PONG, "x" * 126), PROTOCOL_ERROR),
    "a close of 126 bytes": (encode(CLOSE, close_payload(1000, "x" * 124)), PROTOCOL_ERROR),
    "a ping in fragments": (encode(PING, "x", fin=False) + encode(CONTINUATION, "x"), PROTOCOL_ERROR),
    "a pong in fragments": (encode(PONG, "x", fin=False), PROTOCOL_ERROR),
    "a close in fragments": (encode(CLOSE, close_payload(1000), fin=False), PROTOCOL_ERROR),
    "a continuation of nothing": (encode(CONTINUATION, "x"), PROTOCOL_ERROR),
    "an unfinished continuation of nothing": (encode(CONTINUATION, "x", fin=False), PROTOCOL_ERROR),
    "a text inside a fragmented text": (encode(TEXT, "x", fin=False) + encode(TEXT, "x"), PROTOCOL_ERROR),
    "a binary inside a fragmented text": (encode(TEXT, "x", fin=False) + encode(BINARY, "x"), PROTOCOL_ERROR),
    "a text inside a fragmented binary": (encode(BINARY, "x", fin=False) + encode(TEXT, "x"), PROTOCOL_ERROR),
    "a length with the top bit set": (encode(TEXT, claimed=1 << 63, length_bytes=8), PROTOCOL_ERROR),
    "a length of all ones": (encode(BINARY, claimed=(1 << 64) - 1, length_bytes=8), PROTOCOL_ERROR),
    "a continuation with the top bit set": (
        encode(TEXT, "x", fin=False) + encode(CONTINUATION, claimed=(1 << 63) + 1, length_bytes=8),
        PROTOCOL_ERROR,
    ),
    "a small length in two bytes": (encode(TEXT, "{}", length_bytes=2), PROTOCOL_ERROR),
    "a small length in eight bytes": (encode(TEXT, "{}", length_bytes=8), PROTOCOL_ERROR),
    "a medium length in eight bytes": (encode(TEXT, "x" * 300, length_bytes=8), PROTOCOL_ERROR),
    "a ping with its length in two bytes": (encode(PING, "x", length_bytes=2), PROTOCOL_ERROR),
    "a length past every limit": (encode(TEXT, claimed=(1 << 63) - 1, length_bytes=8), TOO_BIG),
    "a length just past the limit": (encode(BINARY, claimed=(16 << 20) + 1), TOO_BIG),
    "a fragment that passes the limit of its message": (
        encode(BINARY, b"x" * 65536, fin=False) + encode(CONTINUATION, claimed=(16 << 20) - 65535),
        TOO_BIG,
    ),
    "a close of one byte": (encode(CLOSE, b"\x03"), PROTOCOL_ERROR),
    **{
        f"close code {code}": (encode(CLOSE, close_payload(code)), PROTOCOL_ERROR)
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
    "a close reason that is not UTF-8": (encode(CLOSE, close_payload(1000, b"caf\xe9")), INVALID_PAYLOAD),
    "a close reason cut in a code point": (
        encode(CLOSE, close_payload(1000, "é".encode()[:1])),
        INVALID_PAYLOAD,
    ),
}


@pytest.fixture
def server(stage):
    return stage.server("--echo", "--max-message", "16MiB", "--heartbeat", "1h")


def greeted(server, path, **options):
    """A connection past its greeting, so that what comes next is the answer to what the test sends."""
    websocket = server.open(path, **options)
    if path == "/ws":
        assert '"connected"' in websocket.read_message()[1]
    return websocket


def expect_ending(websocket, code, shape):
    """The answer to what was valid before, the close, the end of the connection, and nothing else."""
    seen = websocket.read_to_end()
    assert seen and seen[-1].opcode == CLOSE, (shape, seen)
    got, reason = close_of(seen[-1])
    assert got == code, f"{shape}: closed with {got} ({reason})"
    texts = [frame.payload for frame in seen if frame.opcode == TEXT]
    assert len(texts) == 1 and b"before" in texts[0], f"{shape}: what was valid is answered once: {seen}"
    pongs = [frame.payload for frame in seen if frame.opcode == PONG]
    assert pongs == [b"before"], f"{shape}: {seen}"


BEFORE = encode(PING, "before") + encode(TEXT, '{"action":"ping","id":"before"}')
AFTER = encode(PING, "after") + encode(TEXT, '{"action":"ping","id":"after"}')


@pytest.mark.parametrize("path", ["/ws", "/echo"])
def test_in_one_packet_with_what_stands_around_it(server, path):
    with Bystander(server):
        for shape, (raw, code) in SHAPES.items():
            with greeted(server, path) as websocket:
                websocket.send(BEFORE + raw + AFTER)
                expect_ending(websocket, code, shape)


@pytest.mark.parametrize("path", ["/ws", "/echo"])
def test_byte_by_byte(server, path):
    with Bystander(server):
        for shape, (raw, code) in SHAPES.items():
            with greeted(server, path) as websocket:
                websocket.send(BEFORE)
                try:
                    for position in range(len(raw[:400])):
                        websocket.send(raw[position : position + 1])
                    websocket.send(raw[400:])
                except (BrokenPipeError, ConnectionResetError):
                    pass  # Closed in the middle of it, as soon as it was wrong.
                expect_ending(websocket, code, shape)


def test_a_client_that_gets_no_close_frame_through_is_ended_as_well(server):
    with Bystander(server):
        for raw, _ in SHAPES.values():
            with greeted(server, "/echo") as websocket:
                websocket.send(raw)
        server.wait_for_connections(1)


def test_reserved_bits_with_compression_negotiated(server):
    compressed = deflate('{"action":"ping"}' * 3)
    shapes = {
        "a compressed ping": encode(PING, deflate("x"), reserved=RSV1),
        "a compressed close": encode(CLOSE, deflate("x"), reserved=RSV1),
        "a continuation marked as compressed": encode(TEXT, compressed[:5], fin=False, reserved=RSV1)
        + encode(CONTINUATION, compressed[5:], reserved=RSV1),
        "reserved bit 2 besides": encode(TEXT, compressed, reserved=RSV1 | RSV2),
    }
    with Bystander(server):
        for path in ("/ws", "/echo"):
            for shape, raw in shapes.items():
                with greeted(server, path, deflate="permessage-deflate") as websocket:
                    websocket.send(raw + AFTER)
                    assert websocket.read_close()[0] == PROTOCOL_ERROR, shape
                    websocket.read_to_end()


def test_what_does_not_inflate_is_invalid_payload(server):
    whole = deflate("a text of some length, not much")
    shapes = {
        "a reserved block type": b"\x07\xff\xff",
        "a stored block with a wrong length": b"\x00\x05\x00\x00\x00hello",
        "a distance before the start": b"\x4b\x04\x12\x00\xff\xff\xff",
        "a truncated block": whole[: len(whole) // 2],
        "noise": bytes(range(255, 155, -1)),
    }
    with Bystander(server):
        for shape, payload in shapes.items():
            with greeted(server, "/echo", deflate="permessage-deflate") as websocket:
                websocket.send_frame(TEXT, payload, reserved=RSV1)
                assert websocket.read_close()[0] == INVALID_PAYLOAD, shape
                websocket.read_to_end()


def test_binary_is_unsupported_data_where_commands_are_spoken(server):
    with greeted(server, "/ws") as websocket:
        websocket.send(BEFORE + encode(BINARY, b"\x00\x01") + AFTER)
        expect_ending(websocket, 1003, "binary")


def test_what_follows_a_close_is_not_read(server):
    for path in ("/ws", "/echo"):
        with greeted(server, path) as websocket:
            websocket.send(BEFORE + encode(CLOSE, close_payload(1000)) + AFTER + b"\xff" * 100)
            expect_ending(websocket, 1000, "data after a close")


def test_a_message_past_the_limit_is_too_big(stage):
    server = stage.server("--echo", "--max-message", "1000")
    with Bystander(server):
        for path in ("/ws", "/echo"):
            limit = 1000 if path == "/ws" else 16 << 20
            with greeted(server, path) as websocket:
                websocket.send(encode(TEXT, claimed=limit + 1))
                assert websocket.read_close()[0] == TOO_BIG
                websocket.read_to_end()
        with greeted(server, "/ws") as websocket:
            websocket.send_text('{"action":"ping","id":1}'.ljust(1000))
            assert '"pong"' in websocket.read_message()[1]


def test_more_fragments_than_a_message_may_have(server):
    with Bystander(server):
        with greeted(server, "/echo") as websocket:
            piece = encode(CONTINUATION, fin=False, mask=bytes(4))
            websocket.send(encode(TEXT, fin=False))
            try:
                for _ in range(20):
                    websocket.send(piece * 10_000)
            except (BrokenPipeError, ConnectionResetError):
                pass
            assert websocket.read_close()[0] == TOO_BIG
