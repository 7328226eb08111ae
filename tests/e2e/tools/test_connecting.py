"""Proves: what the connection options say is what the server gets, and no attempt lasts longer than it may."""

import json
import socket

import pytest
from harness.scripted_server import ScriptedServer

RUNS = {"wstap": ["a"], "wspub": ["a", "-m", "1"]}


def request_of(stage, tool, *options, **env):
    """The lines of the upgrade request that the tool sends."""
    with ScriptedServer() as server:
        process = stage.tool(tool, "-u", server.url, *options, *RUNS[tool], env=stage.env(**env))
        request = server.peer().request
        process.end()
        return request.split("\r\n")


@pytest.mark.parametrize("tool", RUNS)
def test_the_request_is_the_one_of_the_rfc(stage, tool):
    lines = request_of(stage, tool)
    assert lines[0] == "GET /ws HTTP/1.1"
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:] if line)}
    assert headers["host"].startswith("127.0.0.1:")
    assert headers["sec-websocket-version"] == "13"
    assert "authorization" not in headers and "sec-websocket-extensions" not in headers


@pytest.mark.parametrize("tool", RUNS)
def test_headers_and_compression_are_asked_for(stage, tool):
    lines = request_of(stage, tool, "-H", "X-One: 1", "-H", "X-Two: a, b", "--compress")
    assert "X-One: 1" in lines and "X-Two: a, b" in lines
    assert any(line.lower().startswith("sec-websocket-extensions: permessage-deflate") for line in lines)


@pytest.mark.parametrize("tool", RUNS)
def test_the_token_comes_from_where_it_is_said_to_be(stage, tool):
    path = stage.home / "token"
    path.write_text("from-file\n", encoding="ascii")
    bearer = "Authorization: Bearer "
    assert bearer + "from-option" in request_of(stage, tool, "--token", "from-option")
    assert bearer + "from-file" in request_of(stage, tool, "--token-file", path)
    assert bearer + "from-env" in request_of(stage, tool, WSKIT_TOKEN="from-env")
    assert bearer + "from-file" in request_of(stage, tool, WSKIT_TOKEN_FILE=path)


def test_a_token_file_that_is_not_there_is_named(stage):
    run = stage.run("wstap", "--token-file", "/nonexistent/token", "a")
    assert run.code == 2 and "/nonexistent/token" in run.stderr


# U22: one said `335ms` where the other said `0.5 s`.
@pytest.mark.parametrize("tool", RUNS)
def test_the_next_attempt_is_told_in_the_same_words(stage, tool):
    with ScriptedServer() as server:
        process = stage.tool(tool, "-u", server.url, "--backoff", "300ms..400ms", *RUNS[tool])
        peer = server.peer()
        peer.wait_for_messages(1)
        peer.drop()
        process.wait_for_stderr(r"; trying again in \d\.\d s\b")
        process.end()


@pytest.mark.parametrize("tool", RUNS)
def test_a_server_that_never_answers_is_given_up(stage, tool):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}/ws"
        run = stage.run(tool, "-u", url, "--connect-timeout", "300ms", *RUNS[tool])
        assert run.code == 3, run.stderr
        assert "300 ms" in run.stderr or "300ms" in run.stderr


@pytest.mark.parametrize("tool", RUNS)
def test_a_server_that_stays_away_is_given_up(stage, tool):
    port = stage.reserve_port()
    run = stage.run(
        tool,
        "-u",
        port.url,
        "--initial-retry",
        "--backoff",
        "5ms..10ms",
        "--retry-max-time",
        "300ms",
        *RUNS[tool],
    )
    assert run.code in (3, 6), run.stderr
    run = stage.run(
        tool, "-u", port.url, "--initial-retry", "--backoff", "1ms..2ms", "--retries", "3", *RUNS[tool]
    )
    assert run.code in (3, 6), run.stderr


def test_a_url_that_is_none_is_explained(stage):
    for url in ("ws://", "ftp://x", "ws://127.0.0.1:99999", "ws://[::1", "ws://x y"):
        run = stage.run("wstap", "-u", url, "a")
        assert run.code == 2 and run.stderr.count("\n") == 1, (url, run.stderr)


@pytest.mark.parametrize(
    "tool, options", [("wspub", ["a", "-m", "1"]), ("wstap", ["a", "-n", "1", "-o", "none"])]
)
def test_notices_are_as_loud_as_asked_for(stage, tool, options):
    server = stage.server()

    def said(*loudness):
        process = stage.tool(tool, "-u", server.url, *options, *loudness)
        if tool == "wstap":
            server.wait_for_subscriptions(1)
            with server.client() as publisher:
                publisher.publish("a", 1)
        assert process.wait() == 0
        server.wait_for_connections(0)
        return process.stderr

    loud, louder, plain = (len(said(*words).splitlines()) for words in (["-v"], ["-vv"], []))
    assert louder >= loud > plain
    # That a message which was typed is published is no news.
    assert plain == 0 if tool == "wspub" else plain > 0
    assert said("-q") == ""
    silent = stage.run(tool, "-u", stage.reserve_port().url, *options, "-qq")
    assert silent.code == 3 and silent.stderr == ""


def test_notices_can_be_json(stage):
    run = stage.run("wstap", "-u", stage.reserve_port().url, "a", "--log-format", "json")
    assert run.code == 3
    for line in run.stderr.splitlines():
        assert "cannot reach" in json.dumps(json.loads(line))
