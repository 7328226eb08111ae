"""Proves: connections are limited by address and by rate, whoever is over is told so, and others are not."""

import signal

import pytest
from harness.deadline import eventually
from harness.http import HttpConnection
from harness.tokens import Issuer, bearer
from harness.websocket import WebSocket, handshake, open_socket


def request(path="/healthz", *headers):
    lines = [f"GET {path} HTTP/1.1", "Host: x", *headers]
    return "\r\n".join(lines) + "\r\n\r\n"


def from_address(server, source):
    """A WebSocket from another address of this machine."""
    return WebSocket(server.address, source=source)


def test_an_address_has_as_many_connections_as_it_may(stage):
    server = stage.server("--max-connections-per-address", "2")
    clients = [server.client(), server.client()]
    with server.open() as third:
        code, reason = third.read_close()
        assert code == 1013 and "from this address" in reason, (code, reason)
    with from_address(server, "127.0.0.2") as other:
        other.send_text('{"action":"ping"}')
        other.read_message()
    for client in clients:
        client.still_works()
    stats = clients[0].command("stats")["data"]
    assert stats["refused_address"] == 1 and stats["refused"] == 1
    clients[0].websocket.close()
    clients[1].websocket.close()

    def another_one():
        with server.open() as websocket:
            return websocket.read_frame().opcode == 1

    eventually(another_one, "the places of those who left are free")


def test_a_request_over_the_limit_is_answered(stage):
    server = stage.server("--max-connections-per-address", "1")
    with server.client() as client:
        for method in ("GET", "HEAD"):
            with server.http() as http:
                http.send(request().replace("GET", method))
                response = http.read(head_only=method == "HEAD")
                assert response.status == 429 and int(response.headers["retry-after"]) >= 1, response
                if method == "GET":
                    assert response.json()["error"]["code"] == "RATE_LIMITED"
                assert http.ended()
        client.still_works()


def test_those_who_wait_to_be_told_are_limited_too(stage):
    server = stage.server("--max-connections-per-address", "20", "--handshake-timeout", "1h")
    sockets = [open_socket(server.address) for _ in range(60)]
    with from_address(server, "127.0.0.2") as other:
        other.read_frame()
        assert server_stats(server)["dropped_connections"] == 20
    assert sum(one.recv(1) == b"" for one in sockets[40:]) == 20, "closed at once"
    for one in sockets:
        one.close()


def server_stats(server):
    """By way of an address that is not over its limit."""
    with HttpConnection(open_socket(server.address, source="127.0.0.9")) as http:
        http.send(request("/ws/stats"))
        return http.read().json()


def test_a_unix_socket_has_no_address(stage, tmp_path):
    server = stage.server("--max-connections-per-address", "1", listen=f"unix:{tmp_path}/s")
    for client in [server.client() for _ in range(5)]:
        client.still_works()


def test_new_connections_come_at_their_rate(stage):
    server = stage.server("--max-new-connections", "2/h")
    with server.client() as client:
        with server.open() as second:
            code, reason = second.read_close()
            assert code == 1013 and "reconnect after " in reason and reason.endswith(" ms"), reason
        with server.http() as third:
            assert third.socket.recv(1) == b"", "beyond those that are told it is closed at once"
        stats = client.command("stats")["data"]
        assert (stats["refused_rate"], stats["dropped_connections"]) == (1, 1), stats


def test_new_connections_of_an_address_come_at_their_rate(stage):
    server = stage.server("--max-new-connections-per-address", "1/h")
    with server.client() as client:
        with server.http() as http:
            http.send(request())
            response = http.read()
            assert response.status == 429 and 3500 < int(response.headers["retry-after"]) <= 3600, response
        with from_address(server, "127.0.0.2") as other:
            other.read_frame()
        client.still_works()


def test_a_connection_slower_than_the_rate_always_passes(stage):
    server = stage.server("--max-new-connections", "1000", "--max-new-connections-per-address", "1000")
    for _ in range(50):
        with server.client() as client:
            client.still_works()
    assert server.stats()["refused_rate"] == 0


def test_requests_of_an_address_come_at_their_rate(stage):
    server = stage.server("--max-requests", "3/h")
    with server.http() as http:
        http.send(request())
        assert http.read().status == 200
        http.send(request())
        response = http.read()
        assert response.status == 429 and int(response.headers["retry-after"]) > 1000, response
        assert "requests a second" in response.json()["error"]["message"]
        assert response.headers["connection"] == "keep-alive", "the connection is not to blame"
    assert server_stats(server)["rate_limited_requests"] == 1


def test_upgrades_are_requests_too(stage):
    server = stage.server("--max-requests", "1/h")
    with server.http() as http:
        http.send(handshake("/ws/%zz"))
        assert http.read().status == 400
    with server.http() as http:
        http.send(handshake())
        assert http.read().status == 429


def test_a_stream_over_the_limit_ends_with_when_to_come_back(stage):
    server = stage.server("--max-connections-per-address", "1", "--max-requests", "1/h")
    with server.client():
        with server.http() as http:
            http.send(request("/events/a"))
            said = b""
            while piece := http.socket.recv(65536):
                said += piece
            assert said.startswith(b"HTTP/1.1 200"), "a browser would give up on any other status"
            assert b"retry:" in said and b"from this address" in said, said


@pytest.mark.parametrize(
    "method, path, status", [("GET", "/events/@user/ann", 403), ("HEAD", "/events/a", 200)]
)
def test_a_request_for_a_stream_ends_its_connection(server, method, path, status):
    """Whatever comes of it, for such requests are not counted."""
    with server.http() as http:
        http.send(request(path).replace("GET", method) + request())
        response = http.read(head_only=method == "HEAD")
        assert response.status == status
        assert response.headers["connection"] == "close" and http.ended()


def test_subscriptions_of_all_connections(stage):
    server = stage.server("--max-subscriptions", "3")
    with server.client() as first, server.client() as second:
        first.subscribe("a", "b/*")
        second.subscribe("a")
        error = second.error("subscribe", channels=["c"])
        assert error["code"] == "TOO_MANY_CHANNELS" and error["details"]["limit"] == 3, error
        second.subscribe("a")
        first.unsubscribe("a")
        second.subscribe("c")
        assert server.stats()["refused_subscriptions"] == 1


def test_limits_come_with_a_reload_and_count_who_is_there(stage, tmp_path):
    config = tmp_path / "wsserve.toml"
    config.write_text("")
    server = stage.server("--config", str(config))
    clients = [server.client() for _ in range(3)]
    config.write_text("[limits]\nmax-connections-per-address = 4\nmax-commands = 1\n")
    server.process.signal(signal.SIGHUP)
    server.process.wait_for_stderr("2 values changed")
    clients.append(server.client())
    with server.open() as fifth:
        assert fifth.read_close()[0] == 1013
    clients[0].still_works()
    assert clients[0].error("ping")["code"] == "RATE_LIMITED"
    config.write_text("")
    server.process.signal(signal.SIGHUP)
    server.process.wait_for_stderr("(?s)(values changed.*){2}")
    clients.extend(server.client() for _ in range(3))
    for client in clients:
        client.still_works()


@pytest.mark.parametrize(
    "flag, value, why",
    [
        ("--max-commands", "0", "greater than 0"),
        ("--max-events", "1/d", "at least 1/h"),
        ("--max-new-connections", "many", "not a rate"),
        ("--trusted-proxy", "10.1.2.3/8", "without bits behind its length"),
        ("--trusted-proxy", "proxy.example", "neither an address"),
        ("--forwarded-header", "via", "x-forwarded-for"),
    ],
)
def test_a_value_that_is_none_is_named(stage, flag, value, why):
    run = stage.run("wsserve", "--listen", ":0", flag, value)
    assert run.code == 2 and flag in run.stderr and why in run.stderr, run.stderr


# Users.


def test_a_user_has_as_many_connections_as_it_may(stage):
    issuer = Issuer(stage.home)
    server = stage.server(*issuer.options, "--max-connections-per-user", "2")
    ann = bearer(issuer.token("ann"))
    kept = [server.client(headers=ann), server.client(headers=ann)]
    with server.open(headers=ann) as third:
        code, reason = third.read_close()
        assert code == 1013 and "of this user" in reason, (code, reason)
    with server.client(headers=bearer(issuer.token("bob"))) as other:
        other.still_works()
    with server.client() as late:
        late.send(action="auth", token=issuer.token("ann"))
        late.events_until_closed(1013)
    assert kept[0].command("stats")["data"]["refused_user"] == 2
    kept[0].websocket.close()

    def another_one():
        with server.open(headers=ann) as websocket:
            return websocket.read_frame().opcode == 1

    eventually(another_one, "the place of the one who left is free")
