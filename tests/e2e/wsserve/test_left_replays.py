"""Proves: a reader that goes away in the middle of what it missed takes nothing with it."""

import json
import signal
import socket
import struct

import pytest
from harness import frames
from harness.event_source import EventSource

EVENTS = 600
ATTEMPTS = 40


@pytest.fixture
def server(stage):
    server = stage.server("--threads", "1", "--history-bytes", "64MiB", "--queue-limit", "64MiB")
    with server.client() as client:
        client.publish("small", 1)
        for number in range(EVENTS):
            client.publish(f"big/{number % 20}-{'x' * 40}", "x" * 16_000)
        for number in range(EVENTS):
            client.publish("big", "x" * 16_000)
    return server


def reset(connection):
    """Ends it as a process does that is killed with bytes unread."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_some(connection, size):
    while size > 0:
        piece = connection.recv(1 << 16)
        assert piece, "the server ended it"
        size -= len(piece)


def subscribe(channel):
    command = {"action": "subscribe", "channels": [channel], "since": "start"}
    return frames.encode(frames.TEXT, json.dumps(command))


def test_a_websocket_that_begins_two_replays_at_once(server):
    for attempt in range(ATTEMPTS):
        websocket = server.open()
        server.process.signal(signal.SIGSTOP)
        websocket.send(subscribe("small") + subscribe("big"))
        server.process.signal(signal.SIGCONT)
        read_some(websocket.socket, (attempt % 16 + 1) * 400_000)
        reset(websocket.socket)
    with server.client() as client:
        client.still_works()


def test_a_stream_of_many_channels(server):
    for attempt in range(ATTEMPTS):
        stream = EventSource(server.address, "/events/big/*?since=start")
        read_some(stream.socket, (attempt % 16 + 1) * 400_000)
        reset(stream.socket)
    with server.client() as client:
        client.still_works()
