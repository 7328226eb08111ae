"""Proves: curl gets from the HTTP side what HTTP promises: statuses, headers, and bodies of one line of JSON."""

import json
import shutil

import pytest
from harness.curl import curl

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = [
    "-H",
    "Connection: Upgrade",
    "-H",
    "Upgrade: websocket",
    "-H",
    KEY,
    "-H",
    "Sec-WebSocket-Version: 13",
]

if not shutil.which("curl"):
    pytest.skip("curl is not installed", allow_module_level=True)


def one_line(headers, body):
    assert headers["content-type"].startswith("application/json")
    assert int(headers["content-length"]) == len(body)
    assert body.endswith(b"\n") and body.count(b"\n") == 1
    return json.loads(body)


def test_health_readiness_and_numbers(stage, server):
    for path in ("/healthz", "/readyz"):
        assert curl(stage, server, path)[0] == 200
    status, headers, body = curl(stage, server, "/ws/stats")
    assert status == 200 and one_line(headers, body)["total_connections"] == 0
    assert headers.get("cache-control") == "no-store", "yesterday's numbers are of no use"


def test_every_refusal_says_why_in_a_line_of_json(stage, server):
    for path, options, expected in (
        ("/nothing", [], 404),
        ("/ws", [], 426),
        ("/ws", ["-X", "DELETE"], 405),
        ("/ws", [*UPGRADE[:-1], "Sec-WebSocket-Version: 7"], 426),
        (
            "/ws",
            ["-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13"],
            400,
        ),
        ("/ws", ["-H", "Host:"], 400),
        ("/healthz", ["-H", "X: " + "x" * 100_000], 431),
        ("/healthz", ["--data-binary", "x" * 100_000, "-H", "Expect:"], None),
    ):
        status, headers, body = curl(stage, server, path, *options)
        assert status == expected or expected is None and status in (405, 413), (path, options[:2], status)
        error = one_line(headers, body)
        assert error["error"]["code"] and error["error"]["message"], error


def test_head_options_and_old_versions(stage, server):
    status, headers, body = curl(stage, server, "/healthz", "--head")
    assert status == 200 and body == b"" and int(headers["content-length"]) > 0
    assert curl(stage, server, "/healthz", "--http1.0")[0] == 200
    status, headers, _ = curl(stage, server, "/ws", "-X", "POST", "-d", "{}")
    assert status == 405 and "GET" in headers["allow"]


def test_one_connection_serves_several_requests(stage, server):
    url = server.url.replace("ws://", "http://")
    process = stage.process(
        [
            "curl",
            "--silent",
            "--verbose",
            "--max-time",
            "60",
            f"{url}/healthz",
            f"{url}/ws/stats",
            f"{url}/readyz",
        ]
    )
    assert process.wait() == 0, process.stderr
    assert process.stderr.count("Re-using existing connection") == 2


def test_a_body_announced_with_expect_is_asked_for(stage, server):
    expect = ["-H", "Expect: 100-continue", "-H", "Content-Type: application/json", "--data-binary"]
    status, _, body = curl(stage, server, "/publish/a", *expect, json.dumps("x" * 100_000))
    assert status == 200 and json.loads(body)["offset"] == 1
    assert curl(stage, server, "/healthz", *expect, "x" * 100_000)[0] == 405


def test_a_body_announced_with_expect_that_is_too_long_is_not_asked_for(stage):
    server = stage.server("--max-body", "1KiB")
    expect = ["-H", "Expect: 100-continue", "-H", "Content-Type: application/json", "--data-binary"]
    process = stage.process(
        ["curl", "--silent", "--include", *expect, "1" * 2000, server.url.replace("ws:", "http:") + "/publish/a"]
    )
    assert process.wait() == 0, process.stderr
    assert process.stdout.startswith(b"HTTP/1.1 413 ")


def test_an_upgrade_is_accepted(stage, server):
    """curl speaks no WebSocket; it shows the answer, and what the server sends, until its time is over."""
    url = server.url.replace("ws://", "http://") + "/ws"
    process = stage.process(["curl", "--silent", "--include", "--no-buffer", *UPGRADE, url])
    process.stdout_collector.wait_until(lambda got: b'"connected"' in got, "the greeting")
    head = process.stdout.partition(b"\r\n\r\n")[0].decode()
    assert head.startswith("HTTP/1.1 101 ") and "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    process.end()


def test_events_are_followed_and_taken_up_again(stage, server):
    url = server.url.replace("ws://", "http://")
    stream = stage.process(["curl", "--silent", "--no-buffer", f"{url}/events/market/*"])
    stream.stdout_collector.wait_until(lambda got: b"@subscribed" in got, "the stream's beginning")
    for number in (1, 2):
        assert curl(stage, server, "/publish/market/AAPL?type=trade", "-d", str(number))[0] == 200
    stream.stdout_collector.wait_until(lambda got: got.count(b'"offset":2') == 1, "two events")
    ids = [
        line.removeprefix("id: ") for line in stream.stdout.decode().splitlines() if line.startswith("id: ")
    ]
    stream.end()
    again = stage.process(
        ["curl", "--silent", "--no-buffer", "-H", f"Last-Event-ID: {ids[-2]}", f"{url}/events/market/*"]
    )
    again.stdout_collector.wait_until(lambda got: b'"offset":2' in got, "the second event")
    assert b'"offset":1,' not in again.stdout
    again.end()


def test_a_unix_socket(stage, tmp_path):
    path = f"{tmp_path}/s.sock"
    stage.server(listen=f"unix:{path}")
    process = stage.process(
        ["curl", "--silent", "--max-time", "60", "--unix-socket", path, "http://localhost/healthz"]
    )
    assert process.wait() == 0
    json.loads(process.stdout)
