"""Proves: a server that limits the rate of a wspub gets every line once and in order, as fast as it allows."""

import re

import pytest
from harness.deadline import eventually


def history(server, channel):
    response = server.get(f"/history/{channel}?limit=10000")
    assert response.status == 200, response
    return [event["data"] for event in response.json()]


@pytest.mark.parametrize(
    "limits, lines",
    [
        (["--max-events", "500"], 1500),
        (["--max-commands", "50"], 2000),
        (["--max-events", "500", "--max-commands", "40"], 1000),
    ],
    ids=["events", "commands", "both"],
)
def test_every_line_arrives_once_and_in_order(stage, limits, lines):
    server = stage.server(*limits, "--history", "100000", "--rate-patience", "300ms")
    stdin = "".join(f"{number}\n" for number in range(lines)).encode()
    pub = stage.run("wspub", "-u", f"{server.url}/ws", "--window", "64", "a", stdin=stdin)
    assert pub.code == 0, pub.stderr
    assert f"read {lines}, acknowledged {lines}, sent again" in pub.stderr, "who waits as it is told is not closed"
    assert int(re.search(r"sent again (\d+)", pub.stderr)[1]) > 0, pub.stderr
    assert pub.stderr.count("cannot take events now: a connection may send") == 1, "told once"
    eventually(lambda: server.stats()["published"] == lines, "as many were published")
    assert server.stats()["rate_limited_commands"] > 0 and server.stats()["closed_rate"] == 0
    assert history(server, "a") == list(range(lines)), "once each, and in order"
