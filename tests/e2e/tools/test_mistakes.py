"""Proves: what people get wrong is answered in one line that names the thing and the remedy."""

import socket
import ssl
import threading

import pytest
from harness.certificates import Authority, need_openssl
from harness.scripted_server import ScriptedServer

need_openssl()

RUNS = {"wstap": ["a"], "wspub": ["a", "-m", "1"]}


class Stranger:
    """Accepts connections and says something of its own, once it has heard something or at once."""

    def __init__(self, says, waits=True, ends=True):
        self._says, self._waits, self._ends = says, waits, ends
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._kept = []
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._kept:
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._waits:
                connection.recv(65536)
            connection.sendall(self._says)
            if self._ends:
                connection.close()
            else:
                self._kept.append(connection)


def said(stage, tool, url, *options, code, env=None):
    """The one line of a run that fails."""
    run = stage.run(tool, "-u", url, *options, *RUNS[tool], env=env)
    lines = [line for line in run.stderr.splitlines() if not line.startswith("wspub: read ")]
    assert run.code == code, run.stderr
    assert len(lines) == 1, run.stderr
    return lines[0]


pytestmark = pytest.mark.parametrize("tool", RUNS)


def test_a_port_where_nobody_listens(stage, tool):
    url = stage.reserve_port().url
    assert f"cannot reach {url}" in said(stage, tool, url, code=3)
    assert "is this its port?" in said(stage, tool, url, code=3)


def test_a_name_that_is_none(stage, tool):
    line = said(stage, tool, "ws://no-such-host.invalid:9000", code=3)
    assert "no-such-host.invalid" in line


def test_tls_where_there_is_none(stage, tool):
    server = stage.server()
    line = said(stage, tool, f"wss://127.0.0.1:{server.port}", code=3)
    assert f"use ws://127.0.0.1:{server.port}/ws" in line


@pytest.mark.parametrize("says", [b"\x15\x03\x01\x00\x02\x02\x16", b""])
def test_no_tls_where_there_is_some(stage, tool, says):
    """Servers of TLS answer a plain request with an alert, or not at all."""
    with Stranger(says) as stranger:
        line = said(stage, tool, f"ws://127.0.0.1:{stranger.port}", code=4 if says else 3)
        assert f"use wss://127.0.0.1:{stranger.port}/ws" in line


def test_a_server_of_another_protocol(stage, tool):
    with Stranger(b"SSH-2.0-OpenSSH_9.2\r\n", waits=False, ends=False) as stranger:
        line = said(stage, tool, f"ws://127.0.0.1:{stranger.port}", code=4)
        assert "does not speak HTTP" in line and "is this the server's port?" in line


def test_a_web_server_that_is_not_ours(stage, tool):
    page = b"<html>not found</html>"
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page)
    with Stranger(answer) as stranger:
        line = said(stage, tool, f"http://127.0.0.1:{stranger.port}", code=4)
        assert "404 Not Found; is it a wskit server, and /ws its path?" in line
    page = b"<html>welcome</html>"
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page)
    with Stranger(answer) as stranger:
        line = said(stage, tool, f"http://127.0.0.1:{stranger.port}/live", code=4)
        assert "/live is not a WebSocket endpoint of it; try /ws" in line


def test_a_server_that_has_moved(stage, tool):
    moved = b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://new.example/ws\r\nContent-Length: 0\r\n\r\n"
    with ScriptedServer(answer=moved) as server:
        assert "it moved to https://new.example/ws" in said(stage, tool, server.url, code=4)


def test_a_path_that_does_not_exist(stage, tool):
    server = stage.server()
    line = said(stage, tool, f"ws://127.0.0.1:{server.port}/websocket", code=4)
    assert "404" in line and "/ws" in line


def test_a_proxy_that_is_set_and_not_used(stage, tool):
    env = stage.env(https_proxy="http://proxy.example:3128")
    line = said(stage, tool, "wss://no-such-host.invalid", code=3, env=env)
    assert "https_proxy is set, but proxies are not used" in line
    near = said(stage, tool, stage.reserve_port().url, code=3, env=env)
    assert "proxy" not in near, "nobody goes through a proxy to this machine"


def served(authority, **options):
    identity = authority.issue(**options)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    return context


@pytest.mark.parametrize(
    "options, remedy",
    [
        ({"days": -1}, "expired on"),
        ({"names": "DNS:elsewhere.example"}, "is for DNS:elsewhere.example and not for 127.0.0.1"),
    ],
)
def test_a_certificate_that_does_not_do(stage, tool, tmp_path, options, remedy):
    authority = Authority(tmp_path)
    identity = authority.issue(**options)
    server = stage.server(*identity.served, tls=authority.trusting())
    line = said(stage, tool, f"wss://127.0.0.1:{server.port}", "--cacert", authority.file, code=4)
    assert f"the certificate of wss://127.0.0.1:{server.port}/ws {remedy}" in line and "--insecure" in line
