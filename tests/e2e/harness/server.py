"""A real wsserve on a free port."""

import os
import re
import signal
import socket

from .client import Client
from .deadline import eventually
from .http import HttpConnection
from .process import Process, binary
from .websocket import WebSocket, open_socket


class Server:
    """Started by the constructor, which returns once the server accepts connections."""

    def __init__(self, env, *options, listen="127.0.0.1:0", tls=None, **popen):
        """`listen`: None leaves it to a configuration file. `tls`: the context with which connections are made."""
        self.options = options
        self.tls = tls
        where = ["--listen", listen] if listen else []
        self.process = Process([binary("wsserve"), *where, *options], env, **popen)
        self.url = self.process.wait_for_lines(1)[0].decode()
        self.address = self._address_of(self.url)

    @staticmethod
    def _address_of(url):
        if url.startswith("ws+unix:"):
            return url.removeprefix("ws+unix:")
        host, port = re.fullmatch(r"wss?://(.+):(\d+)", url).groups()
        return host.strip("[]"), int(port)

    @property
    def port(self):
        return self.address[1]

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        return self.process.stderr

    # Connections.

    def open(self, path="/ws", **options):
        """A connection of raw frames."""
        return WebSocket(self.address, path, **{"tls": self.tls, **options})

    def client(self, path="/ws", **options):
        """A connection of commands and events, its `connected` already read."""
        return Client(self.open(path, **options))

    def connect(self):
        """A bare connection, behind TLS where the server speaks it."""
        return open_socket(self.address, tls=self.tls)

    def http(self):
        return HttpConnection(self.connect())

    def get(self, path):
        with self.http() as http:
            http.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return http.read()

    def stats(self):
        response = self.get("/ws/stats")
        assert response.status == 200, response
        return response.json()

    def wait_for_subscriptions(self, count):
        eventually(lambda: self.stats()["subscriptions"] >= count, f"{count} subscriptions: {self.stats()}")

    def wait_for_connections(self, count):
        eventually(
            lambda: self.stats()["total_connections"] == count, f"exactly {count} connections: {self.stats()}"
        )

    # What it takes from the machine.

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def private_bytes(self):
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as rollup:
            return sum(
                int(line.split()[1]) * 1024
                for line in rollup
                if re.match(r"(Private_Dirty|Private_Clean):", line)
            )

    def peak_bytes(self):
        """The most memory it ever had."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024

    # Ending.

    def stop(self):
        """SIGTERM; everything it was asked to leave behind is in order, or this raises."""
        self.process.signal(signal.SIGTERM)
        code = self.process.wait()
        assert code == 0, f"wsserve ended with {code}:\n{self.log[-8000:]}"
        said = self.process.stdout.decode()
        assert re.fullmatch(r"(wss?://\S+\n|ws\+unix:\S+\n)+", said), f"not only addresses on stdout: {said!r}"

    def kill(self):
        """As kill -9 does. Nothing is checked afterwards."""
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    def finish(self):
        """At the end of a test: stops the server in good order, unless the test has ended it."""
        try:
            if self.process.running:
                self.stop()
        finally:
            self.process.end()


class ReservedPort:
    """A port where nobody listens and that nobody else can get: bound, so that it stays so.

    A server that is told to may still listen there, for both sockets say SO_REUSEADDR.
    """

    def __init__(self):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.number}"
        self.url = f"ws://{self.address}/ws"

    def release(self):
        self._socket.close()
