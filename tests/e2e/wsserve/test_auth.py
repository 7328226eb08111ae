"""Proves: a token that runs out ends the connection with 4001 unless it is renewed; one that is awaited and does
not come ends it too; and nobody becomes somebody else."""

import json
import signal
import time

import pytest
from harness.event_source import EventSource
from harness.tokens import Issuer, bearer
from harness.websocket import Closed


@pytest.fixture
def issuer(stage):
    return Issuer(stage.home)


def authenticate(client, token):
    return client.expect("authenticated", client.command("auth", token=token))


def closed_with(client):
    """Reads until the server closes the connection: the code and the reason."""
    try:
        while True:
            client._read_one()
    except Closed as closed:
        return closed.code, closed.reason


def while_it_lasts(issuer, use, **claims):
    """`use` of a token that ends soon, and when it does; of one that lasts longer where that was too soon."""
    for within in (0.6, 6, 60):
        ends = time.time() + within
        try:
            return use(issuer.token(exp=ends, **claims)), ends
        except AssertionError:
            if time.time() < ends - 0.1:
                raise
    raise AssertionError("a machine too slow for any token")


def test_a_token_that_runs_out_closes_the_connection(stage, issuer):
    server = stage.server(*issuer.options)

    def open_and_use(token):
        client = server.client(headers=bearer(token))
        client.still_works()
        return client

    client, _ = while_it_lasts(issuer, open_and_use)
    code, reason = closed_with(client)
    assert code == 4001 and "expired" in reason
    assert server.get(f"/ws/stats?token={issuer.token()}").json()["closed_unauthorized"] >= 1


def test_the_leeway_is_part_of_its_time(stage, issuer):
    server = stage.server(*issuer.options, "--jwt-leeway", "1m")
    with server.client(headers=bearer(issuer.token(within=-5))) as client:
        client.still_works()


def test_a_renewed_token_keeps_the_connection(stage, issuer):
    server = stage.server(*issuer.options)

    def open_and_renew(token):
        client = server.client("/ws/a", headers=bearer(token))
        renewed = authenticate(client, issuer.token(within=3600, publish=["**"]))
        assert renewed["user"] == "ann" and renewed["expires"] > "2026"
        return client

    client, ends = while_it_lasts(issuer, open_and_renew, publish=["**"])
    with client:
        while time.time() < ends + 0.2:
            client.still_works()
        last = authenticate(client, issuer.token(within=None, publish=["a"]))
        assert last["expires"] is None
        client.publish("a", "still there")
        client.take_events_of("a", 1)


def test_a_token_that_is_awaited_and_does_not_come_closes_the_connection(stage, issuer):
    server = stage.server(*issuer.options, "--auth-timeout", "300ms")
    with server.client("/ws/a") as client:
        assert float(client.connected["auth_within"]) == 0.3
        assert client.connected["channels"] == []
        code, reason = closed_with(client)
    assert code == 4001 and "no token came in time" in reason


def test_before_its_token_a_connection_can_do_nothing_else(stage, issuer):
    server = stage.server(*issuer.options, "--auth-timeout", "1h")
    with server.client("/ws/a?since=start") as client, server.client(headers=bearer(issuer.token())) as other:
        client.still_works()
        for action, fields in (
            ("subscribe", {"channels": ["a"]}),
            ("subscribe", {"channels": ["@all"]}),
            ("subscribe", {}),
            ("unsubscribe", {"channels": ["a"]}),
            ("publish", {"channel": "a", "type": "t", "data": 1}),
            ("history", {"channel": "a"}),
            ("presence", {"channel": "a"}),
            ("stats", {}),
        ):
            error = client.error(action, **fields)
            assert (error["code"], error["details"]) == ("UNAUTHORIZED", {"reason": "missing"}), action
        assert other.error("history", channel="a")["code"] == "NOT_FOUND", "nothing was published"
        # Then what its address asked for comes true.
        authenticate(client, issuer.token(publish=["a"]))
        subscribed = client.wait_for_control("subscribed")["data"]
        assert "a" in [entry["channel"] for entry in subscribed["channels"]]
        client.publish("a", 1)
        assert client.take_events(1)[0].channel == "a"


def test_what_the_address_asks_for_needs_a_permission_then_too(stage, issuer):
    server = stage.server(*issuer.options)
    with server.client("/ws/secret") as client:
        authenticate(client, issuer.token(subscribe=["a"]))
        error = client.wait_for_control("error")["data"]
        assert error["code"] == "FORBIDDEN" and error["details"]["channel"] == "secret"
        client.subscribe("a")


def test_many_wrong_tokens_close_the_connection(stage, issuer):
    server = stage.server(*issuer.options)
    with server.client() as client:
        for _ in range(4):
            assert client.error("auth", token="a.b.c")["code"] == "UNAUTHORIZED"
        client.send(action="auth", token="a.b.c")
        assert closed_with(client)[0] == 4001


def test_many_wrong_tokens_of_requests_close_the_connection_too(stage, issuer):
    server = stage.server(*issuer.options)
    right = f"GET /ws/stats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {issuer.token()}\r\n\r\n"
    with server.http() as http:
        for _ in range(10):
            http.send("GET /ws/stats HTTP/1.1\r\nHost: x\r\n\r\n" + right)
            assert [http.read().status, http.read().status] == [401, 200], "none is not a wrong one"
        for last in [False] * 4 + [True]:
            http.send("GET /ws/stats?token=e30.e30.e30 HTTP/1.1\r\nHost: x\r\n\r\n")
            response = http.read()
            assert response.status == 401
            assert response.headers["connection"] == ("close" if last else "keep-alive")
        assert http.ended()


def test_a_connection_stays_its_users(stage, issuer):
    server = stage.server(*issuer.options)
    with server.client(headers=bearer(issuer.token("ann"))) as client:
        error = client.error("auth", token=issuer.token("bob"))
        assert error["code"] == "FORBIDDEN" and "ann" in error["message"]
        assert client.error("subscribe", channels=["@user/bob"])["code"] == "FORBIDDEN"
        client.subscribe("@user/ann")


def test_who_came_without_a_token_can_sign_in(stage, issuer):
    server = stage.server(*issuer.options, "--allow-anonymous")
    with server.client("/ws/a") as client:
        assert client.connected["user"] is None
        assert client.error("publish", channel="a", type="t", data=1)["code"] == "FORBIDDEN"
        authenticate(client, issuer.token("ann", publish=["a"], channels=["news"]))
        client.publish("a", 1)
        assert client.take_events(1)[0].channel == "a", "what it had subscribed stays"
        entries = [each for each in client.controls if each["type"] == "subscribed"]
        assert [entry["channel"] for entry in entries[-1]["data"]["channels"]] == ["news", "@user/ann"]


def test_a_narrower_token_takes_subscriptions_back(stage, issuer):
    server = stage.server(*issuer.options)
    publisher_token = issuer.token("publisher", publish=["**"])
    with server.client(headers=bearer(issuer.token(subscribe=["**"]))) as client:
        client.subscribe("a", "b", "m/*", "@all")
        authenticate(client, issuer.token(subscribe=["b"]))
        assert client.wait_for_control("unsubscribed")["data"]["channels"] == ["a", "m/*"]
        with server.client(headers=bearer(publisher_token)) as publisher:
            for channel in ("a", "m/1", "b"):
                publisher.publish(channel, 1)
        assert client.take_events(1)[0].channel == "b"


def test_a_stream_ends_with_its_token(stage, issuer):
    server = stage.server(*issuer.options)

    def open_stream(token):
        return token, EventSource(server.address, f"/events/a?token={token}")

    (token, stream), _ = while_it_lasts(issuer, open_stream)
    with stream:
        last = stream.take_until_end()[-1]
    assert last.name == "@close" and last.control["code"] == 4001
    assert server.get(f"/events/a?token={token}").status == 401, "which ends a browser's EventSource for good"


def test_reload_takes_up_other_keys(stage):
    old = Issuer(stage.home, "ES256", "old", kid="old")
    new = Issuer(stage.home, "ES256", "new", kid="new")
    file = stage.home / "wsserve.toml"

    def configure(*issuers, more=""):
        keys = json.dumps([f"{each.kid}={each.file}" for each in issuers])
        file.write_text(f"[access]\njwt-key = {keys}\n{more}", encoding="utf-8")

    configure(old)
    server = stage.server("--config", str(file))

    def reload(expected):
        server.process.signal(signal.SIGHUP)
        server.process.wait_for_stderr(expected)

    with server.client(headers=bearer(old.token())) as before:
        configure(old, new)
        reload(r"reloaded .*keys \(1 new, 0 gone: now 2 keys \(ES256\)\)")
        configure(new)
        reload(r"reloaded .*keys \(0 new, 1 gone: now 1 key \(ES256\)\)")
        before.still_works()
        assert before.error("auth", token=old.token())["details"]["reason"] == "unknown_key"
        with server.client(headers=bearer(new.token())) as client:
            client.still_works()
        assert server.get(f"/ws/stats?token={old.token()}").status == 401
    # The same name for another key.
    new.key = Issuer(stage.home, "ES256", "new").key
    reload(r"(?s)(keys \(1 new, 1 gone.*)")
    with server.client(headers=bearer(new.token())) as client:
        client.still_works()
    # Not the door wide open.
    file.write_text("", encoding="utf-8")
    reload("there is no key any more")
    assert server.get("/ws/stats").status == 401
    configure(old, more="[anonymous]\n")
    reload("add --allow-anonymous")
    assert server.get(f"/ws/stats?token={new.token()}").status == 200


def test_what_cannot_be_a_key_is_said_in_one_line(stage, issuer):
    missing = stage.run("wsserve", "--listen", ":0", "--jwt-key", str(stage.home / "missing.pem"))
    assert missing.code == 2
    assert "missing.pem: cannot be read" in missing.stderr and missing.stderr.count("\n") == 1
    private = stage.home / "private.pem"
    private.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", encoding="ascii")
    refused = stage.run("wsserve", "--listen", ":0", "--jwt-key", str(private))
    assert refused.code == 2 and "is a private key" in refused.stderr
    for option in (["--jwt-issuer", "x"], ["--jwt-audience", "x"], ["--jwt-leeway", "1s"], ["--auth-timeout", "1s"]):
        idle = stage.run("wsserve", "--listen", ":0", *option)
        assert idle.code == 2 and "of no use without a key" in idle.stderr
    weak = stage.home / "weak"
    weak.write_text("secret", encoding="ascii")
    weak.chmod(0o644)
    server = stage.server("--jwt-secret-file", str(weak))
    server.process.wait_for_stderr("a secret of 6 bytes")
    server.process.wait_for_stderr("everybody on this machine")


def test_with_a_key_other_machines_are_served(stage, issuer):
    refused = stage.run("wsserve", "--listen", "0.0.0.0:0")
    assert refused.code == 2 and "--jwt-key" in refused.stderr
    server = stage.server(*issuer.options, listen="0.0.0.0:0")
    assert server.get("/ws/stats").status == 401
