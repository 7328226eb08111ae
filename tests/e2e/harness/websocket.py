"""A WebSocket client of our own that says exactly the bytes a test wants said, and checks what comes back."""

import base64
import hashlib
import socket
import zlib

from . import frames
from .deadline import DEADLINE
from .http import read_response_head

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
IP_BIND_ADDRESS_NO_PORT = 24  # Linux's; Python has no name for it.
KEY = "d3NraXQgZTJlIHRlc3RzIQ=="  # Nothing here is to be kept from a proxy, so one key will do.


class Closed(AssertionError):
    """The server closed the connection where the test still expected messages."""

    def __init__(self, frame):
        self.code, self.reason = close_of(frame)
        super().__init__(f"closed with {self.code} ({self.reason})")


class ConnectionEnded(AssertionError):
    """The server ended the TCP connection where the test still expected bytes."""


def accept_token(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def handshake(path="/ws", host="localhost", headers=()):
    """The upgrade request; `headers` are further (name, value) pairs."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class WebSocket:
    """One connection over a blocking socket with a deadline on every operation."""

    def __init__(
        self,
        address,
        path="/ws",
        headers=(),
        deflate=None,
        receive_buffer=None,
        source=None,
        tls=None,
        before=b"",
    ):
        """`address`: (host, port), or the path of a unix socket. `deflate`: an offer such as
        "permessage-deflate", which the server must then accept. `receive_buffer`: bytes of SO_RCVBUF. `source`: the
        address to come from. `tls`: a context, for wss. `before`: bytes that stand in front of everything."""
        self._buffer = bytearray()
        self._parsed = 0
        self.socket = open_socket(address, receive_buffer, source, tls, before)
        self.extensions = ""
        self._inflater = None
        if path is not None:
            offer = [("Sec-WebSocket-Extensions", deflate)] if deflate else []
            self.send(handshake(path, headers=[*headers, *offer]))
            self.read_upgrade()
            assert self.extensions.startswith("permessage-deflate") == bool(
                deflate
            ), f"agreed on: {self.response}"

    def read_upgrade(self):
        """The answer to a handshake(); for a test that has sent it in its own way."""
        self.response, rest = read_response_head(self.socket)
        self._buffer += rest
        assert self.response.status == 101, f"not upgraded: {self.response}"
        assert self.response.headers["sec-websocket-accept"] == accept_token(KEY)
        assert self.response.headers["upgrade"].lower() == "websocket"
        assert self.response.headers["connection"].lower() == "upgrade"
        self.extensions = self.response.headers.get("sec-websocket-extensions", "")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.abort()

    # Sending.

    def send(self, raw):
        self.socket.sendall(raw)

    def send_frame(self, opcode, payload=b"", **options):
        self.send(frames.encode(opcode, payload, **options))

    def send_text(self, text):
        self.send_frame(frames.TEXT, text)

    def send_compressed(self, data, opcode=frames.TEXT):
        """One message compressed without context takeover, which every server must take."""
        self.send_frame(opcode, deflate(data), reserved=frames.RSV1)

    # Receiving.

    def read_frame(self):
        """The next frame, which must be one that a server may send."""
        while True:
            decoded = frames.decode(memoryview(self._buffer)[self._parsed :])
            if decoded:
                frame, size = decoded
                self._parsed += size
                if self._parsed == len(self._buffer):
                    self._buffer, self._parsed = bytearray(), 0
                assert not frame.masked, "a server's frame is never masked"
                return frame
            piece = self._receive()
            if not piece:
                raise ConnectionEnded("the connection ended without a close frame")
            if self._parsed:
                del self._buffer[: self._parsed]
                self._parsed = 0
            self._buffer += piece

    def _receive(self):
        try:
            return self.socket.recv(1 << 18)
        except ConnectionResetError:
            return b""

    def read_message(self):
        """The next text or binary message as (opcode, payload); control frames are passed over."""
        while True:
            frame = self.read_frame()
            if frame.opcode == frames.CLOSE:
                raise Closed(frame)
            if frame.opcode in (frames.TEXT, frames.BINARY):
                return self._finish(frame)

    def _finish(self, first):
        parts, frame = [first.payload], first
        while not frame.fin:
            frame = self.read_frame()
            if frame.opcode == frames.CONTINUATION:
                parts.append(frame.payload)
            assert frame.opcode in (frames.CONTINUATION, frames.PING, frames.PONG)
        payload = b"".join(parts)
        if first.reserved:
            assert (
                first.reserved == frames.RSV1 and self.extensions
            ), "reserved bits without a negotiated extension"
            payload = self._inflate(payload)
        if first.opcode == frames.TEXT:
            payload = payload.decode()  # A server's text is valid UTF-8, or this raises.
        return first.opcode, payload

    def _inflate(self, payload):
        if self._inflater is None or "server_no_context_takeover" in self.extensions:
            self._inflater = zlib.decompressobj(-15)
        return self._inflater.decompress(payload + b"\x00\x00\xff\xff")

    def read_pong(self):
        while True:
            frame = self.read_frame()
            if frame.opcode == frames.CLOSE:
                raise Closed(frame)
            if frame.opcode == frames.PONG:
                return frame.payload

    def read_close(self):
        """(code, reason) of the server's close frame; messages before it are passed over."""
        while True:
            frame = self.read_frame()
            if frame.opcode == frames.CLOSE:
                return close_of(frame)

    def read_to_end(self):
        """Every frame until the server ends the connection, which it must do in time."""
        seen = []
        while True:
            try:
                seen.append(self.read_frame())
            except ConnectionEnded:
                assert len(self._buffer) == self._parsed, "the connection ended in the middle of a frame"
                return seen

    # Ending.

    def close(self, code=1000, reason=""):
        """The closing handshake: says `code`, expects it back, and the end of the connection."""
        self.send_frame(frames.CLOSE, frames.close_payload(code, reason))
        answer = self.read_close()
        assert self._receive() == b"", "bytes after the close frame"
        self.socket.close()
        return answer

    def abort(self):
        self.socket.close()


def open_socket(address, receive_buffer=None, source=None, tls=None, before=b""):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.settimeout(DEADLINE)
    if receive_buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source:
        # The port is chosen with the connection, so that no port has to be free for all of them.
        made.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        made.bind((source, 0))
    made.connect(address)
    if family == socket.AF_INET:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.sendall(before)
    return tls.wrap_socket(made, server_hostname=address[0]) if tls else made


def deflate(data):
    if isinstance(data, str):
        data = data.encode()
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    compressed = machine.compress(data) + machine.flush(zlib.Z_SYNC_FLUSH)
    assert compressed.endswith(b"\x00\x00\xff\xff")
    return compressed[:-4]


def close_of(frame):
    """(code, reason) of a close frame; code 1005 where it has none, as the RFC calls that."""
    if not frame.payload:
        return 1005, ""
    assert len(frame.payload) >= 2, "a close payload of one byte"
    return int.from_bytes(frame.payload[:2], "big"), frame.payload[2:].decode()
