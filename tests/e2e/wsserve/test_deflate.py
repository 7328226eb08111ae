"""Proves: permessage-deflate is agreed on as RFC 7692 has it, and declined, never failed, where it cannot be."""

import zlib

import pytest
from harness.frames import CONTINUATION, RSV1, TEXT, encode
from harness.websocket import WebSocket, deflate, handshake

DECLINED = [
    "x-unknown",
    "permessage-deflate; unknown",
    "permessage-deflate; server_max_window_bits",
    "permessage-deflate; server_max_window_bits=7",
    "permessage-deflate; server_max_window_bits=16",
    "permessage-deflate; server_max_window_bits=010",
    "permessage-deflate; server_max_window_bits=+9",
    "permessage-deflate; client_max_window_bits=0",
    "permessage-deflate; client_max_window_bits=99999999999999999999",
    "permessage-deflate; server_no_context_takeover=1",
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; server_max_window_bits=10; server_max_window_bits=11",
    "permessage-deflate; ",
    "permessage-deflate; =",
    ", ,",
]
ACCEPTED = [
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; client_max_window_bits=15",
    "permessage-deflate; client_max_window_bits=9",
    "permessage-deflate; server_max_window_bits=9",
    'permessage-deflate; server_max_window_bits="10"',
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    "permessage-deflate;client_no_context_takeover",
    "permessage-deflate; server_max_window_bits=12; client_max_window_bits=11; server_no_context_takeover",
]


@pytest.fixture
def server(stage):
    return stage.server("--echo")


def offered(server, *offers):
    """A connection to /echo whose handshake had these extension headers."""
    websocket = WebSocket(server.address, path=None)
    websocket.send(handshake("/echo", headers=[("Sec-WebSocket-Extensions", offer) for offer in offers]))
    websocket.read_upgrade()
    return websocket


def parameters(answer):
    """{name: value or None} of one accepted extension."""
    name, *listed = [part.strip() for part in answer.split(";")]
    assert name == "permessage-deflate", answer
    split = [parameter.partition("=") for parameter in listed]
    assert len({name for name, _, _ in split}) == len(split), f"a parameter twice: {answer}"
    return {name: value if separator else None for name, separator, value in split}


def test_what_cannot_be_agreed_on_is_declined(server):
    for offer in DECLINED:
        with offered(server, offer) as websocket:
            assert websocket.extensions == "", offer
            websocket.send_text("plain")
            assert websocket.read_message() == (TEXT, "plain")


def test_the_answer_is_one_to_the_offer(server):
    for offer in ACCEPTED:
        with offered(server, offer) as websocket:
            agreed, asked = parameters(websocket.extensions), parameters(offer.replace('"', ""))
            for name in agreed:
                assert name in (
                    "server_no_context_takeover",
                    "client_no_context_takeover",
                    "server_max_window_bits",
                    "client_max_window_bits",
                )
            if "server_max_window_bits" in asked:
                assert (
                    9 <= int(agreed["server_max_window_bits"]) <= int(asked["server_max_window_bits"])
                ), offer
            if "client_max_window_bits" in agreed:
                assert "client_max_window_bits" in asked, "never unasked"
                assert int(agreed["client_max_window_bits"]) <= int(asked["client_max_window_bits"] or 15)
            if "server_no_context_takeover" in asked:
                assert "server_no_context_takeover" in agreed


def test_the_first_offer_that_can_be_served_is_taken(server):
    for offers in (
        ["permessage-deflate; unknown, permessage-deflate; server_max_window_bits=10"],
        ["x-other; a=1, permessage-deflate; server_max_window_bits=10"],
        ["permessage-deflate; server_max_window_bits=99", "permessage-deflate; server_max_window_bits=10"],
    ):
        with offered(server, *offers) as websocket:
            assert parameters(websocket.extensions)["server_max_window_bits"] == "10", offers


def test_messages_pass_under_every_agreement(server):
    texts = ["", "short", "a text that repeats " * 500, "é漢😀" * 3000, "x" * 300_000]
    for offer in ACCEPTED:
        with server.open("/echo", deflate=offer) as websocket:
            for text in texts:
                websocket.send_compressed(text)
                assert websocket.read_message() == (TEXT, text), offer
                websocket.send_text(text)
                assert websocket.read_message() == (TEXT, text), f"{offer}: a message may come uncompressed"


def test_a_client_that_keeps_its_window_is_understood_unless_told_not_to(server):
    with server.open("/echo", deflate="permessage-deflate; client_max_window_bits") as websocket:
        agreed = parameters(websocket.extensions)
        machine = zlib.compressobj(9, zlib.DEFLATED, -int(agreed.get("client_max_window_bits") or 15))
        for number in range(50):
            if "client_no_context_takeover" in agreed:
                machine = zlib.compressobj(9, zlib.DEFLATED, -15)
            text = f"the same words again and again, {number}"
            payload = (machine.compress(text.encode()) + machine.flush(zlib.Z_SYNC_FLUSH))[:-4]
            websocket.send_frame(TEXT, payload, reserved=RSV1)
            assert websocket.read_message() == (TEXT, text)


def test_a_compressed_message_may_come_in_fragments(server):
    text = "a text that is cut anywhere " * 50
    payload = deflate(text)
    with server.open("/echo", deflate="permessage-deflate") as websocket:
        for cut in range(0, len(payload) + 1, 3):
            websocket.send(
                encode(TEXT, payload[:cut], fin=False, reserved=RSV1)
                + encode(CONTINUATION, b"", fin=False)
                + encode(CONTINUATION, payload[cut:])
            )
            assert websocket.read_message() == (TEXT, text)


def test_other_shapes_of_deflate_are_understood(server):
    text = "stored, fixed or dynamic; flushed in the middle or finished"
    whole = zlib.compressobj(0, zlib.DEFLATED, -15)
    stored = (whole.compress(text.encode()) + whole.flush(zlib.Z_SYNC_FLUSH))[:-4]
    fixed_machine = zlib.compressobj(9, zlib.DEFLATED, -15, 8, zlib.Z_FIXED)
    fixed = (fixed_machine.compress(text.encode()) + fixed_machine.flush(zlib.Z_SYNC_FLUSH))[:-4]
    flushed_machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    flushed = flushed_machine.compress(text[:20].encode()) + flushed_machine.flush(zlib.Z_FULL_FLUSH)
    flushed += (flushed_machine.compress(text[20:].encode()) + flushed_machine.flush(zlib.Z_SYNC_FLUSH))[:-4]
    final_machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    # RFC 7692 section 7.2.3.4: a block with BFINAL set, and an empty byte after it.
    final = final_machine.compress(text.encode()) + final_machine.flush(zlib.Z_FINISH) + b"\x00"
    with server.open("/echo", deflate="permessage-deflate") as websocket:
        for shape in (stored, fixed, flushed, final):
            websocket.send_frame(TEXT, shape, reserved=RSV1)
            assert websocket.read_message() == (TEXT, text)


def test_events_are_compressed_where_it_pays(server):
    with server.open("/ws/a", deflate="permessage-deflate") as compressing, server.client("/ws/a") as plain:
        while '"subscribed"' not in compressing.read_message()[1]:
            pass
        plain.publish("a", "the same words again and again " * 200)
        event = plain.take_events(1)[0].text
        frame = compressing.read_frame()
        assert frame.reserved == RSV1 and len(frame.payload) < len(event) / 5
        assert zlib.decompressobj(-15).decompress(frame.payload + b"\x00\x00\xff\xff").decode() == event
