"""Proves: the configurations for nginx and HAProxy in docs/operations.md do what they are for, with the real programs."""

import contextlib
import pathlib
import re
import shutil
import socket

import pytest
from harness.client import Client
from harness.deadline import eventually
from harness.http import HttpConnection
from harness.websocket import WebSocket, handshake, open_socket, read_response_head

OPERATIONS = pathlib.Path(__file__).parents[3] / "docs" / "operations.md"
VISITOR = "127.0.0.7"  # An address of this machine that is no proxy's.


def documented(language):
    """The block of that language, which must be the only one."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", OPERATIONS.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) == 1, blocks
    return blocks[0]


def put(text, old, new):
    assert old in text, f"{old!r} is no longer in the documented block"
    return text.replace(old, new)


def program(name):
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if not found:
        pytest.skip(f"{name} is not installed: scripts/deps.sh --tests installs it")
    return found


def accepts(address):
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


class Proxy:
    """In front of a server, at an address of its own."""

    def __init__(self, server, address):
        self.server, self.address = server, address

    @property
    def host(self):
        return f"127.0.0.1:{self.address[1]}"

    def wait(self, process):
        def serves():
            assert process.running, process.stderr
            return accepts(self.address)

        eventually(serves, f"{process} listens")
        return self


def nginx(stage, tmp_path):
    found = program("nginx")
    server = stage.server("--trusted-proxy", "127.0.0.1")
    port = stage.reserve_port().number
    block = put(documented("nginx"), "listen 443 ssl;", f"listen 127.0.0.1:{port};")
    block = put(block, "server 127.0.0.1:9000;", f"server 127.0.0.1:{server.port};")
    temporary = "\n".join(
        f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(
        f"daemon off; master_process off; error_log stderr; pid {tmp_path}/pid;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}\n{block}}}\n"
    )
    process = stage.process([found, "-e", "stderr", "-p", str(tmp_path), "-c", str(configuration)])
    return Proxy(server, ("127.0.0.1", port)).wait(process)


def haproxy(stage, tmp_path, by_header=True):
    found = program("haproxy")
    more = () if by_header else ("--proxy-protocol",)
    server = stage.server("--trusted-proxy", "127.0.0.1", *more)
    port = stage.reserve_port().number
    frontend = put(documented("haproxy"), "bind :443 ssl crt /etc/haproxy/site.pem", f"bind 127.0.0.1:{port}")
    block = put(frontend, "127.0.0.1:9000", f"127.0.0.1:{server.port}")
    if not by_header:
        block = put(block, "frontend web\n  mode http", "frontend web\n  mode tcp")
        block = put(block, "default_backend wskit\n", "default_backend wskit-tcp\n")
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(f"defaults\n  timeout connect 5s\n{block}")
    process = stage.process([found, "-db", "-f", str(configuration)])
    return Proxy(server, ("127.0.0.1", port)).wait(process)


PROXIES = {
    "nginx": nginx,
    "haproxy": haproxy,
    "haproxy by the PROXY protocol": lambda stage, tmp_path: haproxy(stage, tmp_path, by_header=False),
}


@pytest.fixture(params=PROXIES)
def proxy(request, stage, tmp_path):
    return PROXIES[request.param](stage, tmp_path)


def upgrade(proxy, origin):
    with HttpConnection(open_socket(proxy.address, source=VISITOR)) as http:
        http.send(handshake("/ws/a", proxy.host, [("Origin", origin)]))
        return read_response_head(http.socket)[0].status


def post(proxy, body):
    with HttpConnection(open_socket(proxy.address, source=VISITOR)) as http:
        http.send(f"POST /publish/a HTTP/1.1\r\nHost: {proxy.host}\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        return http.read()


def connections(server):
    """Asked without a proxy between, from an address that is none."""
    with HttpConnection(open_socket(server.address, source=VISITOR)) as http:
        http.send("GET /connections HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return http.read().json()["connections"]


@contextlib.contextmanager
def stream(proxy, path):
    """What comes, up to and with a text, however the proxy has cut it into pieces."""
    with open_socket(proxy.address, source=VISITOR) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {proxy.host}\r\n\r\n".encode())
        got = bytearray()

        def read(text):
            while text.encode() not in got:
                piece = connection.recv(65536)
                assert piece, f"the stream ended: {bytes(got)!r}"
                got.extend(piece)
            return got.decode()

        yield read


# F9, F8: one proxy started, and all that is asked of it.
def test_it_serves_the_pages_of_its_own_address_and_names_the_visitor(proxy):
    own = f"http://{proxy.host}"
    assert upgrade(proxy, own) == 101, "its own pages, at a port that is not the usual one"
    assert upgrade(proxy, "https://evil.example") == 403
    by_protocol = "--proxy-protocol" in proxy.server.options
    if not by_protocol:
        assert upgrade(proxy, f"http://127.0.0.1:{proxy.address[1] + 1}") == 403, "a page of the visitor's machine"

    with Client(WebSocket(proxy.address, "/ws/a", source=VISITOR)) as client, stream(proxy, "/events/a") as read:
        assert "@subscribed" in read("@subscribed")
        if not by_protocol:
            found = connections(proxy.server)
            assert {each["address"].split(":")[0] for each in found} == {VISITOR}, found
        response = post(proxy, '{"price":1}')
        assert (response.status, response.json()["offset"]) == (200, 1)
        assert client.take_events(1)[0].data == '{"price":1}'
        read('{"price":1}')
