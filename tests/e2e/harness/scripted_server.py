"""A server that does what a test says: what wspub and wstap do when theirs misbehaves."""

import json
import socket
import threading

from . import frames
from .deadline import DEADLINE, eventually
from .websocket import accept_token, close_of


class Peer:
    """One connection of a tool, already upgraded and greeted."""

    def __init__(self, connection, request):
        self.request = request
        self.close_frame = None
        self._socket = connection
        self._lock = threading.Lock()
        self._messages = []
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    # What the tool said.

    def _read(self):
        buffer = bytearray()
        try:
            while piece := self._socket.recv(65536):
                buffer += piece
                while decoded := frames.decode(memoryview(buffer)):
                    frame, size = decoded
                    del buffer[:size]
                    self._take(frame)
        except OSError:
            pass
        self._ended = True

    def _take(self, frame):
        assert frame.masked, "a client's frame is always masked"
        if frame.opcode == frames.TEXT:
            with self._lock:
                self._messages.append(json.loads(frame.payload))
        elif frame.opcode == frames.PING:
            self.send_frame(frames.PONG, frame.payload)
        elif frame.opcode == frames.CLOSE:
            self.close_frame = close_of(frame)
            self.send_frame(frames.CLOSE, frame.payload)

    @property
    def messages(self):
        with self._lock:
            return list(self._messages)

    def wait_for_messages(self, count):
        eventually(lambda: len(self.messages) >= count, f"{count} messages: {self.messages}")
        return self.messages

    def publishes(self):
        """[(id of the command, [events])] in order, be they single or batches."""
        return [
            (message.get("id"), message.get("events") or [message])
            for message in self.messages
            if message.get("action") == "publish"
        ]

    def published_events(self):
        return [event for _, events in self.publishes() for event in events]

    def wait_for_end(self):
        eventually(lambda: self._ended, "the tool ends its connection")

    # What it is told.

    def send_frame(self, opcode, payload=b""):
        with self._lock:
            self._socket.sendall(frames.encode(opcode, payload, mask=False))

    def send(self, message):
        self.send_frame(frames.TEXT, json.dumps(message, separators=(",", ":")))

    def send_text(self, text):
        self.send_frame(frames.TEXT, text)

    def acknowledge(self, identity, events, offset, epoch="e"):
        """Answers one publish as wsserve would, its last event being number `offset`."""
        first = offset - len(events) + 1
        data = [
            {"channel": event["channel"], "offset": first + position, "epoch": epoch}
            for position, event in enumerate(events)
        ]
        batch = "events" in next(m for m in self.messages if m.get("id") == identity)
        self.send(control("published", data if batch else data[0], identity))

    def close(self, code, reason=""):
        self.send_frame(frames.CLOSE, frames.close_payload(code, reason))

    def drop(self):
        """Ends the connection without a word."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()


def control(kind, data, identity=None):
    message = {"type": kind}
    if identity is not None:
        message["id"] = identity
    return message | {"timestamp": "2026-11-20T10:00:00.000000Z", "data": data}


CONNECTED = control(
    "connected",
    {
        "connection": "scripted",
        "user": None,
        "server": "scripted/1",
        "node": "n",
        "heartbeat": 0,
        "max_message_bytes": 1 << 20,
        "channels": [],
    },
)


class ScriptedServer:
    """Accepts every upgrade; what happens then is up to the test, by way of `peer()`."""

    def __init__(self, greeting=True, answer=None):
        """`answer`: bytes to send to each handshake instead of accepting it."""
        self._greeting = greeting
        self._answer = answer
        self._peers = []
        self._taken = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}/ws"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A thread that waits in accept() is woken by shutdown, not by close.
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for peer in self._peers:
            peer.drop()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(DEADLINE)
            self._handshake(connection)

    def _handshake(self, connection):
        got = b""
        try:
            while b"\r\n\r\n" not in got:
                piece = connection.recv(65536)
                if not piece:
                    return
                got += piece
        except OSError:
            return
        request = got.decode()
        if self._answer is not None:
            connection.sendall(self._answer)
            connection.close()
            return
        headers = dict(line.lower().split(": ", 1) for line in request.split("\r\n")[1:] if line)
        key = next(line for line in request.split("\r\n") if line.lower().startswith("sec-websocket-key"))[
            18:
        ].strip()
        assert headers["upgrade"] == "websocket"
        connection.sendall(
            (
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {accept_token(key)}\r\n\r\n"
            ).encode()
        )
        peer = Peer(connection, request)
        if self._greeting:
            peer.send(CONNECTED)
        self._peers.append(peer)

    def peer(self):
        """The next connection, in the order of their coming."""
        eventually(lambda: len(self._peers) > self._taken, "a connection of the tool")
        self._taken += 1
        return self._peers[self._taken - 1]

    @property
    def peers(self):
        """All connections so far."""
        return list(self._peers)


def event(channel, offset, data=None, kind="t"):
    return {
        "type": kind,
        "channel": channel,
        "offset": offset,
        "timestamp": "2026-11-20T10:00:00.000000Z",
        "data": data,
    }


def subscribed(peer, positions):
    """Answers the last subscribe command: {channel: (offset, epoch, recovered)}."""
    command = [message for message in peer.messages if message["action"] == "subscribe"][-1]
    entries = [
        {"channel": channel, "offset": offset, "epoch": epoch, "recovered": recovered, "replayed": 0}
        for channel, (offset, epoch, recovered) in positions.items()
    ]
    peer.send(control("subscribed", {"channels": entries, "events": []}, command.get("id")))
