"""HTTP/1.1 over a raw socket, so that a test can send the wrong request and see the whole answer."""

import json

from .deadline import DEADLINE


class Response:
    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.version, status, self.reason = (lines[0].split(" ", 2) + [""])[:3]
        self.status = int(status)
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            if name == "connection" and name in self.headers:  # a list, which may stand in several lines
                value = f"{self.headers[name]}, {value}"
            else:
                assert name not in self.headers, f"the header {name} twice"
            self.headers[name] = value
        self.body = b""

    def __repr__(self):
        return f"HTTP {self.status} {self.headers} {self.body!r}"

    def json(self):
        """The body, which must be one line of JSON."""
        assert self.headers["content-type"].split(";")[0] == "application/json", self
        assert self.body.endswith(b"\n") and self.body.count(b"\n") == 1, f"not one line: {self.body!r}"
        return json.loads(self.body)


def read_response_head(connection):
    """(the response without its body, the bytes that came after its head)."""
    got = bytearray()
    while (end := got.find(b"\r\n\r\n")) < 0:
        piece = connection.recv(65536)
        assert piece, f"the connection ended before a response: {bytes(got)!r}"
        got += piece
    return Response(bytes(got[:end])), bytes(got[end + 4 :])


class HttpConnection:
    """One connection, on which requests can follow each other or be sent all at once."""

    def __init__(self, connection):
        self.socket = connection
        self._rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, raw):
        self.socket.sendall(raw if isinstance(raw, bytes) else raw.encode())

    def read(self, head_only=False):
        """The next response. `head_only`: the answer to a HEAD request, which has no body."""
        while b"\r\n\r\n" not in self._rest:
            self._rest += self._receive("before the end of a response's head")
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        response = Response(head)
        if not head_only:
            size = int(response.headers["content-length"])
            while len(self._rest) < size:
                self._rest += self._receive("in the middle of a body")
            response.body, self._rest = self._rest[:size], self._rest[size:]
        return response

    def _receive(self, where):
        piece = self.socket.recv(65536)
        assert piece, f"the connection ended {where}: {self._rest!r}"
        return piece

    def ended(self):
        """Whether the server ends the connection, with nothing more to say."""
        self.socket.settimeout(DEADLINE)
        try:
            return not self._rest and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
