"""Proves: HTTP requests that are no upgrade, or a wrong one, get the right status and a line that says why."""

import socket

import pytest
from harness import frames
from harness.client import Client
from harness.websocket import WebSocket, handshake, read_response_head

UPGRADE = {
    "Host": "localhost",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def ask(server, raw, head_only=False):
    with server.http() as http:
        http.send(raw)
        return http.read(head_only)


def upgrade(server, path="/ws", version="HTTP/1.1", method="GET", extra=(), **changed):
    """An upgrade with headers changed (by name, `_` for `-`) or taken out (None)."""
    headers = dict(UPGRADE)
    for name, value in changed.items():
        headers[name.replace("_", "-")] = value
    lines = [f"{method} {path} {version}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value is not None]
    lines += list(extra)
    return ask(server, "\r\n".join(lines) + "\r\n\r\n")


def refused(response, status):
    assert response.status == status, response
    error = response.json()
    assert len(str(error)) > 20, f"it should say why: {error}"
    return response


def test_the_example_of_the_rfc_is_accepted(server):
    with server.http() as http:
        http.send("\r\n".join(["GET /ws HTTP/1.1", *(f"{n}: {v}" for n, v in UPGRADE.items())]) + "\r\n\r\n")
        response, _ = read_response_head(http.socket)
    assert response.status == 101
    assert response.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_header_names_and_values_are_read_as_http_has_them(server):
    with server.http() as http:
        http.send(
            "GET /ws HTTP/1.1\r\nhOST: x\r\nUPGRADE:WebSocket\r\ncOnNeCtIoN: keep-alive, uPgRaDe\r\n"
            "SEC-WEBSOCKET-KEY:   dGhlIHNhbXBsZSBub25jZQ==  \r\nsec-websocket-version: 13\r\n\r\n"
        )
        assert read_response_head(http.socket)[0].status == 101


def test_a_known_subprotocol_is_chosen(server):
    for offered, chosen in (
        ("wskit.v1.json", "wskit.v1.json"),
        ("other, wskit.v1.json", "wskit.v1.json"),
        ("other", None),
    ):
        with server.open(headers=[("Sec-WebSocket-Protocol", offered)]) as websocket:
            assert websocket.response.headers.get("sec-websocket-protocol") == chosen


def test_what_is_not_there_is_404(server):
    for path in ("/nothing", "/wsx", "/echo", "//ws", "/WS", "/healthz/"):
        response = ask(server, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
        assert response.status == 404, (path, response)
        refused(response, 404)


def test_an_upgrade_to_what_is_not_there_is_404(server):
    refused(upgrade(server, "/nothing"), 404)
    refused(upgrade(server, "/echo"), 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "BREW"])
def test_other_methods_are_405_with_those_allowed(server, method):
    for path in ("/ws", "/healthz", "/ws/stats"):
        response = refused(
            ask(server, f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 405
        )
        assert "GET" in response.headers["allow"].replace(" ", "").split(",")


def test_a_get_without_an_upgrade_is_426(server):
    response = refused(ask(server, "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n"), 426)
    assert response.headers["upgrade"].lower() == "websocket"
    assert response.headers["sec-websocket-version"] == "13"
    assert "upgrade" in response.headers["connection"].lower()


def test_another_version_of_websocket_is_426(server):
    for version in ("8", "14", "0", "thirteen"):
        response = refused(upgrade(server, Sec_WebSocket_Version=version), 426)
        assert response.headers["sec-websocket-version"] == "13"


def test_a_wrong_key_is_400(server):
    for key in (
        "",
        "x",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZS4uLg==",
        "!!!!IHNhbXBsZSBub25jZQ==",
        None,
    ):
        refused(upgrade(server, Sec_WebSocket_Key=key), 400)


def test_what_may_stand_only_once_is_refused_when_repeated(server):
    refused(upgrade(server, extra=["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]), 400)
    refused(upgrade(server, extra=["Host: other"]), 400)
    refused(upgrade(server, extra=["Sec-WebSocket-Version: 13"]), 426)
    refused(ask(server, "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400)


def test_a_request_without_a_host_is_400(server):
    refused(upgrade(server, Host=None), 400)
    refused(ask(server, "GET /healthz HTTP/1.1\r\n\r\n"), 400)


def test_an_upgrade_by_http_1_0_or_by_another_method_is_refused(server):
    refused(upgrade(server, version="HTTP/1.0"), 400)
    refused(upgrade(server, method="POST", extra=["Content-Length: 0"]), 405)


def test_an_upgrade_header_without_its_connection_header_is_no_upgrade(server):
    assert upgrade(server, Connection="close").status in (400, 426)
    assert upgrade(server, Upgrade="h2c").status in (400, 426)


@pytest.mark.parametrize(
    "raw",
    [
        "\n\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        # H5, H6, H7: where it ends, or for whom it is, is not said.
        "POST /publish/a HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n1\r\n1\r\n0\r\n\r\n",
        "GET http:///healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://user@x/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: user@127.0.0.1\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:abc\r\n\r\n",
        "hello\r\n\r\n",
        "GET\r\n\r\n",
        "GET /healthz\r\n\r\n",
        "GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nbad name: 1\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    ],
)
def test_what_is_not_http_is_400_and_closed(server, raw):
    with server.http() as http:
        http.send(raw.encode("latin-1"))
        response = http.read()
        assert response.status in (400, 505), response
        response.json()
        assert http.ended()
    assert server.get("/healthz").status == 200


# H6, H7, H8: other ways to say the same.
def test_what_is_http_all_the_same_is_served(server):
    with server.http() as http:
        for raw in (
            "\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET http://localhost/healthz HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n",
            "GET https://localhost:1/healthz?token=x HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:\r\n\r\n\r\n",
        ):
            http.send(raw)
            assert http.read().status == 200, raw
        # H4: the last one, in the second of two lines.
        http.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: x\r\nConnection: close\r\n\r\n")
        assert http.read().headers["connection"] == "close"
        assert http.ended()


# H6: a name that somebody owns, said where the guard against rebinding did not look.
def test_the_host_of_the_target_is_guarded(server):
    response = ask(server, "GET http://evil.example/ws/stats HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert "evil.example" in refused(response, 403).json()["error"]["message"]


def test_a_tls_hello_is_told_that_there_is_no_tls(server):
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 512
    for first in (len(hello), 1, 5):
        with server.http() as http:
            http.send(hello[:first])
            response = http.read()
            assert response.status == 400
            assert "this port does not speak TLS: use http:// or ws://" in response.json()["error"]["message"]
            assert http.ended()
    assert server.stats()["tls_failures"] == 3


def test_a_body_too_large_is_413(server):
    with server.http() as http:
        http.send("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        refused(http.read(), 413)
        assert http.ended()


def test_a_head_too_large_is_431_and_a_target_too_long_414(server):
    with server.http() as http:
        http.send(
            "GET /healthz HTTP/1.1\r\nHost: x\r\n" + "".join(f"X-{n}: {'y' * 900}\r\n" for n in range(70))
        )
        refused(http.read(), 431)
        assert http.ended()
    with server.http() as http:
        http.send("GET /" + "x" * 70_000 + " HTTP/1.1\r\nHost: x\r\n\r\n")
        assert http.read().status in (414, 431)
        assert http.ended()


def test_a_connection_serves_many_requests(server):
    with server.http() as http:
        for path, status in (("/healthz", 200), ("/nothing", 404), ("/ws/stats", 200), ("/readyz", 200)):
            http.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
            assert http.read().status == status, path
        http.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert http.read().headers["connection"] == "close"
        assert http.ended()


def test_requests_sent_at_once_are_answered_in_order(server):
    with server.http() as http:
        http.send(
            "".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in ["/healthz", "/nothing"] * 20)
        )
        assert [http.read().status for _ in range(40)] == [200, 404] * 20


def test_a_request_with_a_body_does_not_confuse_the_next(server):
    with server.http() as http:
        http.send("POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
        response = http.read()
        assert response.status == 405
        if response.headers.get("connection", "").lower() == "close":
            assert http.ended()
        else:
            http.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert http.read().status == 200


def test_http_1_0_is_answered_and_closed(server):
    with server.http() as http:
        http.send("GET /healthz HTTP/1.0\r\n\r\n")
        assert http.read().status == 200
        assert http.ended()


def test_head_has_the_headers_and_no_body(server):
    with server.http() as http:
        http.send("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        head, full = http.read(head_only=True), http.read()
        assert head.status == 200
        assert head.headers["content-length"] == full.headers["content-length"] == str(len(full.body))


def test_events_may_follow_the_upgrade_in_the_same_packet(server):
    websocket = WebSocket(server.address, path=None)
    websocket.send(handshake() + frames.encode(frames.TEXT, '{"action":"ping","id":1}'))
    websocket.read_upgrade()
    assert Client(websocket).reply(1)["type"] == "pong"


def test_who_has_said_all_still_gets_what_was_asked_for(stage):
    """As `nc -N` and other clients do that end their half of the connection behind the request."""
    server = stage.server("--max-message", "20MiB", "--history-bytes", "20MiB")
    with server.client() as publisher:
        for number in range(100):
            publisher.publish("a", "x" * 100_000)
    with server.http() as http:
        http.send("GET /history/a HTTP/1.1\r\nHost: x\r\n\r\n")
        http.socket.shutdown(socket.SHUT_WR)
        assert len(http.read().json()) == 100
        assert http.ended()
