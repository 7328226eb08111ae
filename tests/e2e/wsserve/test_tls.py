"""Proves: wsserve speaks TLS 1.2 and 1.3 to whoever may, and says so to whoever does not."""

import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import time

import pytest
from harness.certificates import Authority, need_openssl
from harness.deadline import DEADLINE, eventually
from harness.frames import BINARY
from harness.sanitizer import SANITIZED
from harness.websocket import open_socket

need_openssl()
MIB = 1 << 20
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def identity(authority):
    return authority.issue()


@pytest.fixture
def server(stage, authority, identity):
    return stage.server("--echo", *identity.served, tls=authority.trusting())


def alert_of(failure):
    """What the peer's alert said, in OpenSSL's words."""
    return str(failure.value).lower()


# What is agreed on.


def test_the_url_names_the_scheme(server):
    assert server.url == f"wss://127.0.0.1:{server.port}"
    server.process.wait_for_stderr(f"listening on {server.url}")


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_both_versions_carry_commands_and_events(server, authority, version):
    tls = authority.trusting(version)
    with server.client(tls=tls) as client, server.client(tls=tls) as publisher:
        assert client.websocket.socket.version() == version.name.replace("_", ".")
        client.subscribe("a")
        for number in range(100):
            publisher.publish("a", {"n": number})
        assert [event.offset for event in client.take_events(100)] == list(range(1, 101))
        assert client.websocket.close()[0] == 1000
    assert server.stats()["tls_handshakes"] >= 3


@pytest.mark.parametrize(
    "key", [("rsa", "rsa_keygen_bits:2048"), ("ec", "ec_paramgen_curve:P-384")], ids=lambda key: key[0]
)
@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_keys_of_both_families(stage, authority, key, version):
    server = stage.server(*authority.issue(key=key).served, tls=authority.trusting(version))
    with server.client() as client:
        client.still_works()
        name, _, bits = client.websocket.socket.cipher()
        assert "GCM" in name or "CHACHA20" in name
        assert bits >= 128


def test_http_1_1_is_agreed_on_and_http_2_is_not(server, authority):
    tls = authority.trusting()
    tls.set_alpn_protocols(["h2", "http/1.1"])
    with server.open(tls=tls) as websocket:
        assert websocket.socket.selected_alpn_protocol() == "http/1.1"
    only_h2 = authority.trusting()
    only_h2.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError) as failure:
        server.open(tls=only_h2)
    assert "no application protocol" in alert_of(failure)
    with server.open() as websocket:
        assert websocket.socket.selected_alpn_protocol() is None, "who offers nothing is served as well"


@pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=lambda version: version.name
)
@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
def test_old_versions_are_refused(server, authority, version):
    with pytest.raises(ssl.SSLError) as failure:
        server.open(tls=authority.trusting(version, ciphers="ALL:@SECLEVEL=0"))
    assert "protocol version" in alert_of(failure)
    assert server.stats()["tls_failures"] == 1


@pytest.mark.parametrize(
    "cipher", ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE+AES+SHA", "DHE+AESGCM", "aNULL"]
)
def test_weak_ciphers_are_refused(server, authority, cipher):
    tls = authority.trusting(ssl.TLSVersion.TLSv1_2, ciphers=f"{cipher}:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError) as failure:
        server.open(tls=tls)
    assert "handshake failure" in alert_of(failure)


def test_a_session_is_resumed(server, authority):
    for version in VERSIONS:
        tls = authority.trusting(version)
        with server.client(tls=tls) as client:
            client.still_works()
            session = client.websocket.socket.session
        raw = socket.create_connection(server.address, timeout=DEADLINE)
        with tls.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as resumed:
            assert resumed.session_reused, version


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_trusts_it_and_no_other_name(server, authority):
    def curl(url, *options):
        command = ["curl", "-sS", "--cacert", str(authority.file), *options, url]
        return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)

    assert curl(f"https://127.0.0.1:{server.port}/healthz").stdout == '{"status":"ok"}\n'
    assert curl(f"https://localhost:{server.port}/healthz").stdout == '{"status":"ok"}\n'
    other = curl(f"https://other.test:{server.port}/", "--resolve", f"other.test:{server.port}:127.0.0.1")
    assert other.returncode == 60, "the certificate is not for that name"


# Who speaks something else.


def test_plain_http_on_the_tls_port_is_told_so(server):
    with socket.create_connection(server.address, timeout=DEADLINE) as raw:
        raw.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n")
        answer = b""
        while piece := raw.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"this port speaks TLS: use https:// or wss://" in answer
    assert server.stats()["tls_failures"] == 1


@pytest.mark.parametrize(
    "hostile",
    [
        b"\0" * 64,
        b"\x16",
        b"\x16\x03\x01\xff\xff" + b"x" * 70_000,
        b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + b"\0" * 16380,
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x17\x03\x03\x00\x05hello",
        b"\x80\x2e\x01\x00\x02" + b"\1" * 60,
        b"SSH-2.0-x\r\n",
        bytes(range(256)) * 200,
    ],
    ids=lambda hostile: hostile[:9].hex(),
)
def test_hostile_first_bytes_end_the_connection_alone(server, hostile):
    with server.client() as bystander:
        for cut in (None, 1, 7):
            with socket.create_connection(server.address, timeout=DEADLINE) as raw:
                try:
                    raw.sendall(hostile[:cut])
                    raw.shutdown(socket.SHUT_WR)
                    while raw.recv(65536):
                        pass
                except OSError:
                    pass
            bystander.still_works()


def test_a_handshake_cut_anywhere_harms_nobody(server, authority):
    """A real first flight, cut off after each of its bytes, then with each of them broken."""
    outgoing = ssl.MemoryBIO()
    machine = authority.trusting().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        machine.do_handshake()
    hello = outgoing.read()
    with server.client() as bystander:
        for position in range(0, len(hello), 7):
            broken = bytearray(hello)
            broken[position] ^= 0xFF
            for raw_bytes in (hello[:position], bytes(broken)):
                raw = socket.create_connection(server.address, timeout=DEADLINE)
                raw.sendall(raw_bytes)
                # A reset, so that nothing waits for the end of a time-out.
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raw.close()
            bystander.still_works()
    eventually(lambda: server.descriptors() < 64, "all of them are let go of")


def test_garbage_behind_the_handshake_ends_the_connection(server, authority):
    for version in VERSIONS:
        with server.client(tls=authority.trusting(version)) as client, server.client() as bystander:
            raw = socket.socket(fileno=client.websocket.socket.detach())
            raw.settimeout(DEADLINE)
            failures = server.stats()["tls_failures"]
            raw.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
            try:
                while raw.recv(65536):
                    pass
            except ConnectionResetError:
                pass
            raw.close()
            bystander.still_works()
            assert server.stats()["tls_failures"] == failures + 1


# Time.


def test_a_slow_handshake_is_given_up(stage, authority, identity):
    server = stage.server("--handshake-timeout", "300ms", *identity.served, tls=authority.trusting())
    with socket.create_connection(server.address, timeout=DEADLINE) as silent:
        with socket.create_connection(server.address, timeout=DEADLINE) as begun:
            begun.sendall(b"\x16\x03\x01\x02\x00\x01")
            assert silent.recv(1) == b"" and begun.recv(1) == b""
    assert server.stats()["handshake_timeouts"] == 2


def test_shaken_hands_are_no_request(stage, authority, identity):
    server = stage.server("--handshake-timeout", "300ms", *identity.served, tls=authority.trusting())
    with server.connect() as idle:
        assert idle.recv(1) == b""
    assert server.stats()["handshake_timeouts"] == 1


# Bytes.


def test_large_messages_come_back_whole(server):
    payload = bytes(range(256)) * (4 * MIB // 256)
    with server.open("/echo") as websocket:
        for size in (0, 1, 16_383, 16_384, 16_385, 70_000, 4 * MIB):
            websocket.send_frame(BINARY, payload[:size])
            assert websocket.read_message() == (BINARY, payload[:size])


class HandMade:
    """A TLS client whose bytes the test sends itself, `cut` into pieces."""

    def __init__(self, server, authority, cut, source=None, before=b""):
        """`before`: goes in front of the first flight, in the same packet."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = authority.trusting()
        self.machine = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")
        self.socket = open_socket(server.address, source=source)
        self._cut, self._before = cut, before
        self.step(self.machine.do_handshake)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        before, self._before = self._before, b""
        for piece in self._cut(before + self._outgoing.read()):
            self.socket.sendall(piece)

    def step(self, action):
        """Sends and receives until `action` can be done."""
        while True:
            try:
                return action()
            except ssl.SSLWantReadError:
                self.flush()
                received = self.socket.recv(65536)
                assert received, "the server ended the connection"
                self._incoming.write(received)


def cut_small(data):
    size = 0
    while data:
        size = size % 100 + 1
        yield data[:size]
        data = data[size:]


def test_records_cut_at_any_byte_are_put_together(server, authority):
    with HandMade(server, authority, cut_small) as client:
        client.machine.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Padding: " + b"x" * 3000 + b"\r\n\r\n")
        answer = client.step(lambda: client.machine.read(65536))
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_goodbye_behind_a_request_is_answered_first(server, authority):
    """close_notify in the same packet as the request, and no end of the socket behind it."""
    with HandMade(server, authority, lambda data: [data]) as client:
        client.machine.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ssl.SSLWantReadError):
            client.machine.unwrap()
        client.flush()
        answer = client.step(lambda: client.machine.read(65536))
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_goodbye_cuts_no_answer_short(stage, authority, identity, tmp_path):
    """One that is longer than the socket takes at once, one that lies in the store, and one behind that."""
    server = stage.server(
        *("--store", tmp_path / "events.db", "--max-message", "20MiB", "--history-bytes", "20MiB"),
        *("--history-total", "1KiB", "--queue-limit", "64MiB", *identity.served),
        tls=authority.trusting(),
    )
    with server.client() as publisher:
        for _ in range(100):
            publisher.publish("a", "x" * 100_000)
    with HandMade(server, authority, lambda data: [data]) as client:
        for path in ("history/a?since=start", "history/a?since=start&limit=1", "healthz"):
            client.machine.write(f"GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        with pytest.raises(ssl.SSLWantReadError):
            client.machine.unwrap()
        client.flush()
        answers = b""
        while not answers.endswith(b'{"status":"ok"}\n'):
            answers += client.step(lambda: client.machine.read(65536))
        assert answers.count(b"HTTP/1.1 200 ") == 3
        assert client.socket.recv(65536) == b"", "nothing is awaited any more"


def test_the_end_is_said(server):
    """A server that ends a connection says close_notify, so that nobody can cut it short unseen."""
    with server.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := connection.recv(65536):
            answer += piece  # a mere end of the socket would raise SSLEOFError
        assert answer.endswith(b'{"status":"ok"}\n')


def test_a_reader_that_stalls_is_cut_at_its_limit(stage, authority, identity):
    options = ["--queue-limit", "256KiB", "--heartbeat", "1h", *identity.served]
    server = stage.server(*options, tls=authority.trusting())
    with server.client("/ws/a", receive_buffer=4096) as slow, server.client() as publisher:
        base = server.private_bytes()
        published = 0
        while server.stats()["closed_slow"] == 0:
            publisher.publish("a", "x" * 20_000)
            published += 1
            assert published < 2000, "nothing ever waited"
        if not SANITIZED:
            assert server.private_bytes() - base < 16 * MIB
        events = slow.events_until_closed(4008)
        assert [event.offset for event in events] == list(range(1, len(events) + 1)), "and nothing torn"
        assert len(events) < published


def test_a_reader_that_pauses_gets_everything(stage, authority, identity):
    options = ["--queue-limit", "64MiB", "--heartbeat", "1h", *identity.served]
    server = stage.server(*options, tls=authority.trusting())
    with server.client("/ws/a", receive_buffer=4096) as slow, server.client() as publisher:
        for number in range(300):
            publisher.publish("a", f"{number}" + "x" * (number * 137 % 40_000))
        assert server.stats()["queued_bytes"] > 0
        events = slow.take_events(300)
        assert [event.offset for event in events] == list(range(1, 301))
        assert all(event.data == f'"{n}{"x" * (n * 137 % 40_000)}"' for n, event in enumerate(events))
        slow.still_works()
    eventually(lambda: server.stats()["queued_bytes"] == 0, "nothing waits any more")


def test_compression_goes_through_tls(server):
    offer = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
    with server.client("/ws/a", deflate=offer) as client, server.client() as publisher:
        publisher.publish("a", "x" * 100_000)
        assert len(client.take_events(1)[0].data) == 100_002


# Clients with certificates.


def test_only_clients_with_a_certificate_of_the_authority_are_served(stage, authority, identity):
    trusted, stranger = authority.issue("ann"), Authority(stage.home, "stranger").issue("eve")
    for version in VERSIONS:
        options = [*identity.served, "--client-ca", str(authority.file)]
        server = stage.server(*options, tls=authority.trusting(version, identity=trusted))
        with server.client() as client:
            client.still_works()
        for shown, alert in (
            (None, "certificate required" if version == VERSIONS[1] else "handshake failure"),
            (stranger, "unknown ca"),
            (authority.issue("old", days=-1), "certificate expired"),
        ):
            with pytest.raises(ssl.SSLError) as failure:
                server.open(tls=authority.trusting(version, identity=shown))
            assert alert in alert_of(failure)
        assert server.stats()["tls_failures"] == 3


def test_a_certified_session_is_resumed(stage, authority, identity):
    tls = authority.trusting(identity=authority.issue("ann"))
    server = stage.server(*identity.served, "--client-ca", str(authority.file), tls=tls)
    with server.client() as client:
        client.still_works()
        session = client.websocket.socket.session
    raw = socket.create_connection(server.address, timeout=DEADLINE)
    with tls.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as resumed:
        resumed.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert resumed.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert resumed.session_reused


# Behind a proxy that speaks the PROXY protocol.


def test_tls_behind_a_proxy_header(stage, authority, identity):
    """The header comes before the hello: with it in one packet, in pieces, and from a client without a proxy."""
    proxied = ["--trusted-proxy", "127.0.0.8", "--proxy-protocol"]
    server = stage.server(*identity.served, *proxied, tls=authority.trusting())
    with server.client() as direct:
        direct.still_works()
    header = b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n"
    for pieces in ([header], [header[:5], header[5:]]):
        raw = open_socket(server.address, source="127.0.0.8")
        for piece in pieces:
            raw.sendall(piece)
        with authority.trusting().wrap_socket(raw, server_hostname="127.0.0.1") as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    with HandMade(server, authority, lambda data: [data], "127.0.0.8", header) as client:
        client.machine.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.step(lambda: client.machine.read(65536)).startswith(b"HTTP/1.1 200 ")


# Starting.


def refusal(stage, *options):
    run = stage.run("wsserve", "--listen", "127.0.0.1:0", *map(str, options))
    assert run.code == 2, run.stderr
    assert run.stderr.count("\n") == 1, f"more than one line: {run.stderr}"
    return run.stderr


def test_files_that_cannot_be_used_are_named(stage, authority, identity):
    certificate, key = identity.certificate, identity.key
    other = authority.issue(key=("rsa", "rsa_keygen_bits:2048"))
    missing, empty = stage.home / "missing.pem", stage.home / "empty.pem"
    empty.write_text("")
    said = refusal(stage, "--tls-cert", missing, "--tls-key", key)
    assert f"cannot read the certificate {missing}: No such file" in said
    assert f"cannot read the key {missing}: " in refusal(
        stage, "--tls-cert", certificate, "--tls-key", missing
    )
    assert f"{empty} holds no usable certificate" in refusal(stage, "--tls-cert", empty, "--tls-key", key)
    said = refusal(stage, "--tls-cert", certificate, "--tls-key", certificate)
    assert f"{certificate} holds no usable private key" in said
    for strange in (authority.issue().key, other.key):
        said = refusal(stage, "--tls-cert", certificate, "--tls-key", strange)
        assert f"the key {strange} does not belong to the certificate {certificate}" in said
    assert "add --tls-key" in refusal(stage, "--tls-cert", certificate)
    assert "add --tls-cert" in refusal(stage, "--tls-key", key)
    assert "add --tls-cert" in refusal(stage, "--client-ca", authority.file)
    said = refusal(stage, *identity.served, "--client-ca", empty)
    assert f"--client-ca from {empty}" in said


def test_a_check_reads_the_files(stage, identity):
    run = stage.run("wsserve", "--check-config", *identity.served)
    assert run.code == 0, run.stderr
    run = stage.run(
        "wsserve", "--check-config", "--tls-cert", str(identity.key), "--tls-key", str(identity.key)
    )
    assert run.code == 2 and str(identity.key) in run.stderr


def test_a_certificate_that_is_or_will_be_invalid_is_warned_of(stage, authority):
    expired = stage.server(*authority.issue(days=-1).served, tls=authority.trusting())
    expired.process.wait_for_stderr("has expired on")
    with pytest.raises(ssl.SSLCertVerificationError):
        expired.open()
    soon = stage.server(*authority.issue(days=5).served, tls=authority.trusting())
    soon.process.wait_for_stderr("expires in [45] days, on")
    assert "expire" not in stage.server(*authority.issue().served, tls=authority.trusting()).log


def test_unix_sockets_stay_plain(stage, authority, identity):
    path = f"unix:{stage.home}/s"
    options = ["--listen", "127.0.0.1:0", *identity.served]
    server = stage.server(*options, listen=path)
    assert server.url == f"ws+{path}"
    with server.client() as client:
        client.still_works()
    server.process.wait_for_stderr("listening on wss://127.0.0.1:")


# Reloading.


def reload(server):
    before = server.log.count("wsserve: reloaded ")
    server.process.signal(signal.SIGHUP)
    server.process.wait_for_stderr(rf"(?s)(wsserve: reloaded [^\n]*\n.*){{{before + 1}}}")


def common_name(server, authority):
    with server.open(tls=authority.trusting()) as websocket:
        certificate = websocket.socket.getpeercert()
    return dict(pair for entry in certificate["subject"] for pair in entry)["commonName"]


def test_a_renewed_certificate_is_taken_up_and_nobody_dropped(stage, authority):
    current = authority.issue("first")
    server = stage.server(*current.served, tls=authority.trusting())
    with server.client("/ws/a") as old, server.client() as publisher:
        assert common_name(server, authority) == "first"
        for number in range(20):
            current.replace(authority.issue(f"renewed-{number}"))
            reload(server)
            publisher.publish("a", number)
            assert common_name(server, authority) == f"renewed-{number}"
        assert [event.data for event in old.take_events(20)] == [str(number) for number in range(20)]
        old.still_works()


def test_the_end_of_the_certificate_is_a_metric(stage, authority):
    current = authority.issue(days=5)
    server = stage.server(*current.served, tls=authority.trusting())

    def days_left():
        line = re.search(
            r"^wskit_tls_certificate_expires_seconds (\S+)$", server.get("/metrics").body.decode(), re.M
        )
        return (float(line[1]) - time.time()) / 86400

    assert 4.9 < days_left() < 5.1
    current.replace(authority.issue(days=60))
    reload(server)
    assert 59.9 < days_left() < 60.1
    assert b"certificate_expires" not in stage.server().get("/metrics").body


def test_a_broken_renewal_changes_nothing(stage, authority):
    current = authority.issue("first")
    server = stage.server(*current.served, tls=authority.trusting())
    key = current.key.read_bytes()
    current.key.write_bytes(authority.issue().key.read_bytes())
    server.process.signal(signal.SIGHUP)
    server.process.wait_for_stderr("nothing was reloaded")
    assert f"the key {current.key} does not belong to the certificate" in server.log
    assert common_name(server, authority) == "first"
    current.key.unlink()
    server.process.signal(signal.SIGHUP)
    server.process.wait_for_stderr("cannot read the key")
    assert common_name(server, authority) == "first"
    current.key.write_bytes(key)
    reload(server)
    assert common_name(server, authority) == "first"


def test_turning_tls_on_or_off_waits_for_a_restart(stage, authority, identity):
    file = stage.home / "wsserve.toml"
    keys = f'tls-cert = "{identity.certificate}"\ntls-key = "{identity.key}"\n'
    file.write_text(keys)
    server = stage.server("--config", str(file), tls=authority.trusting())
    file.write_text("")
    reload(server)
    server.process.wait_for_stderr("tls-key = .* waits for a restart")
    assert common_name(server, authority) == "test"
    file.write_text("")
    plain = stage.server("--config", str(file))
    file.write_text(keys)
    reload(plain)
    plain.process.wait_for_stderr("tls-key = .* waits for a restart")
    with plain.client() as client:
        client.still_works()


def test_client_certificates_can_be_demanded_from_now_on(stage, authority, identity):
    file = stage.home / "wsserve.toml"
    keys = f'tls-cert = "{identity.certificate}"\ntls-key = "{identity.key}"\n'
    file.write_text(keys)
    server = stage.server("--config", str(file), tls=authority.trusting())
    with server.client() as old:
        file.write_text(keys + f'client-ca = "{authority.file}"\n')
        reload(server)
        with pytest.raises(ssl.SSLError):
            server.open()
        old.still_works()
        server.tls = authority.trusting(identity=authority.issue("ann"))
        with server.client() as new:
            new.still_works()


def test_reloads_under_load_lose_nothing(stage, authority):
    current = authority.issue()
    trust = ["--cacert", str(authority.file)]
    server = stage.server(*current.served, "--history", "0", tls=authority.trusting())
    tap = stage.tool("wstap", "-u", server.url, *trust, "-o", "data", "-n", "20000", "--verify", "a")
    server.wait_for_subscriptions(1)
    pub = stage.tool("wspub", "-u", server.url, *trust, "--window", "64", "a")
    for number in range(20_000):
        if number % 2_000 == 0:
            current.replace(authority.issue())
            server.process.signal(signal.SIGHUP)
        pub.write(b'{"n":%d}\n' % number)
    pub.close_stdin()
    assert pub.wait() == 0, pub.stderr
    assert tap.wait() == 0, tap.stderr
    assert tap.stdout == b"".join(b'{"n":%d}\n' % number for number in range(20_000))
    assert "reconnects" not in pub.stderr and "trying again" not in pub.stderr
