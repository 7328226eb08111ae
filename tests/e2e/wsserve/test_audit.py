"""Proves: the audit log says who did what, a line each, without tokens and without making anybody wait."""

import json
import os
import signal
import sqlite3

import pytest
from harness.deadline import eventually
from harness.event_source import EventSource
from harness.tokens import Issuer

EVIL = "https://evil.example"


class Audit:
    """A server with an audit log, and the log's records."""

    def __init__(self, stage, *options):
        self.path = stage.home / "audit.log"
        self.server = stage.server("--audit", self.path, *options)

    def records(self, path=None):
        text = (path or self.path).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def wait_for(self, what, count=1, **members):
        """The records of that kind with those members, once there are so many."""

        def found():
            matching = [
                record
                for record in self.records()
                if record["what"] == what and members.items() <= record.items()
            ]
            return matching if len(matching) >= count else None

        return eventually(found, f"{count} times {what} {members}: {self.path.read_text()}")


@pytest.fixture
def audit(stage):
    return Audit(stage)


def test_says_who_did_what(audit):
    server = audit.server
    with server.client() as client:
        me = client.connected["connection"]
        client.subscribe("a", "b/*")
        ack = client.publish("a", {"secret": 1}, type="trade")
        client.unsubscribe("b/*")
        client.error("publish", channel="@all/x", data=1)
        client.websocket.close(1000)
    connect = audit.wait_for("connect")[0]
    assert connect["connection"] == me and connect["kind"] == "websocket" and connect["user"] is None
    assert connect["address"].startswith("127.0.0.1:")
    assert connect["time"].endswith("Z")
    assert audit.wait_for("subscribe")[0]["channels"] == ["a", "b/*"]
    publish = audit.wait_for("publish")[0]
    assert (publish["channel"], publish["offset"], publish["epoch"]) == ("a", 1, ack["epoch"])
    assert publish["type"] == "trade" and "data" not in publish
    assert audit.wait_for("unsubscribe")[0]["channels"] == ["b/*"]
    assert audit.wait_for("refuse")[0]["code"] == "FORBIDDEN"
    end = audit.wait_for("disconnect")[0]
    assert (end["code"], end["connection"], end["delivered"]) == (1000, me, 1)
    assert [record["what"] for record in audit.records()] == [
        "server",
        "connect",
        "subscribe",
        "publish",
        "unsubscribe",
        "refuse",
        "disconnect",
    ]


def test_http_is_in_it_too(audit):
    server = audit.server
    with server.http() as http:
        http.send("POST /publish/a?type=t HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1")
        assert http.read().status == 200
        http.send(f"GET /ws/stats HTTP/1.1\r\nHost: x\r\nOrigin: {EVIL}\r\n\r\n")
        assert http.read().status == 403
    with EventSource(server.address, "/events/a") as stream:
        stream.subscribed()
    assert audit.wait_for("publish")[0]["type"] == "t"
    refused = audit.wait_for("refuse")[0]
    assert (refused["status"], refused["method"], refused["path"]) == (403, "GET", "/ws/stats")
    assert refused["origin"] == EVIL and refused["error"]["code"] == "FORBIDDEN"
    assert audit.wait_for("connect")[0]["kind"] == "events"
    assert audit.wait_for("subscribe")[0]["channels"] == ["a"]
    assert audit.wait_for("disconnect")[0]["code"] == 1006


def test_data_is_in_it_where_it_is_asked_for(stage):
    audit = Audit(stage, "--audit-data")
    with audit.server.client() as client:
        client.publish_text("a", '{"n":12345678901234567890,\n "b":1}')
    assert audit.wait_for("publish")[0]["data"] == {"n": 12345678901234567890, "b": 1}


def test_a_batch_is_a_line_for_each_event_and_a_duplicate_says_so(audit):
    with audit.server.client() as client:
        client.command("publish", events=[{"channel": "a", "data": 1}, {"channel": "b", "data": 2}])
        for _ in range(2):
            client.publish("c", 1, dedup="x")
    records = audit.wait_for("publish", 4)
    assert [record["channel"] for record in records] == ["a", "b", "c", "c"]
    assert [record.get("duplicate", False) for record in records] == [False, False, False, True]


def test_tokens_are_never_in_it(stage):
    secret = stage.home / "secret"
    secret.write_text("x" * 40)
    secret.chmod(0o600)
    audit = Audit(stage, "--jwt-secret-file", secret)
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.QUJDREVG"
    with audit.server.http() as http:
        http.send(f"GET /history/a?token={token} HTTP/1.1\r\nHost: x\r\n\r\n")
        assert http.read().status == 401
        http.send(f"GET /ws/stats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n")
        assert http.read().status == 401
    with audit.server.client() as client:
        client.error("auth", token=token)
    audit.wait_for("refuse", 3)
    text = audit.path.read_text()
    assert not [part for part in token.split(".") if part in text]


def test_a_request_is_not_put_down_to_the_one_before_it(stage):
    """On one connection of a proxy: who asked first, from where and for what says nothing of the next one."""
    issuer = Issuer(stage.home)
    audit = Audit(stage, *issuer.options, "--trusted-proxy", "127.0.0.1")
    ann = f"GET /channels HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nAuthorization: Bearer {issuer.token()}"
    ann += "\r\nOrigin: http://x\r\n\r\n"
    for request, status, address, path in (
        ("GET /nothing HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.2\r\n\r\n", 404, "192.0.2.2", "/nothing"),
        ("GET /channels HTTP/1.1\r\n\r\n", 400, "127.0.0.1:", "/channels"),
        ("POST /publish/a HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", 413, "127.0.0.1:", "/publish/a"),
        ("nonsense\r\n\r\n", 400, "127.0.0.1:", ""),
    ):
        with audit.server.http() as http:
            http.send(ann)
            assert http.read().status == 403
            http.send(request)
            response = http.read()
            assert response.status == status
            assert "access-control-allow-origin" not in response.headers, "for the page of the other request"
        refused = audit.wait_for("refuse", status=status, path=path)[0]
        assert refused["user"] is None and refused["address"].startswith(address), refused
    assert {record["user"] for record in audit.wait_for("refuse", status=403)} == {"ann"}


def test_administration_is_in_it(audit):
    server = audit.server
    with server.client() as client, server.http() as http:
        http.send(f"DELETE /connections/{client.connected['connection']} HTTP/1.1\r\nHost: x\r\n\r\n")
        assert http.read().status == 200
        record = audit.wait_for("administer")[0]
        assert record["action"] == "disconnect"
        assert record["target"] == f"connection {client.connected['connection']}"
        assert audit.wait_for("disconnect")[0]["code"] == 4100
    server.process.signal(signal.SIGHUP)
    audit.wait_for("server", action="reload")
    server.stop()
    assert [record["action"] for record in audit.records() if record["what"] == "server"] == [
        "start",
        "reload",
        "drain",
        "stop",
    ]


def test_a_file_that_was_moved_away_is_begun_anew(audit):
    server = audit.server
    with server.client() as client:
        client.publish("before", 1)
        audit.wait_for("publish")
        moved = audit.path.with_suffix(".1")
        os.rename(audit.path, moved)
        client.publish("between", 1)
        server.process.signal(signal.SIGUSR1)
        server.process.wait_for_stderr("opened the audit log anew")
        client.publish("after", 1)
        assert [record["channel"] for record in audit.wait_for("publish")] == ["after"]
        assert [r["channel"] for r in audit.records(moved) if r["what"] == "publish"] == ["before", "between"]
    assert audit.path.stat().st_mode & 0o777 == 0o600


def test_a_path_that_is_no_file_any_more_keeps_the_old_one(audit):
    server = audit.server
    moved = audit.path.with_suffix(".1")
    os.rename(audit.path, moved)
    audit.path.mkdir()
    server.process.signal(signal.SIGUSR1)
    server.process.wait_for_stderr("cannot be opened")
    with server.client() as client:
        client.publish("a", 1)
    eventually(lambda: [r for r in audit.records(moved) if r["what"] == "publish"], "the old file goes on")


def test_it_goes_on_where_it_was(stage):
    Audit(stage).server.stop()
    audit = Audit(stage)
    assert [record["action"] for record in audit.wait_for("server", 4)] == ["start", "drain", "stop", "start"]


def test_who_is_cut_off_at_the_end_is_in_it(stage):
    store = stage.home / "events.db"
    audit = Audit(stage, "--store", store, "--drain", "1h")
    client = audit.server.client()
    # As long as the store has an event to write, nobody is told to leave.
    other = sqlite3.connect(store, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    client.send(action="publish", channel="a", type="t", data=1)
    audit.wait_for("publish")
    audit.server.process.signal(signal.SIGTERM)
    audit.wait_for("server", action="drain")
    audit.server.process.signal(signal.SIGTERM)
    audit.server.process.wait_for_stderr("stopped at once")
    other.execute("ROLLBACK")
    assert audit.server.process.wait() == 0
    end, stop = audit.records()[-2:]
    assert (end["what"], end["connection"]) == ("disconnect", client.connected["connection"])
    assert (end["code"], end["reason"]) == (1006, "the server stopped")
    assert (stop["what"], stop["action"]) == ("server", "stop")


def test_a_file_that_cannot_be_written_is_said_at_the_start(stage):
    done = stage.run("wsserve", "--listen", "127.0.0.1:0", "--audit", stage.home / "none" / "audit.log")
    assert done.code == 8
    assert done.stderr.count("\n") == 1
    assert "audit.log cannot be opened: No such file or directory" in done.stderr


def test_lines_that_are_lost_are_counted_and_said(stage):
    """A pipe that nobody reads: the log is full, and the server serves on."""
    path = stage.home / "audit.log"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    server = stage.server("--audit", path, "--audit-data")
    with server.client() as client:
        data = "x" * 100_000
        for _ in range(200):
            client.publish("a", data)
        client.still_works()
    lost = next(
        int(float(line.split()[1]))
        for line in server.get("/metrics").body.decode().splitlines()
        if line.startswith("wskit_audit_lines_lost_total ")
    )
    assert lost > 0
    got = bytearray()

    def said():
        try:
            got.extend(os.read(reader, 1 << 20))
        except BlockingIOError:
            pass
        if b'"what":"lost"' in got:
            return True
        server.get("/nothing")
        return False

    eventually(said, "a line that says what was lost")
    line = next(line for line in bytes(got).splitlines() if b'"what":"lost"' in line)
    assert json.loads(line)["lines"] >= lost
    server.stop()
    os.close(reader)


def test_sigusr1_without_a_log_ends_nothing(server):
    server.process.signal(signal.SIGUSR1)
    server.process.wait_for_stderr("no --audit")
    with server.client() as client:
        client.still_works()
