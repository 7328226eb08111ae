"""Proves: a page of another site cannot use the server, by whatever way, and one that may can read the answers."""

import pytest
from harness.event_source import EventSource
from harness.websocket import handshake, read_response_head

EVIL = "https://evil.example"
APP = "https://app.example.com"


def request(server, method, path, headers=(), body=b"", host="localhost", head_only=False):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    with server.http() as http:
        http.send(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        return http.read(head_only or method in ("HEAD", "OPTIONS"))


def upgrade(server, origin, host="localhost"):
    with server.http() as http:
        http.send(handshake("/ws", host, [("Origin", origin)] if origin else []))
        return read_response_head(http.socket)[0]


def test_a_foreign_page_cannot_open_a_websocket(server):
    assert upgrade(server, EVIL).status == 403
    assert upgrade(server, "null").status == 403
    assert upgrade(server, "").status == 101
    assert upgrade(server, "http://localhost:3000").status == 101
    assert upgrade(server, f"http://127.0.0.1:{server.port}", f"127.0.0.1:{server.port}").status == 101
    assert server.stats()["refused_origin"] == 2


def test_the_refusal_names_the_flag(server):
    response = request(server, "GET", "/ws/stats", [("Origin", EVIL)])
    assert response.status == 403
    error = response.json()["error"]
    assert error["code"] == "FORBIDDEN" and f"--origin {EVIL}" in error["message"]
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json"])
def test_a_foreign_page_cannot_publish(server, content_type):
    """A form or a fetch with text/plain is sent without asking first: nothing of it may happen."""
    with server.client() as reader:
        reader.subscribe("a")
        headers = [("Origin", EVIL), ("Content-Type", content_type)]
        assert request(server, "POST", "/publish/a", headers, b"1").status == 403
        assert request(server, "POST", "/publish/a", [("Origin", "null")], b"1").status == 403
        assert request(server, "POST", "/publish/a", [], b"2").status == 200
        assert reader.take_events(1)[0].data == "2"


@pytest.mark.parametrize("path", ["/history/a", "/events/a", "/ws/stats", "/metrics", "/healthz", "/nothing"])
def test_a_foreign_page_reads_nothing(server, path):
    assert request(server, "GET", path, [("Origin", EVIL)]).status == 403


@pytest.mark.parametrize("path", ["/ws/stats", "/metrics", "/history/a", "/ws"])
def test_a_page_that_took_the_servers_address_for_its_name_is_refused(server, path):
    """DNS rebinding: to the browser it is the page's own server, so it sends no Origin with a GET."""
    host = f"evil.example:{server.port}"
    response = request(server, "GET", path, [], host=host)
    assert response.status == 403 and "evil.example" in response.json()["error"]["message"]
    assert upgrade(server, f"http://{host}", host).status == 403


def test_an_allowed_page_may_all_and_reads_the_answers(stage):
    server = stage.server("--origin", APP, "--origin", "https://*.apps.example.com")
    for origin in (APP, "https://a.b.apps.example.com"):
        assert upgrade(server, origin).status == 101
        posted = request(server, "POST", "/publish/a", [("Origin", origin)], b"1")
        history = request(server, "GET", "/history/a", [("Origin", origin)])
        missing = request(server, "GET", "/nothing", [("Origin", origin)])
        for response, status in ((posted, 200), (history, 200), (missing, 404)):
            assert response.status == status
            assert response.headers["access-control-allow-origin"] == origin
            assert response.headers["vary"] == "Origin"
        assert "Wskit-Offset" in history.headers["access-control-expose-headers"]
        with EventSource(server.address, "/events/a", headers=[("Origin", origin)]) as stream:
            assert stream.response.headers["access-control-allow-origin"] == origin
    for origin in (EVIL, "http://app.example.com", "https://apps.example.com"):
        assert upgrade(server, origin).status == 403
    assert upgrade(server, "", "app.example.com").status == 101, "a listed host is a name of the server"


# F8: through a proxy on this machine every visitor is near.
def test_a_page_of_the_visitors_machine_is_not_this_machines(stage):
    server = stage.server("--origin", "https://stream.example.com")
    for page in ("http://localhost:3000", "http://127.0.0.1:5173", "file://"):
        assert upgrade(server, page).status == 101
        assert upgrade(server, page, "stream.example.com").status == 403
        near = [("Origin", page)]
        assert request(server, "GET", "/ws/stats", near, host="127.0.0.1").status == 200
        for name in ("X-Forwarded-For", "X-Real-IP"):
            passed_on = [*near, (name, "203.0.113.9")]
            assert request(server, "GET", "/ws/stats", passed_on, host="127.0.0.1").status == 403, name


def test_answers_differ_by_origin_for_caches(server):
    assert request(server, "GET", "/ws/stats").headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "path, methods",
    [
        ("/ws", "GET, OPTIONS"),
        ("/ws/a", "GET, OPTIONS"),
        ("/ws/stats", "GET, HEAD, OPTIONS"),
        ("/metrics", "GET, HEAD, OPTIONS"),
        ("/channels", "GET, HEAD, OPTIONS"),
        ("/connections/x", "GET, HEAD, DELETE, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("/history/a", "GET, HEAD, OPTIONS"),
        ("/events/a", "GET, HEAD, OPTIONS"),
        ("/publish/a", "POST, OPTIONS"),
    ],
)
def test_options_says_what_an_address_takes(server, path, methods):
    response = request(server, "OPTIONS", path)
    assert response.status == 204 and response.headers["allow"] == methods
    assert "content-length" not in response.headers
    refused = request(server, "PATCH", path)
    assert refused.status == 405 and refused.headers["allow"] == methods


def test_a_preflight_is_answered(stage):
    server = stage.server("--origin", APP)
    ask = [
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization,content-type"),
        ("Access-Control-Request-Private-Network", "true"),
    ]
    response = request(server, "OPTIONS", "/publish/a", [("Origin", APP), *ask])
    assert response.status == 204
    assert response.headers["access-control-allow-origin"] == APP
    assert "POST" in response.headers["access-control-allow-methods"]
    assert {"authorization", "content-type", "last-event-id"} == {
        name.strip().lower() for name in response.headers["access-control-allow-headers"].split(",")
    }
    assert response.headers["access-control-allow-private-network"] == "true"
    refused = request(server, "OPTIONS", "/publish/a", [("Origin", EVIL), *ask])
    assert refused.status == 403 and "access-control-allow-origin" not in refused.headers
    assert request(server, "OPTIONS", "/nothing").status == 404
    assert request(server, "OPTIONS", "*").status == 204


def test_requests_go_on_behind_a_refused_one(server):
    with server.http() as http:
        http.send(f"GET /healthz HTTP/1.1\r\nHost: x\r\nOrigin: {EVIL}\r\n\r\n" * 2)
        http.send("OPTIONS /ws HTTP/1.1\r\nHost: x\r\n\r\nHEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        http.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [http.read().status for _ in range(2)] == [403, 403]
        assert [http.read(head_only=True).status for _ in range(2)] == [204, 200]
        assert http.read().status == 200


def test_every_origin_may_be_allowed(stage):
    server = stage.server("--origin", "*")
    for origin in (EVIL, "null", "chrome-extension://abc"):
        assert upgrade(server, origin).status == 101


def test_a_reload_changes_who_may(stage):
    config = stage.home / "w.toml"
    config.write_text("")
    server = stage.server("--config", str(config))
    assert upgrade(server, APP).status == 403
    config.write_text(f'[network]\norigin = ["{APP}"]\n')
    server.process.signal(1)
    server.process.wait_for_stderr("reloaded")
    assert upgrade(server, APP).status == 101


def test_a_pattern_that_is_none_is_said_at_the_start(stage):
    done = stage.run("wsserve", "--origin", "example.com")
    assert done.code == 2
    assert "is no origin; write https://" in done.stderr
