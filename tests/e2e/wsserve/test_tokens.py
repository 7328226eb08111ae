"""Proves: a right token opens the door, whatever its algorithm and wherever it stands; every wrong one is
answered with 401 before the upgrade and with an error after it, never repeated, and never ends the server."""

import json
import time
import urllib.parse

import jwt
import pytest
from harness.client import Client
from harness.http import HttpConnection
from harness.tokens import ALGORITHMS, Issuer, base64url, bearer, forged
from harness.websocket import WebSocket, handshake


def upgrade(server, path="/ws", headers=()):
    """The response to a handshake that may be refused."""
    with HttpConnection(server.connect()) as http:
        http.send(handshake(path, headers=headers))
        return http.read()


def get(server, path, headers=()):
    with server.http() as http:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        http.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}Connection: close\r\n\r\n")
        return http.read()


def reason(response):
    """Why a request was refused."""
    assert response.status == 401, response
    assert response.headers["www-authenticate"] == "Bearer"
    error = response.json()["error"]
    assert error["code"] == "UNAUTHORIZED"
    return error["message"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_is_taken(stage, algorithm):
    issuer = Issuer(stage.home, algorithm)
    server = stage.server(*issuer.options)
    with server.client(headers=bearer(issuer.token("ann"))) as client:
        assert client.connected["user"] == "ann"
    stranger = Issuer(stage.home, algorithm, "stranger")
    assert "signature" in reason(upgrade(server, headers=bearer(stranger.token())))


def test_a_token_stands_in_a_header_in_the_address_or_in_a_command(stage):
    issuer = Issuer(stage.home)
    server = stage.server(*issuer.options)
    token = issuer.token("ann", publish=["**"])
    with server.client(headers=bearer(token)) as client:
        assert client.connected["user"] == "ann"
    with server.client(f"/ws/market/AAPL?token={token}&since=start") as client:
        assert client.connected["user"] == "ann"
        assert "market/AAPL" in client.connected["channels"]
    with server.client() as client:
        assert client.connected["user"] is None
        assert client.expect("authenticated", client.command("auth", token=token))["user"] == "ann"
        client.publish("a", 1)
    assert get(server, f"/history/a?token={token}").json()[0]["data"] == 1
    assert get(server, "/history/a", bearer(token)).status == 200
    assert "there is no token" in reason(get(server, "/history/a"))


def wrong_tokens(issuer, public):
    """By what is wrong, a token and what its refusal says."""
    now = int(time.time())
    secret = issuer.key.encode()
    right = {"sub": "ann", "iss": "https://login.example", "aud": "wskit", "exp": now + 60}
    good_header = {"alg": "HS256", "typ": "JWT"}
    payload = base64url(json.dumps(right).encode())
    good = forged(good_header, right, secret)
    return {
        "none": (f"{base64url(json.dumps({'alg': 'none'}).encode())}.{payload}.", "no signed JSON Web Token"),
        "none with a signature": (forged({"alg": "none"}, right, secret), "algorithm"),
        "HS256 with the RSA public key": (forged(good_header, right, public.file.read_bytes()), "signature"),
        "the same by its kid": (
            forged({**good_header, "kid": "rsa"}, right, public.file.read_bytes()),
            "algorithm",
        ),
        "expired": (forged(good_header, {**right, "exp": now - 1}, secret), "has expired"),
        "not yet valid": (forged(good_header, {**right, "nbf": now + 60}, secret), "not valid yet"),
        "wrong audience": (forged(good_header, {**right, "aud": ["x", "y"]}, secret), "another audience"),
        "no audience": (forged(good_header, {**right, "aud": None}, secret), "aud is null"),
        "wrong issuer": (forged(good_header, {**right, "iss": "https://evil.example"}, secret), "issuer"),
        "unknown kid": (forged({**good_header, "kid": "nobody"}, right, secret), "names a key (kid)"),
        "no user": (forged(good_header, {**right, "sub": ""}, secret), "sub must be"),
        "truncated": (good[:-10], "signature"),
        "without its end": (good.rsplit(".", 1)[0], "no signed JSON Web Token"),
        "enormous": ("A" * 5000 + "." + "B" * 1500 + ".C", "no signed JSON Web Token"),
        "empty": ("", "no signed JSON Web Token"),
        "no token at all": ("undefined", "no signed JSON Web Token"),
        "not even text": ("%FF%00.%FF.%FF", "no signed JSON Web Token"),
    }


@pytest.fixture
def guarded(stage):
    """A server that asks for much, with a secret and a public key named rsa."""
    issuer = Issuer(stage.home)
    public = Issuer(stage.home, "RS256", "rsa", kid="rsa")
    server = stage.server(
        *issuer.options,
        *public.options,
        "--jwt-issuer",
        "https://login.example",
        "--jwt-audience",
        "wskit",
        "--audit",
        str(stage.home / "audit.jsonl"),
        "-vv",
    )
    return server, issuer, public


def test_every_wrong_token_is_refused_with_401_before_the_upgrade(guarded):
    server, issuer, public = guarded
    for wrong, (token, why) in wrong_tokens(issuer, public).items():
        quoted = token if "%" in token else urllib.parse.quote(token)
        for response in (
            upgrade(server, f"/ws?token={quoted}"),
            upgrade(server, f"/ws/market/AAPL?token={quoted}"),
            get(server, f"/ws/stats?token={quoted}"),
            get(server, f"/history/a?token={quoted}"),
        ):
            assert why in reason(response), wrong
            assert len(token) < 12 or token[:12] not in response.body.decode(), f"{wrong}: repeated"
        if token and "%" not in token:
            assert why in reason(upgrade(server, headers=bearer(token))), wrong
    right = issuer.token(iss="https://login.example", aud=["other", "wskit"])
    with server.client(f"/ws?token={right}") as client:
        client.still_works()
    right = public.token(iss="https://login.example", aud="wskit")
    with server.client(f"/ws?token={right}") as client:
        client.still_works()


def test_every_wrong_token_is_refused_after_the_upgrade(guarded):
    server, issuer, public = guarded
    for wrong, (token, why) in wrong_tokens(issuer, public).items():
        if not token:
            continue
        with server.client() as client:
            error = client.error("auth", token=token)
            assert error["code"] == "UNAUTHORIZED", wrong
            assert why in error["message"], wrong
            assert error["details"]["reason"], wrong
            assert client.error("subscribe", channels=["a"])["code"] == "UNAUTHORIZED", wrong
            client.still_works()
    with server.client() as client:
        assert "longer than" in client.error("auth", token="A." + "B" * 900_000 + ".C")["message"]


def test_tokens_are_in_no_log_and_no_answer(stage, guarded):
    server, issuer, _ = guarded
    secret = "TOPSECRETTOPSECRET"
    with server.client() as client:
        for text in (
            f'{{"action":"auth","id":1,"token":"{secret}"',
            f'{{"action":"auth","id":1,"token":["{secret}"]}}',
            f'{{"action":"auth","id":1,"tokens":"{secret}"}}',
            f'{{"action":"auth","id":1,"token":"{secret}","token":"{secret}"}}',
        ):
            client.websocket.send_text(text)
        client.command("ping")
        client.websocket.send_text(f'{{"action":"auth","id":9,"token":"{secret}.{secret}.{secret}"}}')
        seen = json.dumps([client.reply(9), client.controls, list(client._replies.values())])
        assert secret not in seen
    for path in (f"/nowhere?token={secret}", f"/history/a%2?token={secret}", f"/ws?since=?&token={secret}"):
        response = get(server, path, bearer(secret + "2"))
        assert response.status in (400, 401, 404), response
        assert secret.encode() not in response.body
        assert secret not in str(response.headers)
    token = issuer.token(iss="https://login.example", aud="wskit")
    with server.client(f"/ws?token={token}") as client:
        stats = json.dumps(client.expect("stats", client.command("stats")))
        assert token not in stats
    page = get(server, f"/ws/stats?token={token}")
    assert token.encode() not in page.body
    server.stop()
    audit = (stage.home / "audit.jsonl").read_text(encoding="utf-8")
    assert "ann" in audit
    for text in (server.log, audit):
        assert secret not in text and token not in text and issuer.key not in text


def test_a_link_to_more_history_has_no_token(stage):
    issuer = Issuer(stage.home)
    server = stage.server(*issuer.options)
    token = issuer.token(publish=["a"])
    with server.client(f"/ws?token={token}") as client:
        for number in range(3):
            client.publish("a", number)
    link = get(server, f"/history/a?limit=1&token={token}").headers["link"]
    assert "since=" in link and "token" not in link


def test_keys_are_told_apart_by_their_names(stage):
    old = Issuer(stage.home, "ES256", "old", kid="2025")
    new = Issuer(stage.home, "ES256", "new", kid="2026")
    server = stage.server(*old.options, *new.options)
    for issuer in (old, new):
        with server.client(headers=bearer(issuer.token())) as client:
            client.still_works()
    new.kid = "2025"
    assert "signature" in reason(upgrade(server, headers=bearer(new.token())))


def test_a_key_set_is_taken_as_it_is(stage):
    issuer = Issuer(stage.home, "RS256", kid="2026")
    other = Issuer(stage.home, "ES256", "other", kid="ec")
    keys = [
        {**json.loads(algorithm.to_jwk(each.key.public_key())), "kid": each.kid}
        for algorithm, each in ((jwt.algorithms.RSAAlgorithm, issuer),)
    ]
    numbers = other.key.public_key().public_numbers()
    keys.append(
        {
            "kty": "EC",
            "crv": "P-256",
            "kid": "ec",
            "x": base64url(numbers.x.to_bytes(32, "big")),
            "y": base64url(numbers.y.to_bytes(32, "big")),
        }
    )
    file = stage.home / "keys.json"
    file.write_text(json.dumps({"keys": keys}), encoding="ascii")
    server = stage.server("--jwt-key", str(file))
    for each in (issuer, other):
        with server.client(headers=bearer(each.token())) as client:
            assert client.connected["user"] == "ann"


def test_what_watches_over_the_server_needs_no_token(guarded):
    server, _, _ = guarded
    assert get(server, "/healthz").status == 200
    assert get(server, "/readyz?token=wrong").status == 200
    assert get(server, "/nowhere").status == 404


def test_a_server_without_keys_looks_at_no_token(server):
    with Client(WebSocket(server.address, "/ws?token=whatever")) as client:
        assert client.connected["user"] is None
        assert client.error("auth", token="x")["code"] == "UNAUTHORIZED"
        client.publish("a", 1)
