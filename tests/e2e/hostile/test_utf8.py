"""Proves: text that is not UTF-8 is closed with 1007 at its first wrong byte; text that is, passes."""

import pytest
from harness.bystander import Bystander
from harness.frames import CONTINUATION, PING, TEXT, encode

INVALID = {
    "a continuation byte alone": b"\x80",
    "the last continuation byte alone": b"\xbf",
    "two continuation bytes": b"\x80\xbf",
    "an overlong NUL": b"\xc0\x80",
    "an overlong slash": b"\xc0\xaf",
    "an overlong slash of three": b"\xe0\x80\xaf",
    "an overlong slash of four": b"\xf0\x80\x80\xaf",
    "the longest overlong of two": b"\xc1\xbf",
    "the longest overlong of three": b"\xe0\x9f\xbf",
    "the longest overlong of four": b"\xf0\x8f\xbf\xbf",
    "the first surrogate": b"\xed\xa0\x80",
    "the last surrogate": b"\xed\xbf\xbf",
    "a surrogate pair": b"\xed\xa0\xbd\xed\xb8\x80",
    "past the last code point": b"\xf4\x90\x80\x80",
    "a lead byte of five": b"\xf8\x88\x80\x80\x80",
    "a lead byte of six": b"\xfc\x84\x80\x80\x80\x80",
    "0xFE": b"\xfe",
    "0xFF": b"\xff",
    "a lead byte before ASCII": b"\xc3x",
    "three bytes cut by ASCII": b"\xe2\x82x",
    "four bytes cut by ASCII": b"\xf0\x9f\x98x",
    "a lead byte before a lead byte": b"\xc3\xc3\xa9",
    "a Latin-1 letter": "é".encode("latin-1") + b" ",
}
CUT = {
    "two bytes cut": b"\xc3",
    "three bytes cut after one": b"\xe2",
    "three bytes cut after two": b"\xe2\x82",
    "four bytes cut after three": b"\xf0\x9f\x98",
}
VALID = [
    "",
    "ascii",
    "\u0000\u007f",
    "\u0080\u07ff",
    "\u0800\ud7ff\ue000\ufffd\ufffe\uffff",
    "\U00010000\U0010ffff",
    "\ufeffwith a byte order mark",
    "κόσμε",
    "漢字かな交じり文 😀👩‍👩‍👧‍👦",
]


@pytest.fixture
def server(stage):
    return stage.server("--echo", "--heartbeat", "1h")


def test_a_bad_sequence_at_any_place_of_a_message(server):
    with Bystander(server):
        for name, bad in {**INVALID, **CUT}.items():
            for before, after in ((b"", b""), (b"x", b""), ("é".encode() * 40, b""), (b"x" * 65_533, b"")):
                with server.open("/echo") as websocket:
                    websocket.send_frame(TEXT, before + bad + after)
                    assert websocket.read_close()[0] == 1007, (name, len(before))
        for name, bad in INVALID.items():
            for before, after in ((b"", b"x"), (b"1234567", b"y" * 200), (b"z" * 70_000, b"z" * 70_000)):
                with server.open("/echo") as websocket:
                    websocket.send_frame(TEXT, before + bad + after)
                    assert websocket.read_close()[0] == 1007, (name, len(before))


def test_the_end_of_the_frame_is_not_waited_for(server):
    with Bystander(server):
        for name, bad in INVALID.items():
            with server.open("/echo") as websocket:
                websocket.send(encode(TEXT, b"begin " + bad, claimed=100_000))
                assert websocket.read_close()[0] == 1007, name


def test_the_end_of_the_message_is_not_waited_for(server):
    with Bystander(server):
        for name, bad in INVALID.items():
            for cut in range(len(bad)):
                with server.open("/echo") as websocket:
                    websocket.send_frame(TEXT, b"a" + bad[:cut], fin=False)
                    websocket.send_frame(PING)
                    websocket.send_frame(CONTINUATION, bad[cut:], fin=False)
                    assert websocket.read_close()[0] == 1007, (name, cut)


def test_bad_text_never_reaches_a_command(server):
    with Bystander(server):
        for bad in INVALID.values():
            with server.open("/ws") as websocket:
                websocket.send_frame(TEXT, b'{"action":"ping","id":"' + bad + b'"}')
                assert websocket.read_close()[0] == 1007


def test_compressed_text_is_held_to_the_same(server):
    with Bystander(server):
        for name, bad in {**INVALID, **CUT}.items():
            with server.open("/echo", deflate="permessage-deflate") as websocket:
                websocket.send_compressed(b"begin " + bad)
                assert websocket.read_close()[0] == 1007, name


def test_valid_text_passes_however_it_is_cut(server):
    with server.open("/echo") as websocket:
        for text in VALID:
            whole = text.encode("utf-8", "surrogatepass")
            websocket.send_frame(TEXT, whole)
            assert websocket.read_message() == (TEXT, text)
            for cut in range(1, len(whole)):
                websocket.send_frame(TEXT, whole[:cut], fin=False)
                websocket.send_frame(CONTINUATION, whole[cut:])
                assert websocket.read_message() == (TEXT, text)
            websocket.send_frame(TEXT, fin=False)
            for position in range(len(whole)):
                websocket.send_frame(CONTINUATION, whole[position : position + 1], fin=False)
            websocket.send_frame(CONTINUATION)
            assert websocket.read_message() == (TEXT, text)


def test_valid_text_passes_byte_by_byte(server):
    with server.open("/echo") as websocket:
        for text in VALID:
            raw = encode(TEXT, text)
            for position in range(len(raw)):
                websocket.send(raw[position : position + 1])
            assert websocket.read_message() == (TEXT, text)


def test_binary_needs_not_be_text(server):
    with server.open("/echo") as websocket:
        for bad in INVALID.values():
            websocket.send_frame(2, bad)
            assert websocket.read_message() == (2, bad)
