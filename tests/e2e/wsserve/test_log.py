"""Proves: the server's log says what an operator must know, once for each kind, and more only when it is asked to."""

import json

import pytest
from harness.deadline import eventually
from harness.tokens import Issuer


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path)


def lines(server, text):
    return [line for line in server.log.splitlines() if text in line]


# U2
def test_a_refused_token_is_one_line_however_often_it_is_shown(stage, issuer):
    server = stage.server(*issuer.options)
    for _ in range(20):
        assert server.get("/history/a?token=not.a.token").status == 401
    eventually(lambda: lines(server, "want of a right token"), "the log tells of the token")
    server.stop()
    told = lines(server, "want of a right token")
    assert len(told) == 2, "one at once, and at the end how many there were besides"
    assert "127.0.0.1" in told[0] and "/history/a" in told[0] and "(19 times" in told[1]
    assert "not.a.token" not in server.log


# U2
def test_pages_of_other_origins_and_slow_readers_are_told_of(stage):
    server = stage.server("--queue-limit", "64k")
    with server.http() as http:
        http.send(b"GET /ws/stats HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\n\r\n")
        assert http.read().status == 403
    eventually(lambda: lines(server, "--origin does not allow"), "the log tells of the origin")
    with server.client() as reader, server.client() as publisher:
        reader.subscribe("a")

        def is_cut():
            publisher.publish("a", "x" * 100_000)
            return lines(server, "closed a slow consumer")

        eventually(is_cut, "the log tells of the slow reader")


# U2
def test_who_came_and_went_is_said_only_with_v_and_commands_only_with_vv(stage):
    for options, come, commands in (((), 0, 0), (("-v",), 1, 0), (("-vv",), 1, 1)):
        server = stage.server(*options)
        with server.client() as client:
            client.subscribe("a/b")
        server.wait_for_connections(0)
        server.stop()
        assert len(lines(server, " came: websocket, 127.0.0.1")) == come, options
        assert len(lines(server, " went: 127.0.0.1")) == come, options
        assert len(lines(server, "subscribe a/b")) == commands, options


# U2
def test_a_log_in_json_is_an_object_a_line_without_secrets(stage, issuer):
    server = stage.server("-vv", "--log-format", "json", *issuer.options)
    token = issuer.token("ann", publish=["**"])
    with server.client(f"/ws?token={token}") as client:
        client.publish("a", "very secret data")
    eventually(lambda: lines(server, " went: "), "the log tells that the client went")
    server.stop()
    said = [json.loads(line) for line in server.log.splitlines()]
    assert any("user ann" in line["message"] for line in said)
    assert {"time", "level", "tool", "message"} <= set(said[-1])
    assert token not in server.log and "very secret data" not in server.log
