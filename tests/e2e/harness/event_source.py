"""A reader of server-sent events, by the rules of WHATWG HTML section 9.2."""

import json
from urllib.parse import quote

from .client import Event
from .http import read_response_head
from .websocket import open_socket


class StreamEnded(AssertionError):
    """The server ended the stream where the test still expected events."""


class Message:
    def __init__(self, name, data, last_id):
        self.name, self.data, self.last_id = name, data, last_id

    def __repr__(self):
        return f"{self.name} {self.data[:300]!r} (id {self.last_id!r})"

    @property
    def event(self):
        return Event(self.data)

    @property
    def control(self):
        """The `data` of a control message."""
        message = json.loads(self.data)
        assert f"@{message['type']}" == self.name, self
        return message["data"]


class EventSource:
    """One response. `last_id`, `retry` and `comments` are what a browser would know by now."""

    def __init__(self, address, path, last_id=None, headers=(), receive_buffer=None, source=None):
        self.last_id, self.retry, self.comments = last_id or "", None, 0
        self._id = self.last_id
        self._rest = b""
        self.socket = open_socket(address, receive_buffer, source=source)
        lines = [f"GET {quote(path, safe='/?=&*%,:@-')} HTTP/1.1", "Host: localhost", "Accept: text/event-stream"]
        lines += [f"Last-Event-ID: {last_id}"] if last_id else []
        lines += [f"{name}: {value}" for name, value in headers]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.response, self._rest = read_response_head(self.socket)
        assert self.response.status == 200, self.response
        assert self.response.headers["content-type"].startswith("text/event-stream")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def read(self):
        """The next message of any name."""
        while not (message := self._read_until_blank()):
            pass
        return message

    def wait_for_id(self):
        """Up to the next id that comes by itself; a message would be a failure."""
        before = self.last_id
        while self.last_id == before:
            message = self._read_until_blank()
            assert message is None, message

    def wait_for_comment(self):
        """Past ids, up to the next sign of life; a message would be a failure."""
        before = self.comments
        while self.comments == before:
            message = self._read_until_blank()
            assert message is None, message

    def _read_until_blank(self):
        """The message of one block, or None of one that has no data."""
        name, data = "message", []
        while True:
            line = self._line()
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line:
                self.last_id = self._id
                return Message(name, "\n".join(data), self.last_id) if data else None
            if line.startswith(":"):
                self.comments += 1
            elif field == "data":
                data.append(value)
            elif field == "event":
                name = value
            elif field == "id":
                self._id = value
            elif field == "retry":
                self.retry = int(value)
            else:
                raise AssertionError(f"a field that no browser knows: {line!r}")

    def _line(self):
        while b"\n" not in self._rest:
            try:
                piece = self.socket.recv(1 << 18)
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise StreamEnded(f"the stream ended behind {self.last_id!r}")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        assert b"\r" not in line, line
        return line.decode()

    def subscribed(self):
        """What the stream begins with."""
        message = self.read()
        assert message.name == "@subscribed", message
        return message.control

    def take(self, count):
        """The next `count` events, past everything else."""
        events = []
        while len(events) < count:
            message = self.read()
            if not message.name.startswith("@"):
                events.append(message)
        return events

    def take_until_end(self):
        """Every message until the stream ends."""
        messages = []
        while True:
            try:
                messages.append(self.read())
            except StreamEnded:
                return messages
