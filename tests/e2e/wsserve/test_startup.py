"""Proves: stdout is the addresses and nothing else; what cannot be served is refused in one line."""

import json
import os
import re
import socket
import stat

from harness.deadline import eventually


def refused(stage, code, *options):
    """Runs a wsserve that must not start, and returns the one line that it says."""
    process = stage.run("wsserve", *options)
    assert process.code == code, process.stderr
    assert process.stdout == b""
    lines = process.stderr.splitlines()
    assert len(lines) == 1, f"one line was promised: {lines}"
    return lines[0]


def test_prints_its_address_and_nothing_else(server):
    assert re.fullmatch(r"ws://127\.0\.0\.1:[1-9]\d*", server.url)
    with server.client() as client:
        client.still_works()
    server.stop()
    assert server.process.stdout == f"{server.url}\n".encode()


# U20: each of several, the first one first.
def test_prints_a_line_for_each_address(stage, tmp_path):
    path = str(tmp_path / "s")
    server = stage.server("--listen", f"unix:{path}", "--listen", "127.0.0.1:0")
    lines = [line.decode() for line in server.process.wait_for_lines(3)]
    assert lines[0] == server.url and lines[1] == f"ws+unix:{path}" and lines[2] != server.url
    assert all(re.fullmatch(r"ws://127\.0\.0\.1:[1-9]\d*", line) for line in (lines[0], lines[2]))


# U20: the printed address, opened in a browser or asked by curl.
def test_the_address_answers_with_what_there_is(server):
    server.process.wait_for_stderr(f"in a browser http://127.0.0.1:{server.port}/")
    text = server.get("/")
    assert text.status == 200 and text.headers["content-type"].startswith("text/plain")
    assert b"/ws/<channel or pattern>" in text.body and b"/metrics" in text.body
    with server.http() as http:
        http.send("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html,application/xml;q=0.9,*/*;q=0.8\r\n\r\n")
        page = http.read()
    assert page.headers["content-type"].startswith("text/html") and page.body.startswith(b"<!DOCTYPE html>")
    assert b"&lt;channel or pattern>" in page.body


def test_the_address_can_be_read_by_a_shell(stage):
    shell = stage.shell(
        """exec 3< <(exec wsserve --listen :0)
           server=$!
           read -r url <&3
           echo "$url"
           kill "$server"
           wait "$server" """
    )
    url = shell.wait_for_lines(1)[0].decode()
    assert re.fullmatch(r"ws://127\.0\.0\.1:[1-9]\d*", url)
    assert shell.wait() == 0, shell.stderr


def test_listens_on_a_unix_socket(stage, tmp_path):
    path = str(tmp_path / "wsserve.sock")
    server = stage.server(listen=f"unix:{path}")
    assert server.url == f"ws+unix:{path}"
    with server.client() as client:
        client.subscribe("a/b")
        client.publish("a/b", 1)
        assert client.take_events(1)[0].data == "1"
    server.stop()
    assert not os.path.exists(path), "the socket is removed when the server leaves"


def test_takes_the_place_of_a_unix_socket_left_behind(stage, tmp_path):
    path = str(tmp_path / "wsserve.sock")
    first = stage.server(listen=f"unix:{path}")
    first.kill()
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    with stage.server(listen=f"unix:{path}").client() as client:
        client.still_works()


def test_listens_in_several_places(stage, tmp_path):
    path = str(tmp_path / "second.sock")
    server = stage.server("--listen", f"unix:{path}")
    with server.client() as one:
        eventually(lambda: os.path.exists(path), "the second listener")
        other = stage.servers[0]
        tcp_address, other.address = other.address, path
        with other.client() as two:
            one.subscribe("a")
            two.publish("a", 1)
            assert one.take_events(1)[0].data == "1"
        other.address = tcp_address


def test_names_a_port_in_use(stage):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert address in refused(stage, 8, "--listen", address)


def test_two_servers_never_share_a_port(server, stage):
    assert str(server.port) in refused(stage, 8, "--listen", f"127.0.0.1:{server.port}")


def test_refuses_to_serve_the_network_without_authentication(stage):
    for address in ("0.0.0.0", "[::]"):
        line = refused(stage, 2, "--listen", f"{address}:0")
        assert "--allow-anonymous" in line and address in line


def test_serves_the_network_when_told_that_anyone_may_come(stage):
    server = stage.server("--allow-anonymous", listen="0.0.0.0:0")
    server.address = ("127.0.0.1", server.port)
    with server.client() as client:
        client.still_works()


def test_names_what_is_wrong_with_an_option(stage):
    for options, named in (
        (["--listen", "nowhere"], "nowhere"),
        (["--listen", "127.0.0.1:65536"], "65536"),
        (["--threads", "many"], "--threads"),
        (["--heartbeat", "soon"], "--heartbeat"),
        (["--max-message", "-1"], "--max-message"),
    ):
        process = stage.run("wsserve", *options)
        assert process.code == 2, (options, process.stderr)
        assert named in process.stderr and process.stdout == b""


def test_an_unknown_option_is_answered_with_the_nearest_one(stage):
    process = stage.run("wsserve", "--heartbeet", "1s")
    assert process.code == 2
    assert "--heartbeat" in process.stderr


def test_greets_with_the_limits_that_were_set(stage):
    server = stage.server("--max-message", "64KiB", "--heartbeat", "7s")
    with server.client() as client:
        connected = client.connected
        assert connected["max_message_bytes"] == 65536
        assert float(connected["heartbeat"]) == 7
        assert connected["user"] is None
        assert connected["channels"] == []
        assert connected["connection"] and connected["node"]
        assert re.fullmatch(r"wskit/\d+\.\d+\.\d+", connected["server"])
    with server.client() as client:
        assert client.connected["connection"] != connected["connection"], json.dumps(connected)


def test_is_alive_and_ready(server):
    assert server.get("/healthz").status == 200
    assert server.get("/readyz").status == 200
