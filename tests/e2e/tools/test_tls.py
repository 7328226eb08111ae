"""Proves: over `wss://` the tools take a certificate that they can trust, and another only where told so."""

import shutil
import socket
import ssl
import subprocess
import threading

import pytest
from harness.deadline import DEADLINE

if not shutil.which("openssl"):
    pytest.skip("openssl, which makes the certificates, is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(certificate, key) of 127.0.0.1 and localhost, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -keyout key.pem -out cert.pem"
    subprocess.run(
        [*command.split(), "-addext", names], cwd=folder, check=True, capture_output=True, timeout=DEADLINE
    )
    return folder / "cert.pem", folder / "key.pem"


class TlsFront:
    """Takes TLS off what comes in and hands it on to a server."""

    def __init__(self, server, certificate, key, host="127.0.0.1"):
        self._server = server
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server((host, 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"wss://{host}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            near = self._context.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            return
        far = self._server.connect()
        far.settimeout(None)
        back = threading.Thread(target=pump, args=(far, near), daemon=True)
        back.start()
        pump(near, far)
        back.join()
        near.close()
        far.close()


def pump(source, target):
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_a_trusted_certificate(stage, certificate):
    server = stage.server()
    with TlsFront(server, *certificate) as front:
        trust = ["--cacert", certificate[0]]
        tap = stage.tool("wstap", "-u", front.url, *trust, "-o", "data", "-n", "500", "a")
        server.wait_for_subscriptions(1)
        lines = b"".join(b'{"n":%d,"padding":"%s"}\n' % (number, b"x" * 500) for number in range(500))
        pub = stage.run("wspub", "-u", f"wss://localhost:{front.port}/ws", *trust, "a", stdin=lines)
        assert pub.code == 0, pub.stderr
        assert tap.wait() == 0, tap.stderr
        assert tap.stdout == lines


def test_an_unknown_certificate_is_refused_and_the_remedy_named(stage, certificate):
    server = stage.server()
    with TlsFront(server, *certificate) as front:
        run = stage.run("wstap", "-u", front.url, "a")
        assert run.code == 4, run.stderr
        assert "certificate" in run.stderr and "--cacert" in run.stderr
        assert server.stats()["accepted"] <= 2


def test_a_certificate_of_another_name_is_refused(stage, certificate):
    server = stage.server()
    with TlsFront(server, *certificate, host="127.0.0.2") as front:
        run = stage.run("wstap", "-u", front.url, "--cacert", certificate[0], "a")
        assert run.code == 4, run.stderr
        assert "127.0.0.2" in run.stderr


def test_any_certificate_where_told_so(stage, certificate):
    server = stage.server()
    with TlsFront(server, *certificate) as front:
        run = stage.run("wspub", "-u", front.url, "--insecure", "a", "-m", "1")
        assert run.code == 0, run.stderr


def test_a_server_without_tls_is_no_wss(stage):
    server = stage.server()
    run = stage.run("wstap", "-u", f"wss://127.0.0.1:{server.port}", "a", "--insecure")
    assert run.code in (3, 4) and "TLS" in run.stderr.upper(), run.stderr
