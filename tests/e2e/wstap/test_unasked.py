"""Proves: what is sent to all and to a user is printed by a wstap that asked for it, and by no other."""

import pytest
from harness.tokens import Issuer


@pytest.fixture
def issuer(stage):
    return Issuer(stage.home)


@pytest.fixture
def server(stage, issuer):
    return stage.server(*issuer.options)


@pytest.fixture
def tap(stage, server, issuer):
    def start(*arguments, **claims):
        token = issuer.token("ann", subscribe=["market/*"], **claims)
        tool = stage.tool("wstap", "-u", server.url, "--token", token, "-o", "json", "-v", *arguments)
        tool.wait_for_stderr("connected to")
        return tool

    return start


@pytest.fixture
def publish(server, issuer):
    token = issuer.token("root", admin=True, publish=["**"])
    with server.client(f"/ws?token={token}") as root:
        yield lambda *events: [root.publish(channel, data) for channel, data in events]


EVENTS = [("@all", 1), ("@user/ann", 2), ("market/A", 3), ("@all", 4), ("market/A", 5)]


def test_others_do_not_get_it(tap, publish, stage):
    reader = tap("market/A", "-n", "2", "--verify", "--cursor", stage.home / "cursor")
    publish(*EVENTS)
    assert reader.wait() == 0, reader.stderr
    assert [line[-10:] for line in reader.stdout.splitlines()] == [b',"data":3}', b',"data":5}']
    assert "verified: 2 events read in 1 channel" in reader.stderr, reader.stderr
    assert "@" not in (stage.home / "cursor").read_text(encoding="utf-8")


def test_nor_does_who_asked_for_the_default_channels(tap, publish):
    reader = tap("-n", "3", "--verify", channels=["market/*"])
    publish(*EVENTS)
    assert reader.wait() == 0, reader.stderr
    assert [line[-10:] for line in reader.stdout.splitlines()] == [
        b',"data":2}',
        b',"data":3}',
        b',"data":5}',
    ], "a user's own channel is among them"


def test_who_asked_for_it_gets_it(tap, publish):
    reader = tap("@all", "@user/ann", "-n", "3", "--verify")
    publish(*EVENTS)
    assert reader.wait() == 0, reader.stderr
    assert [line[-10:] for line in reader.stdout.splitlines()] == [
        b',"data":1}',
        b',"data":2}',
        b',"data":4}',
    ]
