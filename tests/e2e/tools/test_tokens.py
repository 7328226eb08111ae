"""Proves: a token is shown to the server and to nobody else, renewed when its file changes, and its refusal is exit 4."""

import json

import time

import pytest
from harness.deadline import eventually
from harness.scripted_server import ScriptedServer, control, event, subscribed
from harness.tokens import Issuer

SECRET = "s3cret-t0ken"
RUNS = {"wstap": ["a", "-o", "data"], "wspub": ["a"]}
FAST = ("--initial-retry", "--backoff", "10ms..50ms")


def token_file(stage, token=SECRET):
    path = stage.home / "token"
    path.write_text(token + "\n", encoding="ascii")
    return path


def replace(path, token):
    """As a renewal does: another file takes its place."""
    new = path.with_suffix(".new")
    new.write_text(token + "\n", encoding="ascii")
    new.rename(path)


def auth_commands(peer):
    return [message for message in peer.messages if message.get("action") == "auth"]


@pytest.mark.parametrize("tool", RUNS)
def test_a_new_token_is_shown_on_the_open_connection(stage, tool):
    path = token_file(stage)
    with ScriptedServer() as server:
        process = stage.tool(tool, "-u", server.url, "--token-file", path, "-v", *RUNS[tool])
        peer = server.peer()
        assert f"Authorization: Bearer {SECRET}" in peer.request
        if tool == "wstap":
            peer.wait_for_messages(1)
            subscribed(peer, {"a": (0, "e", True)})
        replace(path, "n3w-t0ken")
        eventually(lambda: auth_commands(peer), "the new token is shown")
        command = auth_commands(peer)[0]
        assert command["token"] == "n3w-t0ken"
        peer.send(control("authenticated", {"user": "ann"}, command["id"]))
        process.wait_for_stderr("the server has taken the new token")
        if tool == "wstap":
            peer.send(event("a", 1, "goes on"))
            assert process.wait_for_lines(1) == [b'"goes on"']
        assert "t0ken" not in process.stderr


@pytest.mark.parametrize("tool", RUNS)
def test_a_new_token_that_is_refused_is_a_warning(stage, tool):
    path = token_file(stage)
    with ScriptedServer() as server:
        process = stage.tool(tool, "-u", server.url, "--token-file", path, *RUNS[tool])
        peer = server.peer()
        replace(path, "n3w-t0ken")
        eventually(lambda: auth_commands(peer), "the new token is shown")
        fault = {"code": "UNAUTHORIZED", "message": "the token has expired", "details": {}}
        peer.send(control("error", fault, auth_commands(peer)[0]["id"]))
        process.wait_for_stderr(f"refuses the new token in {path}: the token has expired")
        assert process.running and "t0ken" not in process.stderr


def test_a_token_that_expires_after_it_was_replaced_costs_a_reconnect_and_nothing_else(stage):
    path = token_file(stage)
    with ScriptedServer() as server:
        process = stage.tool("wstap", "-u", server.url, "--token-file", path, *FAST, *RUNS["wstap"])
        peer = server.peer()
        peer.wait_for_messages(1)
        subscribed(peer, {"a": (0, "e", True)})
        peer.send(event("a", 1, 1))
        process.wait_for_lines(1)
        replace(path, "n3w-t0ken")
        peer.close(4001, "the token has expired")
        again = server.peer()
        assert "Authorization: Bearer n3w-t0ken" in again.request
        command = again.wait_for_messages(1)[0]
        assert command["since"]["positions"]["a"]["offset"] == 1
        assert process.running


CLOSES = {4001: "put a good token into", 4003: "this token does not permit it"}


@pytest.mark.parametrize("tool", RUNS)
@pytest.mark.parametrize("code", CLOSES)
def test_a_close_for_who_we_are_is_exit_4_with_a_remedy(stage, tool, code):
    path = token_file(stage)
    with ScriptedServer() as server:
        process = stage.tool(tool, "-u", server.url, "--token-file", path, *FAST, *RUNS[tool])
        server.peer().close(code, "no longer")
        assert process.wait() == 4
        line = next(line for line in process.stderr.splitlines() if str(code) in line)
        assert "no longer" in line and CLOSES[code] in line and SECRET not in process.stderr


def refusal(status, message):
    body = json.dumps({"error": {"code": "X", "message": message}})
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


@pytest.mark.parametrize("tool", RUNS)
@pytest.mark.parametrize(
    "status, options, remedy",
    [
        ("401 Unauthorized", [], "give a token with --token-file or WSKIT_TOKEN"),
        ("401 Unauthorized", ["--token", SECRET], "give another token"),
        ("401 Unauthorized", ["-H", f"Authorization: Basic {SECRET}"], "give another token"),
        ("403 Forbidden", ["--token", SECRET], "because of this"),
    ],
)
def test_a_refused_upgrade_is_exit_4_at_once(stage, tool, status, options, remedy):
    with ScriptedServer(answer=refusal(status, "because of this")) as server:
        run = stage.run(tool, "-u", server.url, *FAST, *options, *RUNS[tool])
        assert run.code == 4
        line = run.stderr.splitlines()[0]
        assert f"refused by {server.url}: {status}: because of this" in line and remedy in line
        assert SECRET not in run.stderr


def test_a_pipe_is_a_token_file_too(stage):
    with ScriptedServer() as server:
        shell = stage.shell(f"wstap -u {server.url} --token-file /dev/fd/3 --no-reconnect a 3< <(echo {SECRET})")
        peer = server.peer()
        assert f"Authorization: Bearer {SECRET}" in peer.request
        peer.close(1000)
        shell.wait()


@pytest.mark.parametrize("tool", RUNS)
@pytest.mark.parametrize(
    "options",
    [
        ["--token", SECRET],
        ["-u", f"ws://127.0.0.1:1/ws?token={SECRET}"],
        ["-u", f"ftp://127.0.0.1/?token={SECRET}"],
        ["-u", f"ws://ann:{SECRET}@127.0.0.1:1/ws"],
        ["-H", f"Authorization: Bearer {SECRET}"],
        ["-H", SECRET],
        ["--token", f"two {SECRET}"],
    ],
)
def test_nothing_that_is_said_holds_the_token(stage, tool, options):
    where = [] if "-u" in options else ["-u", stage.reserve_port().url]
    for more in (["-vv"], ["-vv", "--log-format", "json"], ["--print-config"]):
        run = stage.run(tool, *where, *options, *more, *RUNS[tool])
        assert SECRET not in run.stderr and SECRET.encode() not in run.stdout, (more, run.stderr)
        assert run.code in (0, 2, 3), run.stderr


# --- a server that checks them ---------------------------------------------------


@pytest.fixture
def issuer(stage):
    return Issuer(stage.home)


@pytest.mark.parametrize("tool", RUNS)
def test_without_a_token_the_server_wants_to_know_who_it_is(stage, issuer, tool):
    server = stage.server(*issuer.options)
    run = stage.run(tool, "-u", server.url, *RUNS[tool], stdin=b"1\n")
    assert run.code == 4
    assert f"{tool}: the server wants to know who this is: give a token with --token-file or WSKIT_TOKEN\n" in (
        run.stderr
    )


@pytest.mark.parametrize("tool", RUNS)
def test_an_expired_token_is_exit_4_with_the_reason_and_the_file(stage, issuer, tool):
    server = stage.server(*issuer.options)
    path = token_file(stage, issuer.token(within=-3600))
    run = stage.run(tool, "-u", server.url, "--token-file", path, *RUNS[tool], stdin=b"1\n")
    assert run.code == 4
    assert f"401 Unauthorized: the token has expired; put a good token into {path}" in run.stderr


@pytest.mark.parametrize("tool", RUNS)
def test_what_a_token_does_not_grant_is_exit_4_and_named(stage, issuer, tool):
    server = stage.server(*issuer.options)
    path = token_file(stage, issuer.token(subscribe=["b"], publish=["b"]))
    run = stage.run(tool, "-u", server.url, "--token-file", path, *RUNS[tool], stdin=b"1\n")
    assert run.code == 4 and 'user "ann" may not' in run.stderr and '"a"' in run.stderr, run.stderr


def test_a_connection_outlives_the_token_that_opened_it(stage, issuer):
    server = stage.server(*issuer.options)
    grants = {"subscribe": ["a"], "publish": ["a"]}
    expires = time.time() + 3
    path = token_file(stage, issuer.token(exp=expires, **grants))
    tap = stage.tool("wstap", "-u", server.url, "--token-file", path, "-v", "--no-reconnect", *RUNS["wstap"])
    tap.wait_for_stderr("connected to")
    lasting = issuer.token(within=600, **grants)
    replace(path, lasting)
    tap.wait_for_stderr("the server has taken the new token")
    eventually(lambda: time.time() > expires + 1, "the first token has expired")
    pub = stage.run("wspub", "-u", server.url, "--token-file", path, "a", stdin=b"1\n")
    assert pub.code == 0, pub.stderr
    assert tap.wait_for_lines(1) == [b"1"]
    assert tap.running and lasting not in tap.stderr + pub.stderr


def test_a_token_that_expires_is_exit_4(stage, issuer):
    server = stage.server(*issuer.options)
    path = token_file(stage, issuer.token(within=8, subscribe=["a"]))
    tap = stage.tool("wstap", "-u", server.url, "--token-file", path, *FAST, *RUNS["wstap"])
    assert tap.wait() == 4
    assert "4001" in tap.stderr and f"put a good token into {path}" in tap.stderr
