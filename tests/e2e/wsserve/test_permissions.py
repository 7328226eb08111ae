"""Proves: nobody subscribes, reads or publishes what was not granted, by whatever way; every refusal names the
channel; what one user must not see never reaches it."""

import random

import pytest
from harness.event_source import EventSource
from harness.tokens import Issuer, bearer
from harness.websocket import handshake


@pytest.fixture
def issuer(stage):
    return Issuer(stage.home)


def forbidden(response, channel):
    assert response.status == 403, response
    error = response.json()["error"]
    assert error["code"] == "FORBIDDEN" and channel in error["message"]


def post(server, path, body="1"):
    with server.http() as http:
        http.send(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
        )
        return http.read()


def upgrade(server, path):
    with server.http() as http:
        http.send(handshake(path))
        return http.read()


def test_every_way_in_asks_for_the_same_permission(stage, issuer):
    server = stage.server(*issuer.options)
    token = issuer.token("ann", subscribe=["orders/ann/**", "market/*"], publish=["orders/ann/*"])
    other = issuer.token("bob", subscribe=["**"], publish=["**"])
    with server.client(headers=bearer(other)) as bob:
        bob.publish("orders/bob/1", "bob's")
        bob.publish("market/AAPL", "everybody's")
    with server.client(headers=bearer(token)) as ann:
        for channels in (
            ["orders/bob/1"],
            ["orders/*/1"],
            ["**"],
            ["market/**"],
            ["market/AAPL", "orders/bob/*"],
        ):
            error = ann.error("subscribe", channels=channels)
            assert error["code"] == "FORBIDDEN", channels
            assert error["details"]["channel"] == channels[-1] and channels[-1] in error["message"]
        assert ann.error("history", channel="orders/bob/1")["details"]["channel"] == "orders/bob/1"
        batch = [{"channel": name, "type": "t", "data": 1} for name in ("orders/ann/1", "market/AAPL")]
        assert ann.error("publish", events=batch)["details"] == {"index": 1, "channel": "market/AAPL"}
        assert ann.error("history", channel="orders/ann/1")["code"] == "NOT_FOUND", "of the batch nothing"
        ann.subscribe("orders/ann/*/fills", "orders/ann/1", "market/*")
        ann.publish("orders/ann/1", 1)
        assert ann.take_events(1)[0].channel == "orders/ann/1"
    forbidden(server.get(f"/history/orders/bob/1?token={token}"), "orders/bob/1")
    forbidden(server.get(f"/events/orders/bob/1?token={token}"), "orders/bob/1")
    forbidden(server.get(f"/events/**?token={token}"), "**")
    forbidden(post(server, f"/publish/market/AAPL?token={token}"), "market/AAPL")
    forbidden(upgrade(server, f"/ws/orders/bob/1?token={token}"), "orders/bob/1")
    forbidden(upgrade(server, f"/ws/@user/bob?token={token}"), "@user/bob")
    assert server.get(f"/history/market/AAPL?token={token}").json()[0]["data"] == "everybody's"
    assert post(server, f"/publish/orders/ann/2?token={token}").status == 200
    with EventSource(server.address, f"/events/market/*?since=start&token={token}") as stream:
        assert stream.take(1)[0].event.channel == "market/AAPL"
    stats = server.get(f"/ws/stats?token={token}").json()
    assert stats["forbidden"] == 13, stats


def test_without_claims_a_token_reads_everything_and_publishes_nothing(stage, issuer):
    server = stage.server(*issuer.options)
    with server.client(headers=bearer(issuer.token())) as ann:
        ann.subscribe("**", "a")
        assert ann.error("publish", channel="a", type="t", data=1)["code"] == "FORBIDDEN"
        assert ann.error("subscribe", channels=["@server/stats"])["code"] == "FORBIDDEN"


def test_roles_are_set_in_the_configuration(stage, issuer):
    file = stage.home / "wsserve.toml"
    file.write_text(
        f"""
        default-channel = ["market/*", "orders/open"]
        [access]
        jwt-secret-file = "{issuer.file}"
        allow-anonymous = true
        [anonymous]
        subscribe = ["market/*"]
        publish = "feedback"
        channels = ["news"]
        [authenticated]
        subscribe = []
        publish = ["orders/*"]
        """,
        encoding="utf-8",
    )
    server = stage.server("--config", str(file))
    with server.client() as anyone:
        assert anyone.connected["channels"] == ["market/*", "news"], "of the defaults what it may have"
        anyone.subscribe("market/AAPL")
        anyone.publish("feedback", "hello")
        assert (
            "an anonymous client may not subscribe"
            in anyone.error("subscribe", channels=["orders/1"])["message"]
        )
    with server.client(headers=bearer(issuer.token("ann"))) as ann:
        assert ann.connected["channels"] == ["@user/ann"]
        assert ann.error("subscribe", channels=["market/AAPL"])["code"] == "FORBIDDEN"
        ann.publish("orders/1", 1)
    with server.client(headers=bearer(issuer.token("bob", subscribe=["**"], publish=[]))) as bob:
        assert bob.connected["channels"] == ["market/*", "orders/open", "@user/bob"]
        assert bob.error("publish", channel="orders/1", type="t", data=1)["code"] == "FORBIDDEN"
    printed = stage.run("wsserve", "--config", str(file), "--print-config")
    assert "[anonymous]" in printed.stdout.decode() and "[[anonymous]]" not in printed.stdout.decode()


def test_the_tables_of_roles_stand_once(stage):
    file = stage.home / "wsserve.toml"
    for text, why in (
        ('[[anonymous]]\npublish = ["a"]\n', "write [anonymous], once"),
        ("[anonymous]\npublish = 7\n", "publish: must be"),
        ('[anonymous]\npublish = ["a**"]\n', "a**"),
        ('[anonymous]\nspeak = ["a"]\n', "unknown key 'speak'"),
        ("[authenticated]\n", "of no use without a key"),
    ):
        file.write_text(text, encoding="utf-8")
        checked = stage.run("wsserve", "--config", str(file), "--check-config")
        assert checked.code == 2 and why in checked.stderr, checked.stderr


def test_channels_of_a_token_are_subscribed_on_connect(stage, issuer):
    server = stage.server(*issuer.options)
    token = issuer.token("ann", channels=["orders/ann", "alerts/*"], subscribe=[], publish=["**"])
    with server.client(headers=bearer(token)) as ann:
        assert ann.connected["channels"] == ["orders/ann", "alerts/*", "@user/ann"]
        ann.publish("orders/ann", 1)
        ann.publish("alerts/x", 2)
        assert [event.channel for event in ann.take_events(2)] == ["orders/ann", "alerts/x"]
        assert ann.error("subscribe", channels=["orders/bob"])["code"] == "FORBIDDEN"


def test_users_are_named_to_administrators_only(stage, issuer):
    server = stage.server(*issuer.options)
    with server.client(headers=bearer(issuer.token("ann"))) as ann:
        with server.client(headers=bearer(issuer.token("bob", admin=True))) as bob:
            for stats in (
                ann.expect("stats", ann.command("stats")),
                server.get(f"/ws/stats?token={issuer.token('ann')}").json(),
            ):
                assert stats["connections_by_user"] == {"ann": 1} and stats["unique_users"] == 2
            assert bob.expect("stats", bob.command("stats"))["connections_by_user"] == {"ann": 1, "bob": 1}
    for path in ("/connections", "/channels"):
        assert server.get(f"{path}?token={issuer.token('ann')}").status == 403
        assert server.get(path).status == 401


def test_a_user_whose_name_is_a_pattern_is_no_other_user(stage, issuer):
    server = stage.server(*issuer.options)
    for name in ("*", "**", "@user/bob", "a b", "../bob", "x/*"):
        with server.client(
            headers=bearer(issuer.token(name, subscribe=["**", "@user/*", "@user/**"]))
        ) as client:
            assert client.connected["user"] == name
            for channel in ("@user/bob", "@user/*", "@user/**"):
                assert client.error("subscribe", channels=[channel])["code"] == "FORBIDDEN", (name, channel)


# --- Nobody sees what is another's -------------------------------------------


def matches(pattern, channel):
    """By the letter of the protocol."""
    wanted, segments = pattern.split("/"), channel.split("/")
    if wanted[-1] == "**":
        wanted = wanted[:-1]
        if len(segments) <= len(wanted):
            return False
        segments = segments[: len(wanted)]
    return len(wanted) == len(segments) and all(w in ("*", s) for w, s in zip(wanted, segments))


def any_pattern(choose):
    segments = [choose.choice(["a", "b", "c", "*"]) for _ in range(choose.randint(1, 3))]
    return "/".join(segments + (["**"] if choose.random() < 0.25 else []))


def test_no_event_reaches_whom_it_was_not_granted_to(stage, issuer):
    choose = random.Random(11)
    server = stage.server(*issuer.options)
    names = ["/".join(choose.choice("abc") for _ in range(choose.randint(1, 3))) for _ in range(60)]
    admin = issuer.token("feed", subscribe=["**"], publish=["**"], admin=True)
    with server.client(headers=bearer(admin)) as feed:
        for name in names:
            feed.publish(name, "old")
        clients = []
        granted_subscriptions = 0
        for number in range(40):
            grants = [any_pattern(choose) for _ in range(choose.randint(0, 3))]
            token = issuer.token(f"user{number}", subscribe=grants)
            client = server.client(headers=bearer(token))
            for _ in range(12):
                wanted = choose.choice(
                    [any_pattern(choose), choose.choice(names), choose.choice(grants or names)]
                )
                reply = client.command("subscribe", channels=[wanted], since="start")
                granted_subscriptions += reply["type"] == "subscribed"
                assert reply["type"] == "subscribed" or reply["data"]["code"] == "FORBIDDEN"
                if "*" not in wanted:
                    allowed = any(matches(grant, wanted) for grant in grants)
                    assert (reply["type"] == "subscribed") == allowed, (grants, wanted)
            clients.append((grants, client))
        assert granted_subscriptions > 60, "or the test shows nothing"
        for name in names:
            feed.publish(name, "new")
        received = 0
        for grants, client in clients:
            with client:
                # What was published before is delivered before this answer.
                client.still_works()
                for event in client.events:
                    assert any(matches(grant, event.channel) for grant in grants), (grants, event.channel)
                received += len(client.events)
        assert received > 500
